"""Lists of customers: narrowed, sorted, counted, deactivated (S1-002 to S1-006, S2-005 to S2-016, S4-002 to S4-010)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import Shop, new_customer
from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.customers import Customer, LoyaltyStatus
from walletd.domain.customers.lists import CustomerFilter, DeactivationNotUndoable
from walletd.domain.errors import NotFound, ValidationFailed
from walletd.domain.pages import PageRequest

ALL = CustomerFilter()


async def people(shop: Shop, *names: str, **details: Any) -> list[Customer]:
    """Customers with these last names."""
    create = shop.services.customers.create
    return [await create(shop.principal, new_customer(last_name=name, **details)) for name in names]


async def names(shop: Shop, chosen: CustomerFilter = ALL, **page: Any) -> list[str | None]:
    """The last names of a list, read page by page."""
    found: list[str | None] = []
    cursor: str | None = None
    while True:
        request = PageRequest(page_size=10, cursor=cursor, **page)
        got = await shop.services.customer_lists.page(shop.principal, request, chosen)
        found += [item.details.last_name for item in got.items]
        cursor = got.next_cursor
        if cursor is None:
            return found


async def test_a_list_is_sorted_by_name_over_all_its_pages(shop: Shop) -> None:
    """S4-005: by a click on the header in either direction; nobody is left out or shown twice."""
    await people(shop, *(f"Name {number:02}" for number in reversed(range(23))), "apfel", "Zander")
    expected = ["apfel", *(f"Name {number:02}" for number in range(23)), "Zander"]
    assert await names(shop, sort="name") == expected
    assert await names(shop, sort="-name") == expected[::-1]


async def test_a_list_is_narrowed_by_each_of_its_columns(shop: Shop) -> None:
    """S2-005, S2-008 to S2-012, S4-009, S4-010: inactive, suspended, blocked, consent, origin and tag."""
    plain, idle, asleep, blocked, willing = await people(shop, "Plain", "Idle", "Asleep", "Blocked", "Willing")
    await people(shop, "Tagged", tags=("stamm_kunde", "Größe 10%"), origins=("till", "voucher"))
    change = shop.services.customers.set_flag
    await change(shop.principal, idle.id, "crm_active", value=False)
    await change(shop.principal, asleep.id, "loyalty_status", value=LoyaltyStatus.SUSPENDED)
    await change(shop.principal, blocked.id, "redeem_blocked", value=True)
    await shop.services.consent.note(shop.principal, willing.id, OptInState.CONFIRMED)
    for chosen, expected in (
        (CustomerFilter(crm_active=False), ["Idle"]),
        (CustomerFilter(loyalty_status="suspended"), ["Asleep"]),
        (CustomerFilter(redeem_blocked=True), ["Blocked"]),
        (CustomerFilter(opt_in="confirmed"), ["Willing"]),
        (CustomerFilter(origin="voucher"), ["Tagged"]),
        (CustomerFilter(origin="online"), []),
        (CustomerFilter(tag="Größe 10%"), ["Tagged"]),
        (CustomerFilter(tag="Größe 10_"), []),
        (CustomerFilter(tag="stamm"), []),
        (CustomerFilter(crm_active=True, redeem_blocked=False, opt_in="none"), ["Plain", "Asleep", "Tagged"]),
    ):
        assert await names(shop, chosen) == expected
    assert plain.number < willing.number
    with pytest.raises(ValidationFailed):
        CustomerFilter(opt_in="maybe")


async def test_the_tiles_count_what_the_list_holds(shop: Shop) -> None:
    """D-34: customers, transactions, reviews and the mean rating over the current filter; nothing without reviews."""
    card = await shop.card()
    await shop.post(card["serial_number"], "credit", amount=5)
    await shop.post(card["serial_number"], "debit", amount=2)
    await people(shop, "Four", feedback_rating=4)
    await people(shop, "Five", feedback_rating=5, origins=("till",))
    lists = shop.services.customer_lists
    every = await lists.tiles(shop.principal, None, ALL)
    assert (every.customers, every.transactions, every.reviews, every.overall_rating) == (3, 2, 2, 4.5)
    till = await lists.tiles(shop.principal, None, CustomerFilter(origin="till"))
    assert (till.customers, till.transactions, till.reviews, till.overall_rating) == (1, 0, 1, 5.0)
    nobody = await lists.tiles(shop.principal, "no such name", ALL)
    assert (nobody.customers, nobody.overall_rating) == (0, None)


async def test_everybody_without_consent_is_deactivated_and_comes_back(shop: Shop) -> None:
    """D-17: pending and revoked too; loyalty goes on; undone within 24 hours, but for those somebody changed."""
    never, pending, revoked, willing, changed = await people(shop, "Never", "Pending", "Revoked", "Willing", "Changed")
    consent, lists = shop.services.consent, shop.services.customer_lists
    await consent.invite(shop.principal, pending.id, by_mail=False)
    await consent.note(shop.principal, revoked.id, OptInState.REVOKED)
    await consent.note(shop.principal, willing.id, OptInState.CONFIRMED)
    assert await lists.count_without_opt_in(shop.principal) == 4
    made, count = await lists.deactivate_without_opt_in(shop.principal)
    assert (count, await names(shop, CustomerFilter(crm_active=True))) == (4, ["Willing"])
    kept = await shop.services.customers.get(shop.principal, never.id)
    assert (kept.loyalty_status, kept.redeem_blocked) == ("active", False)
    for value in (True, False):
        await shop.services.customers.set_flag(shop.principal, changed.id, "crm_active", value=value)
    await shop.services.customers.set_flag(shop.principal, pending.id, "redeem_blocked", value=True)
    assert await lists.undo_deactivation(shop.principal, made.id) == 3
    assert await lists.undo_deactivation(shop.principal, made.id) == 0
    assert await names(shop, CustomerFilter(crm_active=False)) == ["Changed"]


async def test_a_deactivation_is_undone_within_a_day_and_by_its_own_merchant(shop: Shop) -> None:
    """After 24 hours it stays; an unknown one is not found."""
    await people(shop, "Never")
    made, _ = await shop.services.customer_lists.deactivate_without_opt_in(shop.principal)
    with pytest.raises(NotFound):
        await shop.services.customer_lists.undo_deactivation(shop.principal, "dea_x")
    shop.clock.advance(hours=24)
    with pytest.raises(DeactivationNotUndoable):
        await shop.services.customer_lists.undo_deactivation(shop.principal, made.id)
    assert await names(shop, CustomerFilter(crm_active=False)) == ["Never"]
