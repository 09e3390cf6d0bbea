"""The liability report: what is owed, at any instant, and how it came to that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import Shop
from walletd.domain.errors import ValidationFailed
from walletd.services.ledger.reports import Liability

OPENS_AT = datetime(2026, 12, 31, 11, 0, tzinfo=UTC)
"""2026-12-31 12:00 in Berlin."""


async def liability(shop: Shop, since: str | None = None, as_of: str | None = None) -> Liability:
    """Return the one line of a report."""
    (line,) = (await shop.services.reports.liability(shop.principal, since, as_of)).lines
    return line


async def test_every_movement_stands_in_its_column_and_adds_up(shop: Shop) -> None:
    """Credits, redemptions, expiry and returns make up what is owed; debt is owed by holders, not to them."""
    first, second = [(await shop.card())["serial_number"] for _ in range(2)]
    await shop.post(first, "credit", amount=100, valid_until="2026-12-31T12:00:00Z")
    await shop.post(first, "debit", amount=30)
    order = await shop.post(second, "purchase", purchase_total=5000)
    await shop.post(second, "debit", amount=40)
    await shop.reverse(order["transaction_id"], purchase_total=3000)
    shop.clock.advance(hours=2)
    line = await liability(shop)
    assert (line.accounts, line.opening, line.credited, line.redeemed) == (2, 0, 150, 70)
    assert (line.expired, line.reversed, line.closing) == (70, -30, -20)
    assert (line.debt, line.owed) == (20, 0)
    assert line.closing == line.opening + line.credited - line.redeemed - line.expired + line.reversed


async def test_a_day_ends_at_midnight_of_the_shop(shop: Shop) -> None:
    """The report of a year holds its last millisecond in Berlin and nothing of the new year; the next one goes on."""
    serial = (await shop.card())["serial_number"]
    shop.clock.now = datetime(2026, 12, 31, 22, 59, 59, 999_000, tzinfo=UTC)
    await shop.post(serial, "credit", amount=5)
    shop.clock.now = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    await shop.post(serial, "credit", amount=7)
    shop.clock.advance(days=1)
    assert (await liability(shop, as_of="2026-12-31")).owed == 5
    opened = await liability(shop, since="2027-01-01")
    assert (opened.opening, opened.credited, opened.owed) == (5, 7, 12)
    assert (await liability(shop, as_of="2026-12-31T23:00:00.001Z")).owed == 12


async def test_what_expired_counts_from_its_end_though_it_is_booked_later(shop: Shop) -> None:
    """The scheduler books an expiry some seconds late; a report on the end of the year does not see that."""
    serial = (await shop.card())["serial_number"]
    await shop.post(serial, "credit", amount=9, valid_until="2026-12-31T23:00:00Z")
    shop.clock.now = datetime(2026, 12, 31, 23, 0, 12, tzinfo=UTC)
    await shop.services.ledger.advance_due()
    shop.clock.advance(days=1)
    ended = await liability(shop, as_of="2026-12-31")
    assert (ended.expired, ended.owed) == (9, 0)
    before = await liability(shop, as_of="2026-12-31T22:59:59.999Z")
    assert (before.expired, before.owed) == (0, 9)


async def test_what_is_due_but_not_booked_is_settled_for_a_report_on_now(shop: Shop) -> None:
    """Without a scheduler the report of this instant is right too."""
    serial = (await shop.card())["serial_number"]
    await shop.post(serial, "credit", amount=9, valid_until=(shop.clock.now + timedelta(hours=1)).isoformat())
    shop.clock.advance(hours=1)
    assert (await liability(shop)).owed == 0


@pytest.mark.parametrize(
    ("since", "as_of", "pointer"),
    [
        ("yesterday", None, "/from"),
        (None, "2026-13-01", "/as_of"),
        (None, "2026-12-31T10:00:00", "/as_of"),
        (None, "9999-12-31", "/as_of"),
        ("2027-01-01", "2026-01-01", "/from"),
        ("", None, "/from"),
    ],
)
async def test_a_period_that_is_none_is_refused(shop: Shop, since: str | None, as_of: str | None, pointer: str) -> None:
    """Days and instants are taken, nothing else, and in their order."""
    with pytest.raises(ValidationFailed) as refused:
        await shop.services.reports.liability(shop.principal, since, as_of)
    assert refused.value.facts["errors"][0]["pointer"] == pointer  # type: ignore[index]


async def test_a_merchant_sees_its_own_books_only(shop: Shop) -> None:
    """Another merchant's report is empty."""
    await shop.post((await shop.card())["serial_number"], "credit", amount=5)
    stranger = await shop.stranger()
    assert (await shop.services.reports.liability(stranger, None, None)).lines == ()
