"""Rotating barcodes at the till: good for a moment and for one booking (G7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from tests.builders import Shop, next_key
from tests.services.delivery.googling import GoogleShop, a_google_shop
from walletd.domain.cards.rotating_codes import RotatingCodeRefused, RotatingCodeUsed, totp
from walletd.domain.errors import InsufficientBalance, NotFound


@pytest_asyncio.fixture
async def at_google(shop: Shop) -> AsyncIterator[GoogleShop]:
    """A shop with a fake Google, whose loyalty cards rotate."""
    await shop.program("loyalty", rotating_barcode="google")
    async with a_google_shop(shop) as opened:
        yield opened


def _scanned(at: GoogleShop, serial: str, moment: datetime | None = None) -> str:
    """What a scanner reads from the phone: worked out of what Google keeps, as Google's phones do."""
    rotating: dict[str, Any] = at.object_of(serial).body["rotatingBarcode"]
    details = rotating["totpDetails"]
    seconds = int((moment or at.shop.clock.now).timestamp())
    secret = bytes.fromhex(details["parameters"][0]["key"])
    value = totp(secret, seconds * 1000 // int(details["periodMillis"]))
    read = str(rotating["valuePattern"]).replace("{totp_timestamp_seconds}", str(seconds))
    return read.replace("{totp_value_0}", value)


async def test_a_card_that_rotates_has_no_other_barcode_at_google(at_google: GoogleShop) -> None:
    """A static one beside it would be what a screenshot shows; the secret is in no database and no link."""
    card = await at_google.linked()
    body = at_google.object_of(card["serial_number"]).body
    secret = body["rotatingBarcode"]["totpDetails"]["parameters"][0]["key"]
    assert "barcode" not in body
    assert len(bytes.fromhex(secret)) == 20

    def everything(tx: Any) -> str:
        rows = (tx.execute(text(f"SELECT * FROM {name}")).all() for name in ("published_passes", "wallet_objects"))  # noqa: S608
        return repr(list(rows))

    assert secret.lower() not in (await at_google.shop.runtime.database.read(everything)).lower()


async def test_a_scanned_code_books_once(at_google: GoogleShop) -> None:
    """The till sends what it read; the second booking with it is refused, the next code books again."""
    serial = (await at_google.linked())["serial_number"]
    code = _scanned(at_google, serial)
    await at_google.shop.post(code, "credit", amount=5)
    with pytest.raises(RotatingCodeUsed) as refused:
        await at_google.shop.post(code, "credit", amount=5)
    assert refused.value.facts["serial_number"] == serial
    at_google.shop.clock.advance(seconds=30)
    await at_google.shop.post(_scanned(at_google, serial), "credit", amount=5)
    assert await at_google.shop.balance(serial) == 10


async def test_a_repeated_request_with_its_key_gets_its_answer(at_google: GoogleShop) -> None:
    """A till whose connection broke asks again with the same code and the same key."""
    serial = (await at_google.linked())["serial_number"]
    code, key = _scanned(at_google, serial), next_key()
    first = await at_google.shop.post(code, "credit", key, amount=5)
    assert await at_google.shop.post(code, "credit", key, amount=5) == first
    assert await at_google.shop.balance(serial) == 5


async def test_two_tills_that_read_the_same_screen_book_once(at_google: GoogleShop) -> None:
    """One of many at the same time."""
    serial = (await at_google.linked())["serial_number"]
    code = _scanned(at_google, serial)
    works = (at_google.shop.post(code, "credit", amount=1) for _ in range(10))
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    assert sum(isinstance(outcome, RotatingCodeUsed) for outcome in outcomes) == 9
    assert await at_google.shop.balance(serial) == 1


async def test_a_declined_booking_does_not_use_the_code_up(at_google: GoogleShop) -> None:
    """Too little is there: the till may book what fits with the same code."""
    serial = (await at_google.linked())["serial_number"]
    await at_google.shop.post(serial, "credit", amount=5)
    code = _scanned(at_google, serial)
    with pytest.raises(InsufficientBalance):
        await at_google.shop.post(code, "debit", amount=6)
    await at_google.shop.post(code, "debit", amount=5)
    assert await at_google.shop.balance(serial) == 0


async def test_a_look_with_a_code_finds_the_card_and_leaves_the_code(at_google: GoogleShop) -> None:
    """The till looks first, then books."""
    serial = (await at_google.linked())["serial_number"]
    code = _scanned(at_google, serial)
    found = await at_google.shop.services.cards.by_key(at_google.shop.principal, code)
    await at_google.shop.post(code, "credit", amount=1)
    assert (found.card.serial_number, await at_google.shop.balance(serial)) == (serial, 1)


async def test_an_old_picture_or_a_guess_is_refused_everywhere(at_google: GoogleShop) -> None:
    """A screenshot of a minute ago, a changed digit, another card's code."""
    one, other = await at_google.linked(), await at_google.linked()
    old = _scanned(at_google, one["serial_number"])
    at_google.shop.clock.advance(seconds=90)
    mixed = _scanned(at_google, other["serial_number"]).replace(other["key"], one["key"])
    guess = f"{one['key']}.{int(at_google.shop.clock.now.timestamp())}.00000000"
    for code in (old, mixed, guess):
        for work in (
            at_google.shop.post(code, "credit", amount=1),
            at_google.shop.reserve(code, 1),
            at_google.shop.services.cards.by_key(at_google.shop.principal, code),
        ):
            with pytest.raises(RotatingCodeRefused):
                await work
    with pytest.raises(NotFound):
        await at_google.shop.post("NOBODY.1234567890.12345678", "credit", amount=1)


async def test_without_the_rule_a_card_has_its_plain_barcode(shop: Shop) -> None:
    """Off by default; switching it off brings the plain one back."""
    async with a_google_shop(shop) as at:
        serial = (await at.linked())["serial_number"]
        assert "barcode" in at.object_of(serial).body
        program = await shop.program()
        for rule, has, lacks in (("google", "rotatingBarcode", "barcode"), ("off", "barcode", "rotatingBarcode")):
            await shop.services.programs.update(shop.principal, program, rules={"rotating_barcode": rule})
            await shop.until_idle()
            assert has in at.object_of(serial).body
            assert lacks not in at.object_of(serial).body
