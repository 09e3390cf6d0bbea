"""Booking over HTTP: idempotency, balances and amounts (B1 to B12)."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

import httpx
import pytest

from tests.web.conftest import Till
from walletd.web.errors import PROBLEM_TYPE

API = "/api/v1"


def pointers(answer: httpx.Response) -> list[str]:
    """Where a validation error points."""
    return [item["pointer"] for item in answer.json()["errors"]]


async def test_a_hundred_copies_of_a_request_book_once(till: Till) -> None:
    """One of the copies is new, the others are the same bytes, replayed (B1)."""
    card = await till.shop.card()
    serial = card["serial_number"]
    answers = await asyncio.gather(*(till.book(serial, "copy", type="credit", amount=5) for _ in range(100)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    done = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in done}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in done) == 1
    assert {answer.headers["idempotency-replayed"] for answer in done if "idempotency-replayed" in answer.headers} == {
        "true"
    }
    assert await till.shop.balance(serial) == 5


async def test_a_key_with_another_request_is_refused(till: Till) -> None:
    """The same key with another amount gives 422 and books nothing (B2)."""
    serial = (await till.shop.card())["serial_number"]
    await till.book(serial, "one", type="credit", amount=5)
    answer = await till.book(serial, "one", type="credit", amount=6)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await till.shop.balance(serial) == 5


def mutated(body: bytes, chance: random.Random) -> bytes:
    """A body with one to three bytes changed, removed or doubled, that does not say the same as before."""
    while True:
        changed = bytearray(body)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(changed))
            changed[place : place + chance.randint(0, 1)] = bytes(chance.sample(range(256), chance.randint(0, 1)))
        try:
            if json.loads(changed) != json.loads(body):
                return bytes(changed)
        except ValueError:
            return bytes(changed)


async def test_a_thousand_mutated_bodies_under_a_used_key_book_nothing(till: Till) -> None:
    """Whatever became of the bytes, each request is refused by name, and the first answer stands (P3)."""
    serial = (await till.shop.card())["serial_number"]
    body = json.dumps({"card": serial, "type": "credit", "amount": 5, "reference": "17"}).encode()
    headers = till.headers | {"idempotency-key": "one", "content-type": "application/json"}
    first = await till.client.post(f"{API}/transactions", headers=headers, content=body)
    chance, refusals = random.Random(7), Counter[str]()
    for _ in range(1_000):
        answer = await till.client.post(f"{API}/transactions", headers=headers, content=mutated(body, chance))
        assert answer.status_code in {400, 422}, answer.text
        refusals[answer.json()["code"]] += 1
    assert refusals["idempotency_key_reused"] > 50
    again = await till.client.post(f"{API}/transactions", headers=headers, content=body)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert len(await till.shop.history(serial)) == 1


NO_KEYS: tuple[tuple[list[str], str], ...] = (
    ([], "idempotency_key_missing"),
    ([""], "idempotency_key_invalid"),
    (["k" * 256], "idempotency_key_invalid"),
    (["a\tb"], "idempotency_key_invalid"),
    (["ä"], "idempotency_key_invalid"),
    (["a", "a"], "idempotency_key_invalid"),
)


async def test_a_booking_needs_one_well_formed_key(till: Till) -> None:
    """Without a key, or with an impossible one, nothing is booked (B3 and B4)."""
    serial = (await till.shop.card())["serial_number"]
    for keys, code in NO_KEYS:
        given = [*till.headers.items(), *(("idempotency-key", key) for key in keys)]
        headers = [(name.encode(), value.encode("latin-1")) for name, value in given]
        body = {"card": serial, "type": "credit", "amount": 5}
        answer = await till.client.post(f"{API}/transactions", headers=headers, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await till.shop.balance(serial) == 0


async def test_two_merchants_may_use_the_same_key(till: Till) -> None:
    """Keys belong to the merchant (B5)."""
    body = {"kind": "loyalty", "name": "Theirs"}
    program = (await till.client.post(f"{API}/programs", headers=till.stranger, json=body)).json()
    card = {"program_id": program["program_id"], "customer": {"last_name": "B"}}
    theirs = (await till.client.post(f"{API}/cards", headers=till.stranger, json=card)).json()["serial_number"]
    mine = (await till.shop.card())["serial_number"]
    for headers, serial in ((till.headers, mine), (till.stranger, theirs)):
        booking = {"card": serial, "type": "credit", "amount": 5}
        answer = await till.client.post(
            f"{API}/transactions", headers=headers | {"idempotency-key": "same"}, json=booking
        )
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)


async def test_an_account_is_never_overdrawn(till: Till) -> None:
    """Of 64 debits of 1.00 on 10.00, ten are booked and the rest refused (B10)."""
    serial = (await till.shop.card("gift"))["serial_number"]
    await till.shop.book(serial, "credit", 1_000)
    answers = await asyncio.gather(*(till.book(serial, f"d{n}", type="debit", amount=100) for n in range(64)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 54
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {problem["code"] for problem in refused} == {"insufficient_balance"}
    assert await till.shop.balance(serial) == 0


async def test_a_declined_booking_is_repeated_as_declined(till: Till) -> None:
    """A refusal for a reason of state replays too, even after the reason is gone (P3)."""
    serial = (await till.shop.card("gift"))["serial_number"]
    first = await till.book(serial, "declined", type="debit", amount=5)
    await till.shop.book(serial, "credit", 5)
    second = await till.book(serial, "declined", type="debit", amount=5)
    assert (first.status_code, first.headers.get("idempotency-replayed")) == (409, None)
    assert (second.status_code, second.headers.get("idempotency-replayed")) == (409, "true")
    assert second.content == first.content
    assert second.headers["content-type"] == PROBLEM_TYPE


NO_AMOUNTS = ("-5", "0", "10.005", '"10"', "1e400", str(2**63), str(2**53), "true", "[]", "1" * 5_000)


@pytest.mark.parametrize(("field", "kind"), [("amount", "credit"), ("amount", "debit"), ("purchase_total", "purchase")])
async def test_an_amount_that_is_none_is_refused(till: Till, field: str, kind: str) -> None:
    """Whatever is no whole number from 1 to 2^53-1 gives 422 amount_invalid with its pointer (B11)."""
    serial = (await till.shop.card())["serial_number"]
    headers = till.headers | {"idempotency-key": "amount", "content-type": "application/json"}
    for amount in NO_AMOUNTS:
        body = f'{{"card": "{serial}", "type": "{kind}", "{field}": {amount}}}'
        answer = await till.client.post(f"{API}/transactions", headers=headers, content=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "amount_invalid"), answer.text
        assert pointers(answer) == [f"/{field}"]
    missing = await till.book(serial, "missing", type=kind)
    assert (missing.status_code, missing.json()["code"]) == (422, "amount_invalid")
    assert await till.shop.balance(serial) == 0


async def test_nan_is_broken_json(till: Till) -> None:
    """NaN is not JSON at all (B11)."""
    headers = till.headers | {"idempotency-key": "nan", "content-type": "application/json"}
    answer = await till.client.post(f"{API}/transactions", headers=headers, content=b'{"amount": NaN}')
    assert (answer.status_code, answer.json()["code"]) == (400, "json_invalid")


async def test_a_balance_has_a_limit(till: Till) -> None:
    """A credit that would go over 2^53-1 is refused (B12)."""
    serial = (await till.shop.card())["serial_number"]
    assert (await till.book(serial, "all", type="credit", amount=2**53 - 1)).status_code == 201
    answer = await till.book(serial, "more", type="credit", amount=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "balance_limit")


async def test_what_a_card_does_not_know_is_refused_never_ignored(till: Till) -> None:
    """Unknown types, types of other kinds, foreign fields, dates that are none: 422 with a pointer, +0."""
    serial = (await till.shop.card())["serial_number"]
    for body, code, pointer in (
        ({"type": "transfer", "amount": 1}, "validation_failed", "/type"),
        ({"type": "coupon"}, "operation_not_allowed", "/type"),
        ({"type": "visit"}, "operation_not_allowed", "/type"),
        ({"type": "reward"}, "operation_not_allowed", "/type"),
        ({"type": "credit", "amount": 1, "purchase_total": 1}, "validation_failed", "/purchase_total"),
        ({"type": "credit", "amount": 1, "tier": "Gold"}, "validation_failed", "/tier"),
        ({"type": "credit", "amount": 1, "valid_until": "2026-02-30"}, "validation_failed", "/valid_until"),
        ({"type": "credit", "amount": 1, "valid_until": "2020-01-01"}, "validation_failed", "/valid_until"),
        ({"type": "credit", "amount": 1, "locked_until": "never"}, "validation_failed", "/locked_until"),
        ({"type": "credit", "amount": 1, "currency": "EUR"}, "validation_failed", "/currency"),
    ):
        answer = await till.book(serial, "bad", **body)
        assert (answer.status_code, answer.json()["code"], pointers(answer)) == (422, code, [pointer])
    assert await till.shop.balance(serial) == 0


async def test_a_redemption_goes_its_way_over_http(till: Till) -> None:
    """Reserved, captured in part, and another one released twice; statuses and codes as documented (B13)."""
    serial = (await till.shop.card())["serial_number"]
    await till.shop.book(serial, "credit", 100)
    held = await till.post("/redemptions", "r1", {"card": serial, "amount": 60})
    assert (held.status_code, held.json()["state"], held.json()["account"]["reserved"]) == (201, "reserved", 60)
    path = f"/redemptions/{held.json()['code']}"
    over = await till.post(f"{path}/capture", "c1", {"amount": 61})
    assert (over.status_code, over.json()["code"]) == (422, "hold_exceeded")
    captured = await till.post(f"{path}/capture", "c2", {"amount": 50})
    again = await till.post(f"{path}/capture", "c2", {"amount": 50})
    assert (captured.status_code, captured.json()["account"]["total"], again.content) == (201, 50, captured.content)
    closed = await till.post(f"{path}/capture", "c3", None)
    assert (closed.status_code, closed.json()["code"]) == (409, "hold_closed")
    other = (await till.post("/redemptions", "r2", {"card": serial, "amount": 10})).json()["code"]
    released = [await till.client.delete(f"/api/v1/redemptions/{other}", headers=till.headers) for _ in range(2)]
    assert [(answer.status_code, answer.json()["state"]) for answer in released] == [(200, "released")] * 2
    late = (await till.post("/redemptions", "r3", {"card": serial, "amount": 10})).json()["code"]
    till.shop.clock.advance(minutes=15)
    expired = await till.post(f"/redemptions/{late}/capture", "c4", None)
    assert (expired.status_code, expired.json()["code"]) == (410, "hold_expired")
    read = await till.client.get(f"/api/v1/redemptions/{late}", headers=till.headers)
    assert (read.json()["state"], read.json()["account"]["redeemable"]) == ("discarded", 50)


async def test_blocks_refuse_with_their_status_over_http(till: Till) -> None:
    """L-10, L-11: 403 for a blocked or suspended customer, 409 for a revoked card (B14)."""
    card = await till.shop.card()
    serial, customer = card["serial_number"], card["customer_id"]
    await till.shop.book(serial, "credit", 100)
    await till.post(f"/customers/{customer}/block-redemption", None, None)
    blocked = await till.book(serial, "b1", type="debit", amount=5)
    assert (blocked.status_code, blocked.json()["code"]) == (403, "redemption_blocked")
    assert (await till.book(serial, "b2", type="purchase", purchase_total=1000)).status_code == 201
    await till.post(f"/customers/{customer}/suspend-loyalty", None, None)
    for path in (f"/cards/by-key/{card['key']}", f"/accounts/{card['account_id']}"):
        asked = await till.client.get(f"/api/v1{path}", headers=till.headers)
        assert (asked.status_code, asked.json()["code"]) == (403, "loyalty_suspended")
    await till.post(f"/customers/{customer}/resume-loyalty", None, None)
    await till.post(f"/cards/{serial}/revoke", None, {"reason": "stolen"})
    revoked = await till.book(serial, "b3", type="credit", amount=5)
    assert (revoked.status_code, revoked.json()["code"]) == (409, "card_revoked")


async def test_an_account_and_its_history_follow_the_bookings(till: Till) -> None:
    """Balances and entries show what was booked, and a transaction reads as it was answered."""
    card = await till.shop.card()
    booked = (await till.book(card["serial_number"], "one", type="purchase", purchase_total=2_790)).json()
    account = (await till.client.get(f"{API}/accounts/{card['account_id']}", headers=till.headers)).json()
    assert account == booked["account"]
    entries = (await till.client.get(f"{API}/accounts/{card['account_id']}/entries", headers=till.headers)).json()
    assert entries["items"] == booked["entries"]
    read = await till.client.get(f"{API}/transactions/{booked['transaction_id']}", headers=till.headers)
    assert read.json() == booked


@pytest.mark.parametrize("name", ["reference", "reason"])
async def test_a_note_has_the_length_that_the_schema_promises(till: Till, name: str) -> None:
    """Two hundred printable characters are taken; one more, or a line break, is refused with its place."""
    serial = (await till.shop.card())["serial_number"]
    booking = {"type": "credit", "amount": 1}
    assert (await till.book(serial, "longest", **booking, **{name: "ü" * 200})).status_code == 201
    for number, text in enumerate(("x" * 201, "a\nb")):
        answer = await till.book(serial, f"bad-{number}", **booking, **{name: text})
        assert (answer.status_code, pointers(answer)) == (422, [f"/{name}"])
