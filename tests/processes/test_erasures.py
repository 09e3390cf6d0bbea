"""Who was erased is not found by anybody who looks through the machine: files, logs, exports (I-14)."""

from __future__ import annotations

from tests.processes.conftest import Start
from tests.processes.outside import Outside, open_program
from tests.processes.servers import Served
from tests.services.customers.test_erasures import MARKS, PERSON

_API = "/api/v1"
_FILES = ("customers.csv", "transactions.csv")


def _body() -> dict[str, object]:
    names = ("first_name", "last_name", "company", "email", "phone", "birth_date", "ref_id", "source", "locale")
    found: dict[str, object] = {name: getattr(PERSON, name) for name in names}
    return found | {
        "address": dict(PERSON.address),
        "tags": list(PERSON.tags),
        "custom_fields": dict(PERSON.custom_fields),
        "utm": dict(PERSON.utm),
    }


async def _live(outside: Outside) -> str:
    """Let the person do what leaves traces, wrong things too; return the id."""
    till = outside.till
    card = (
        await till.ask("POST", f"{_API}/cards", {"program_id": outside.program_id, "customer": _body()}, "card")
    ).json()
    person, serial = card["customer_id"], card["serial_number"]
    second = {"program_id": outside.program_id, "account_of": serial, "holder_name": "Zweitkarte-fuer-Olga"}
    await till.ask("POST", f"{_API}/cards", second, "second")
    booked = await till.ask("POST", f"{_API}/transactions", {"card": serial, "type": "credit", "amount": 40}, "book")
    assert booked.status_code == 201
    message = {"header": "Liebe-Post", "body": "an Xenophilius"}
    await till.ask("POST", f"{_API}/cards/{serial}/message", message, "message")
    await till.ask("PATCH", f"{_API}/customers/{person}", {"email": "xenophilius"})
    await till.ask("GET", f"{_API}/customers?search=quackenbusch")
    await till.ask("GET", f"{_API}/cards/by-key/Quackenbusch")
    order = {
        "source": "webshop",
        "ref_id": "1",
        "customer_id": person,
        "total": 1,
        "currency": "EUR",
        "ordered_at": "2026-02-20T10:15:00Z",
        "billing_address": dict(PERSON.address),
    }
    assert (await till.ask("POST", f"{_API}/orders", order)).status_code == 201
    twin = (await till.ask("POST", f"{_API}/customers", _body() | {"number": 77})).json()
    request = {"requested_by": person, "requested_for": twin["customer_id"], "remark": "Quackenbusch, zweimal"}
    await till.ask("POST", f"{_API}/merge-requests", request)
    merge = {"identity_survivor": person, "number_survivor": person, "absorbed": twin["customer_id"]}
    assert (await till.ask("POST", f"{_API}/merges", merge, "merge")).status_code == 201
    assert (await till.ask("GET", f"{_API}/customers/{person}/export")).status_code == 200
    return str(person)


async def _exports(outside: Outside) -> str:
    answers = [await outside.till.ask("GET", f"{_API}/exports/{name}") for name in _FILES]
    return "\n".join(answer.text for answer in answers).casefold()


def _everything(served: Served) -> dict[str, str]:
    """Return the bytes of every file, as text: the database, what it keeps beside it, and the log."""
    files = [path for path in served.folder.rglob("*") if path.is_file()]
    assert served.output in files
    return {path.name: path.read_bytes().decode("latin-1").casefold() for path in files}


async def test_files_logs_and_exports_do_not_hold_a_person_who_was_erased(
    outside_sqlite: Outside, start: Start
) -> None:
    """Not even in the free pages of the database file: what is erased there is overwritten."""
    served = start(outside_sqlite.environ)
    await served.ready()
    await open_program(outside_sqlite)
    person = await _live(outside_sqlite)
    before = await _exports(outside_sqlite)
    assert "quackenbusch" in before
    erased = await outside_sqlite.till.ask("DELETE", f"{_API}/customers/{person}")
    assert erased.status_code == 200, erased.text
    after = await _exports(outside_sqlite)
    assert [mark for mark in MARKS if mark in after] == []
    assert await served.stop() == 0
    found = _everything(served)
    assert person.casefold() in "".join(found.values())
    assert {name: mark for name, text in found.items() for mark in MARKS if mark in text} == {}
