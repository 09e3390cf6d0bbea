"""The API over the real services: keys and scopes, strict bodies, lists, and what of a card can be read."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

import httpx
import pytest

from tests.fakes import FakeServices
from tests.web.conftest import Till
from walletd.domain.errors import StorageFull
from walletd.domain.merchants.principals import Principal
from walletd.web.api.routes import ROUTES
from walletd.web.errors import PROBLEM_TYPE

API = "/api/v1"
Key = Callable[..., dict[str, str]]


def pointers(answer: httpx.Response) -> list[str]:
    """Where a validation error points."""
    return [item["pointer"] for item in answer.json()["errors"]]


# --- who may call -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer unknown", "Bearer a b", "Bearer key:root", "key:admin"],
)
async def test_without_a_living_key_nothing_is_answered(client: httpx.AsyncClient, header: str | None) -> None:
    """A missing, garbled or unknown key gives 401 with a challenge, in the form of all errors."""
    answer = await client.get(f"{API}/cards", headers={} if header is None else {"authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == PROBLEM_TYPE


async def test_no_route_of_the_api_is_open(client: httpx.AsyncClient) -> None:
    """Every route asks for a key before anything else, but the one that describes them."""
    for route in ROUTES:
        for method in route.http_methods:
            path = re.sub(r"\{\w+:\w+\}", "x", next(iter(route.paths)))
            assert (await client.request(method, f"{API}{path}")).status_code == 401, path
    assert (await client.get(f"{API}/openapi.json")).status_code == 200


async def test_two_keys_are_no_key(client: httpx.AsyncClient, key: Key) -> None:
    """Two Authorization headers give 401, so that no proxy can have seen another key."""
    headers = [("authorization", key()["authorization"])] * 2
    assert (await client.get(f"{API}/cards", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/programs", "admin"),
        ("GET", "/programs", "cards:read"),
        ("PATCH", "/programs/x", "admin"),
        ("POST", "/customers", "customers:write"),
        ("GET", "/customers/x", "customers:read"),
        ("POST", "/cards", "cards:write"),
        ("GET", "/cards/by-key/x", "cards:read"),
        ("POST", "/transactions", "ledger:write"),
        ("GET", "/accounts/x", "cards:read"),
    ],
)
async def test_a_key_without_the_scope_is_told_which_one_it_lacks(
    client: httpx.AsyncClient, services: FakeServices, key: Key, method: str, path: str, scope: str
) -> None:
    """Every other scope is refused with 403, before a body is looked at; the right one and admin are let through."""
    services.refuse_everything(StorageFull())
    others = {"cards:read", "cards:write", "ledger:write", "customers:read", "customers:write"} - {scope}
    refused = await client.request(method, f"{API}{path}", headers=key(*others))
    assert (refused.status_code, refused.json()["code"], refused.json()["scope"]) == (403, "forbidden", scope)
    for sufficient in (scope, "admin"):
        answer = await client.request(method, f"{API}{path}", headers=key(sufficient))
        assert answer.status_code in {415, 503}


async def test_a_revoked_key_is_refused_within_a_second(till: Till) -> None:
    """A key that was revoked answers 401 (R4)."""
    row, secret = await till.shop.services.api_keys.create(till.shop.principal, "old", ("cards:read",))
    headers = {"authorization": f"Bearer {secret}"}
    assert (await till.client.get(f"{API}/cards", headers=headers)).status_code == 200
    await till.shop.services.api_keys.revoke(till.shop.principal, row.id)
    assert (await till.client.get(f"{API}/cards", headers=headers)).status_code == 401


async def test_a_client_that_goes_away_takes_nobody_elses_answer_with_it(till: Till) -> None:
    """Requests that come while their key is being read wait for one answer, and the others of them get it."""
    keys = till.shop.services.api_keys
    row, secret = await keys.create(till.shop.principal, "new", ("cards:read",))
    asking = [asyncio.create_task(keys.authenticate(secret)) for _ in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()
    gone, *answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(gone, asyncio.CancelledError)
    assert [answer.id for answer in answers if isinstance(answer, Principal)] == [row.id, row.id]


async def test_a_stranger_finds_nothing(till: Till) -> None:
    """Another merchant's key gets 404 for every id, without a word of what it is (B40)."""
    card = await till.shop.card()
    booked = await till.shop.book(card["serial_number"], "credit", 5)
    paths = [
        f"/programs/{card['program_id']}",
        f"/customers/{card['customer_id']}",
        f"/cards/{card['serial_number']}",
        f"/cards/{card['serial_number']}/pass.pkpass",
        f"/cards/{card['serial_number']}/deliveries",
        f"/cards/by-key/{quote(card['key'], safe='')}",
        f"/accounts/{card['account_id']}",
        f"/accounts/{card['account_id']}/entries",
        f"/transactions/{booked['transaction_id']}",
    ]
    for path in paths:
        assert (await till.client.get(f"{API}{path}", headers=till.headers)).status_code == 200, path
        answer = await till.client.get(f"{API}{path}", headers=till.stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert "Muster" not in answer.text
    for path in ("/programs", "/customers", "/cards"):
        assert (await till.client.get(f"{API}{path}", headers=till.stranger)).json()["items"] == []


async def test_the_newest_checkpoint_can_be_collected(till: Till) -> None:
    """A program that keeps checkpoints elsewhere gets the same text that the command prints; 404 before the first."""
    missing = await till.client.get(f"{API}/ledger/checkpoint", headers=till.headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    await till.shop.book((await till.shop.card())["serial_number"], "credit", 5)
    made = await till.shop.services.checkpoints.make()
    answer = await till.client.get(f"{API}/ledger/checkpoint", headers=till.headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert made is not None
    assert answer.text == made.text()


# --- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
)
async def test_a_body_of_another_type_is_refused(client: httpx.AsyncClient, key: Key, media_type: str | None) -> None:
    """Bodies are application/json in UTF-8 (R1)."""
    headers = key() | ({} if media_type is None else {"content-type": media_type})
    answer = await client.post(f"{API}/programs", headers=headers, content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")


async def test_a_body_over_64_kib_is_refused_announced_or_not(client: httpx.AsyncClient, key: Key) -> None:
    """A large body gives 413, also where its length was not announced (R1)."""
    headers = key() | {"content-type": "application/json"}
    body = b'{"name": "' + b"a" * 70_000 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1_000):
            yield body[start : start + 1_000]

    for content in (body, chunks()):
        answer = await client.post(f"{API}/programs", headers=headers, content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.json()["limit_bytes"] == 65_536


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json_invalid"),
        (b'{"kind": "stamp", "kind": "gift"}', 400, "json_invalid"),
        (b'{"kind": NaN}', 400, "json_invalid"),
        (b"\xff", 400, "json_invalid"),
        (b'{"a":' * 10_000, 400, "json_invalid"),
        (b"[]", 422, "validation_failed"),
        (rb'{"kind": "stamp", "name": "a\u0000b"}', 422, "validation_failed"),
        (rb'{"kind": "stamp", "name": "\ud800"}', 422, "validation_failed"),
    ],
)
async def test_broken_json_and_text_that_cannot_be_stored_are_told_apart(
    client: httpx.AsyncClient, key: Key, body: bytes, status: int, code: str
) -> None:
    """Broken or ambiguous JSON is 400, JSON that says something impossible is 422."""
    answer = await client.post(f"{API}/programs", headers=key() | {"content-type": "application/json"}, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


WRONG_VALUES: tuple[tuple[str, dict[str, object], str], ...] = (
    ("/programs", {"name": "x"}, "/kind"),
    ("/programs", {"kind": "plastic", "name": "x"}, "/kind"),
    ("/programs", {"kind": "stamp", "name": "x", "colour": "red"}, "/colour"),
    ("/programs", {"kind": "stamp", "name": "x", "rules": {"slots": 1.5}}, "/rules"),
    ("/programs", {"kind": "stamp", "name": "x", "rules": {"slots": 900}}, "/rules/slots"),
    ("/customers", {"first_name": "x"}, "/last_name"),
    ("/customers", {"last_name": 7}, "/last_name"),
    ("/customers", {"last_name": "x", "address": {"street": "a", "planet": "b"}}, "/address/planet"),
    ("/customers", {"last_name": "x", "tags": ["a", 7]}, "/tags/1"),
    ("/customers", {"last_name": "x", "number": 2**53}, "/number"),
    ("/customers", {"last_name": "x", "birth_date": "31.12.1980"}, "/birth_date"),
    ("/cards", {"program_id": "x", "customer": {"last_name": None, "company": 1}}, "/customer/company"),
    ("/cards", {"program_id": "x"}, "/customer"),
    ("/cards", {"program_id": "x", "customer_id": "y", "key": "k" * 65}, "/key"),
)


async def test_a_wrong_value_is_named_by_its_pointer(till: Till) -> None:
    """A validation error says where the value stands, also deep inside."""
    for path, body, pointer in WRONG_VALUES:
        answer = await till.client.post(f"{API}{path}", headers=till.headers, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.text
        assert pointers(answer) == [pointer]


async def test_markup_in_a_name_is_stored_as_it_was_sent(till: Till) -> None:
    """SQL, HTML and template text are names like others (R2)."""
    payload = "Robert'); DROP TABLE customers;-- <b>{{7*7}}</b> \u202e 😀"
    made = await till.client.post(f"{API}/customers", headers=till.headers, json={"last_name": payload})
    assert made.status_code == 201
    read = await till.client.get(f"{API}/customers/{made.json()['customer_id']}", headers=till.headers)
    assert read.json()["last_name"] == payload


# --- lists ------------------------------------------------------------------------------------------------------------


async def test_a_list_is_read_page_by_page(till: Till) -> None:
    """Following the cursor gives every customer once, in the order asked for."""
    for number in range(12):
        await till.client.post(f"{API}/customers", headers=till.headers, json={"last_name": f"Name {number:02}"})
    parameters = {"page_size": "10", "sort": "-number"}
    first = (await till.client.get(f"{API}/customers", headers=till.headers, params=parameters)).json()
    parameters["cursor"] = first["next_cursor"]
    second = (await till.client.get(f"{API}/customers", headers=till.headers, params=parameters)).json()
    names = [item["last_name"] for item in first["items"] + second["items"]]
    assert names == [f"Name {number:02}" for number in reversed(range(12))]
    assert (len(first["items"]), second["next_cursor"]) == (10, None)
    found = await till.client.get(f"{API}/customers", headers=till.headers, params={"search": "name 07"})
    assert [item["last_name"] for item in found.json()["items"]] == ["Name 07"]


WRONG_QUERIES: tuple[tuple[str, int, str | None], ...] = (
    ("page_size=7", 422, "/page_size"),
    ("page_size=ten", 422, "/page_size"),
    ("page_size=", 422, "/page_size"),
    ("page_size=²", 422, "/page_size"),
    ("page_size=10&page_size=25", 422, "/page_size"),
    ("page=2", 422, "/page"),
    ("sort=password", 422, "/sort"),
    ("search=%00", 422, "/search"),
    ("search=" + "a" * 2_000, 422, "/search"),
    ("cursor=x", 400, None),
    ("cursor=%00", 422, "/cursor"),
    ("cursor=bnVsbA", 400, None),
    ("&".join(f"a{number}=1" for number in range(50)), 422, ""),
)


@pytest.mark.parametrize("path", ["/customers", "/cards", "/programs"])
async def test_a_list_refuses_what_it_does_not_know(till: Till, path: str) -> None:
    """Misspelt or impossible parameters are named, and a foreign cursor is refused."""
    for query, status, pointer in WRONG_QUERIES:
        answer = await till.client.get(f"{API}{path}?{query}", headers=till.headers)
        assert answer.status_code == status, answer.text
        assert answer.json()["code"] == "cursor_invalid" if pointer is None else pointers(answer) == [pointer]


async def test_an_id_that_cannot_exist_is_not_found(till: Till) -> None:
    """Whatever stands in a path, it is an id that does not exist."""
    for name in ("%00", "%ff", "a" * 5_000, "%F0%9F%98%80", "%0d%0aX: y", "x%2Fy", "'--"):
        for path in ("/customers", "/cards", "/programs", "/accounts", "/transactions", "/cards/by-key"):
            answer = await till.client.get(f"{API}{path}/{name}", headers=till.headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (path, answer.text)


async def test_a_card_is_found_by_a_key_with_any_characters(till: Till) -> None:
    """A merchant's own key may hold slashes, percent signs and spaces; it is percent-encoded in the path."""
    for number, key in enumerate(("A/B//C/", "100%25", "a b?c#d", "4006381333931")):
        customer = {"last_name": f"Muster {number}"}
        body = {"program_id": await till.shop.program(), "customer": customer, "key": key}
        made = await till.client.post(f"{API}/cards", headers=till.headers, json=body)
        assert made.status_code == 201, made.text
        found = await till.client.get(f"{API}/cards/by-key/{quote(key, safe='')}", headers=till.headers)
        assert found.json()["serial_number"] == made.json()["serial_number"]


async def test_a_card_reads_as_it_was_issued(till: Till) -> None:
    """GET by serial number and by key answer what POST answered, and a second card with the key is refused."""
    body = {"program_id": await till.shop.program("gift"), "customer": {"company": "Bäckerei"}, "key": "4711"}
    made = await till.client.post(f"{API}/cards", headers=till.headers, json=body)
    for path in (f"/cards/{made.json()['serial_number']}", "/cards/by-key/4711"):
        assert (await till.client.get(f"{API}{path}", headers=till.headers)).json() == made.json()
    again = await till.client.post(f"{API}/cards", headers=till.headers, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "card_key_taken")


async def test_the_pass_of_a_card_is_a_file(till: Till) -> None:
    """A shop downloads the signed pass under a name."""
    card = await till.shop.card()
    answer = await till.client.get(f"{API}/cards/{card['serial_number']}/pass.pkpass", headers=till.headers)
    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    assert answer.headers["content-disposition"] == 'inline; filename="loyalty.pkpass"'
    assert answer.content.startswith(b"PK\x03\x04")


async def test_a_customer_changes_by_what_is_given(till: Till) -> None:
    """PATCH leaves out what stays and takes null as away; the number cannot be changed."""
    body = {"last_name": "Weber", "email": "a@b.example", "phone": "1", "address": {"city": "Ulm"}}
    made = (await till.client.post(f"{API}/customers", headers=till.headers, json=body)).json()
    path = f"{API}/customers/{made['customer_id']}"
    changed = await till.client.patch(path, headers=till.headers, json={"phone": None, "tags": ["a"], "address": None})
    expected = made | {"phone": None, "tags": ["a"], "address": {}}
    assert changed.json() == expected
    assert (await till.client.get(path, headers=till.headers)).json() == expected
    refused = await till.client.patch(path, headers=till.headers, json={"number": 7})
    assert (refused.status_code, pointers(refused)) == (422, ["/number"])


async def test_a_program_changes_by_what_is_given(till: Till) -> None:
    """PATCH changes name or single rules and keeps the others."""
    body = {"kind": "stamp", "name": "Coffee", "rules": {"slots": 8}}
    made = (await till.client.post(f"{API}/programs", headers=till.headers, json=body)).json()
    path = f"{API}/programs/{made['program_id']}"
    changed = await till.client.patch(path, headers=till.headers, json={"rules": {"slots": 9}})
    assert changed.json() == made | {"rules": made["rules"] | {"slots": 9}}


async def test_a_full_disk_is_a_503_that_says_when_to_return(
    client: httpx.AsyncClient, services: FakeServices, key: Key
) -> None:
    """Storage trouble is never a 500 (B33)."""
    services.refuse_everything(StorageFull())
    headers = key() | {"idempotency-key": "k"}
    body = {"card": "x", "type": "credit", "amount": 1}
    answer = await client.post(f"{API}/transactions", headers=headers, json=body)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "storage_full", "60")


async def test_the_answers_are_json_without_a_charset_and_not_stored(till: Till) -> None:
    """Answers about people are kept by no proxy."""
    answer = await till.client.get(f"{API}/cards", headers=till.headers)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert json.loads(answer.content) == {"items": [], "next_cursor": None}
