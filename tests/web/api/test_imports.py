"""Imports and exports over HTTP: files in, reports out, and files that come back to the same state."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import httpx
import msgspec
import pytest

from tests.builders import new_customer
from tests.services.exchange.importing import book_all, counts
from tests.web.conftest import Till
from walletd.domain.customers.consent import OptInState
from walletd.web.api.exchange.import_answers import COMMITTED, IMPORT, IMPORT_FILE, ROW, ImportAnswer, ImportRowAnswer
from walletd.web.edge.uploads import UPLOAD_MAX

API = "/api/v1"


async def send(till: Till, content: bytes | str, query: str = "", **headers: str) -> httpx.Response:
    """Upload a file."""
    body = content.encode() if isinstance(content, str) else content
    return await till.client.post(
        f"{API}/imports{query}", headers=till.headers | {"content-type": "text/csv"} | headers, content=body
    )


async def get(till: Till, path: str) -> httpx.Response:
    """Ask as the shop."""
    answer = await till.client.get(f"{API}{path}", headers=till.headers)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_file_is_validated_looked_at_committed_and_followed(till: Till) -> None:
    """Every answer has the names of its example in the OpenAPI document, and reads back through its struct."""
    program = await till.shop.program("stamp")
    sent = await send(till, IMPORT_FILE, f"?program_id={program}")
    path = f"/imports/{sent.json()['import_id']}"
    rows = await get(till, f"{path}/rows")
    committed = await till.client.post(f"{API}{path}/commit", headers=till.headers)
    await till.shop.services.jobs.start_due()
    await till.shop.services.jobs.finish()
    done = await get(till, path)
    assert (sent.status_code, committed.status_code, done.json()["state"]) == (201, 200, "COMMITTED")
    for answer, example in ((sent, IMPORT), (committed, COMMITTED), (done, IMPORT)):
        assert set(answer.json()) == set(example)
        msgspec.convert(answer.json(), ImportAnswer, strict=True)
    assert rows.json()["items"] == [ROW]
    msgspec.convert(rows.json()["items"][0], ImportRowAnswer, strict=True)
    assert (sent.json()["state"], sent.json()["booked"], done.json()["done"]) == ("VALIDATED", 40, 1)


async def test_a_file_with_errors_is_reported_by_the_dry_run_and_refused_without_it(till: Till) -> None:
    """Line and column of each fault; nothing is booked either way."""
    program, before = await till.shop.program("stamp"), await counts(till.shop)
    file = "Nachname;E-Mail;Saldo\nA;a@b.de;1\nB;b@b.de;1,5\n"
    dry = await send(till, file, f"?program_id={program}")
    wet = await send(till, file, f"?program_id={program}&dry_run=false")
    assert (dry.status_code, dry.json()["state"], dry.json()["errors"]) == (201, "FAILED", 1)
    assert dry.json()["findings"] == [
        {"line": 3, "level": "error", "column": "balance", "detail": "must be a whole number"}
    ]
    assert (wet.status_code, wet.json()["code"], wet.json()["line"]) == (422, "import_file_invalid", 3)
    refused = await till.client.post(f"{API}/imports/{dry.json()['import_id']}/commit", headers=till.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "import_refused")
    assert await counts(till.shop) == before


async def test_a_valid_file_can_be_committed_at_once(till: Till) -> None:
    """Sent again while it is being booked, it is the same import."""
    program = await till.shop.program("stamp")
    first, again = [await send(till, IMPORT_FILE, f"?program_id={program}&dry_run=false") for _ in range(2)]
    assert (first.status_code, first.json()["state"]) == (201, "COMMITTING")
    assert again.json()["import_id"] == first.json()["import_id"]
    assert (await book_all(till.shop, first.json()["import_id"])).done == 1


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a" * 2_000_000, 1),
        (b'Nachname\n"offen' + b"x\n" * 100_000, 2),
        (b"Nachname\nA\0B\n", 2),
        ("Nachname\nA\n".encode("utf-16"), 1),
        (b"Haarfarbe\nrot\n", 1),
        (b"Nachname\n", 2),
        (b"", 1),
    ],
    ids=["long", "open", "nul", "utf-16", "column", "no-rows", "empty"],
)
async def test_a_bad_file_is_refused_with_its_line_and_nothing_is_booked(till: Till, content: bytes, line: int) -> None:
    """Row 38 of the bad inputs, as it arrives over HTTP."""
    before = await counts(till.shop)
    answer = await send(till, content)
    assert (answer.status_code, answer.json()["code"], answer.json()["line"]) == (422, "import_file_invalid", line)
    assert await counts(till.shop) == before


async def test_a_file_that_is_too_large_or_no_csv_is_refused(till: Till) -> None:
    """413 before it is read, also where its length is not announced; 415 for another type."""
    announced = await send(till, b"x", **{"content-length": str(UPLOAD_MAX + 1)})

    async def endless() -> Any:
        for _ in range(UPLOAD_MAX // 1_000_000 + 2):
            yield b"x" * 1_000_000
            await asyncio.sleep(0)

    headers = till.headers | {"content-type": "text/csv"}
    streamed = await till.client.post(f"{API}/imports", headers=headers, content=endless())
    typed = await send(till, b"{}", **{"content-type": "application/json"})
    assert [answer.status_code for answer in (announced, streamed, typed)] == [413, 413, 415]


@pytest.mark.parametrize("query", ["?dry_run=maybe", "?lenient=2", "?program=x", "?program_id=prg_unknown"])
async def test_an_unknown_parameter_or_program_is_refused(till: Till, query: str) -> None:
    """422 names the parameter; an unknown program is 404."""
    answer = await send(till, IMPORT_FILE, query)
    assert answer.status_code == (404 if "program_id" in query else 422)


async def test_a_stranger_reaches_no_import(till: Till) -> None:
    """An import belongs to its merchant."""
    sent = await send(till, "Nachname\nA\n")
    path = f"{API}/imports/{sent.json()['import_id']}"
    answers = [
        await till.client.get(path, headers=till.stranger),
        await till.client.get(f"{path}/rows", headers=till.stranger),
        await till.client.post(f"{path}/commit", headers=till.stranger),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize(("language", "first"), [("de", "Kundennummer"), ("en", "number")])
async def test_the_template_can_be_filled_in_and_sent(till: Till, language: str, first: str) -> None:
    """The header of the template is a header that the import knows."""
    program = await till.shop.program("stamp")
    template = await get(till, f"/imports/template.csv?language={language}&program_id={program}")
    delimiter = ";" if language == "de" else ","
    names = template.content.decode("utf-8-sig").strip().split(delimiter)
    row = delimiter.join("Muster" if name in {"Nachname", "last name"} else "" for name in names)
    sent = await send(till, template.content + row.encode(), f"?program_id={program}")
    assert (names[0], sent.json()["state"], sent.json()["created"]) == (first, "VALIDATED", 1)


async def consent(till: Till, customer_id: str) -> None:
    """Invite a customer, who confirms two days later, at no full second."""
    till.shop.clock.advance(milliseconds=125)
    await till.shop.services.consent.invite(till.shop.principal, customer_id, by_mail=False)
    till.shop.clock.advance(days=2, milliseconds=1)
    await till.shop.services.consent.note(till.shop.principal, customer_id, OptInState.CONFIRMED)


DANGEROUS = ("=1+1", "+49 171", "-5", "@SUM(A1)", "|calc", "%x", "'=1", "01067", "123456789012345", 'a;"b",c', "-")


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("kind", ["gift", "stamp", "discount", "membership"])
async def test_an_export_is_imported_again_to_the_same_state(till: Till, kind: str, language: str) -> None:
    """Nothing to do here; and in another shop the same customers with the same balances, whatever their texts hold."""
    for text in DANGEROUS:
        new = new_customer(
            last_name="Muster",
            company=text,
            tags=("a,b", "c"),
            custom_fields={"k": text},
            address={"city": text},
            origins=("online", "voucher"),
            feedback_rating=4,
        )
        card = await till.shop.card(kind, customer=new)
        await consent(till, card["customer_id"])
        if kind in {"gift", "stamp"}:
            await till.shop.book(card["serial_number"], "credit", 1250)
        if kind == "discount":
            await till.shop.book(card["serial_number"], "purchase", 299_999)
    await till.shop.services.customers.set_flag(till.shop.principal, card["customer_id"], "crm_active", value=False)
    program = await till.shop.program(kind)
    query = f"?language={language}&program_id={program}"
    export = await get(till, f"/exports/customers.csv{query}")
    for line in csv.reader(io.StringIO(export.content.decode("utf-8-sig")), delimiter=";" if language == "de" else ","):
        assert not any(cell.startswith(("=", "+", "-", "@", "|", "%")) for cell in line)
    again = await send(till, export.content, f"?program_id={program}")
    told = again.json()
    assert (told["state"], told["rows"], told["updated"], told["created"], told["cards"]) == (
        "VALIDATED",
        len(DANGEROUS),
        0,
        0,
        0,
    ), told


async def test_another_shop_takes_an_export_in(till: Till) -> None:
    """Customers with their flags, days and keys, and cards with their balances."""
    new = new_customer(
        last_name="Muster", phone="+49 171", birth_date="1980-12-31", origins=("till",), feedback_rating=5
    )
    card = await till.shop.card("gift", customer=new, key="K-1")
    await consent(till, card["customer_id"])
    await till.shop.book(card["serial_number"], "credit", 1250)
    await till.shop.services.customers.set_flag(till.shop.principal, card["customer_id"], "redeem_blocked", value=True)
    export = await get(till, f"/exports/customers.csv?language=de&program_id={await till.shop.program('gift')}")
    made = await till.client.post(
        f"{API}/programs", headers=till.stranger, json={"kind": "gift", "name": "Their vouchers"}
    )
    query = f"?program_id={made.json()['id']}"
    headers = till.stranger | {"content-type": "text/csv"}
    sent = await till.client.post(f"{API}/imports{query}&dry_run=false", headers=headers, content=export.content)
    assert sent.json()["state"] == "COMMITTING"
    await till.shop.services.jobs.start_due()
    await till.shop.services.jobs.finish()
    (one,) = (await till.client.get(f"{API}/customers", headers=till.stranger)).json()["items"]
    assert (one["opt_in"]["state"], one["origins"], one["feedback_rating"]) == ("confirmed", ["till"], 5)
    theirs = await till.client.get(f"{API}/exports/customers.csv{query}&language=de", headers=till.stranger)
    assert theirs.content == export.content


async def test_transactions_are_exported_for_one_program_or_all(till: Till) -> None:
    """D-33: the history of all customers with this card; money in major units, formulas disarmed."""
    gift, stamp = await till.shop.card("gift"), await till.shop.card("stamp")
    await till.shop.post(gift["serial_number"], "credit", amount=1250, campaign="=HYPERLINK(1)")
    await till.shop.post(gift["serial_number"], "debit", amount=50)
    await till.shop.book(stamp["serial_number"], "credit", 3)
    program = await till.shop.program("gift")
    everything = await get(till, "/exports/transactions.csv")
    of_gift = await get(till, f"/exports/transactions.csv?language=de&program_id={program}")
    english = list(csv.DictReader(io.StringIO(everything.content.decode("utf-8-sig"))))
    german = list(csv.DictReader(io.StringIO(of_gift.content.decode("utf-8-sig")), delimiter=";"))
    assert sorted(row["amount"] for row in english) == ["-0.50", "12.50", "3"]
    assert [(row["Betrag"], row["Stand danach"], row["Einheit"]) for row in german] == [
        ("12,50", "12,50", "EUR"),
        ("-0,50", "12,00", "EUR"),
    ]
    assert german[0]["Kampagne"] == "'=HYPERLINK(1)"
