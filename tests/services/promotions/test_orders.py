"""Orders and credit notes: records with points by kind, reported once (C-24, S4-024 to S4-036, I-21)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import Shop, new_customer
from tests.services.customers.merging import merged, two_cards
from walletd.domain.cards.keys import OldKey, Rewrite, RewritePlan
from walletd.domain.customers.erasures import CustomerIsErased
from walletd.domain.errors import CardKeyReplaced, CurrencyMismatch, NotFound, ValidationFailed
from walletd.domain.pages import PageRequest
from walletd.domain.promotions.orders import NewOrder, Order, OrderExists, OrderFilter, OrderLine, OrderPoints

HOME = {"street": "Hauptstraße 7", "postal_code": "10115", "city": "Berlin"}
COFFEE = OrderLine("Röstkaffee 1 kg", 2, 4800, sku="4006381333931", category="Kaffee", variant="Bohne")
POINTS = OrderPoints(order=10, turnover=48, category=5, variant=2, redeemed=20)


def an_order(shop: Shop, ref_id: str = "100045", **more: Any) -> NewOrder:
    """An order of the web shop, placed an hour ago."""
    values: dict[str, Any] = {"points": POINTS, "billing_address": HOME, "lines": (COFFEE,)}
    return NewOrder("webshop", ref_id, "order", 4800, "EUR", shop.clock() - timedelta(hours=1), **values | more)


async def report(shop: Shop, new: NewOrder, customer_id: str | None = None, card: str | None = None) -> Order:
    """Report an order."""
    return await shop.services.orders.report(shop.principal, new, customer_id=customer_id, card=card)


async def listed(shop: Shop, customer_id: str | None = None, sort: str | None = None, **chosen: Any) -> list[str]:
    """The references of the orders in a list."""
    search = chosen.pop("search", None)
    request = PageRequest(page_size=100, sort=sort, search=search)
    found = await shop.services.orders.page(shop.principal, request, OrderFilter(**chosen), customer_id)
    return [order.content.ref_id for order in found.items]


async def test_an_order_is_kept_with_its_points_by_kind_addresses_and_positions(shop: Shop) -> None:
    """S4-026 to S4-036: a number in order, and everything that was reported; by customer, serial number or key."""
    card = await shop.card()
    first = await report(shop, an_order(shop), customer_id=card["customer_id"])
    assert (await shop.services.orders.get(shop.principal, first.id)) == first
    assert (first.number, first.content.points, first.content.lines) == (1, POINTS, (COFFEE,))
    by_serial = await report(shop, an_order(shop, "100046"), card=card["serial_number"])
    by_key = await report(shop, replace(an_order(shop, "100046"), type="credit_note"), card=card["key"])
    assert {by_serial.customer_id, by_key.customer_id} == {card["customer_id"]}
    assert [by_serial.number, by_key.number] == [2, 3]


async def test_an_order_that_is_reported_again_is_stored_once(shop: Shop) -> None:
    """I-21: the same again is the same, many at once too, and leaves no gap; other content is refused."""
    card = await shop.card()
    order = an_order(shop)
    found = await asyncio.gather(*(report(shop, order, customer_id=card["customer_id"]) for _ in range(6)))
    assert len({item.id for item in found}) == 1
    with pytest.raises(OrderExists) as refused:
        await report(shop, replace(order, total=1), customer_id=card["customer_id"])
    assert refused.value.facts == {"order_id": found[0].id}
    with pytest.raises(OrderExists):
        await report(shop, order, customer_id=(await shop.card())["customer_id"])
    assert (await report(shop, replace(order, source="till"), customer_id=card["customer_id"])).number == 2


async def test_orders_are_listed_sorted_searched_and_narrowed(shop: Shop) -> None:
    """S4-025: like every table; a customer's own, by type, source and reference."""
    card, other = await shop.card(), await shop.card()
    for ref_id, total in (("a-1", 300), ("b-2", 100), ("c-3", 200)):
        await report(shop, replace(an_order(shop, ref_id), total=total), customer_id=card["customer_id"])
    await report(shop, replace(an_order(shop, "b-2"), type="credit_note"), customer_id=other["customer_id"])
    assert await listed(shop) == ["b-2", "c-3", "b-2", "a-1"]
    assert await listed(shop, sort="total") == ["b-2", "c-3", "a-1", "b-2"]
    assert await listed(shop, search="C-") == ["c-3"]
    assert await listed(shop, other["customer_id"]) == ["b-2"]
    assert await listed(shop, ref_id="b-2", type="order") == ["b-2"]
    assert await listed(shop, source="till") == []
    with pytest.raises(ValidationFailed):
        await listed(shop, type="x")
    with pytest.raises(NotFound):
        await listed(shop, "cus_x")


async def test_orders_follow_a_merge_and_its_undoing(shop: Shop) -> None:
    """The survivor's table holds both; undone, each has its own again; a late report goes to the survivor."""
    one, other = await two_cards(shop)
    await report(shop, an_order(shop, "1"), customer_id=one["customer_id"])
    theirs = await report(shop, an_order(shop, "2"), customer_id=other["customer_id"])
    merge = await merged(shop, one, other)
    assert await listed(shop, one["customer_id"]) == ["2", "1"]
    assert (await shop.services.orders.get(shop.principal, theirs.id)).customer_id == one["customer_id"]
    assert (await report(shop, theirs.content, customer_id=other["customer_id"])).id == theirs.id
    late = await report(shop, an_order(shop, "3"), customer_id=other["customer_id"])
    assert late.customer_id == one["customer_id"]
    await shop.undo(merge["merge_id"])
    assert await listed(shop, one["customer_id"]) == ["3", "1"]
    assert await listed(shop, other["customer_id"]) == ["2"]


async def test_an_order_names_the_transactions_that_booked_its_points(shop: Shop) -> None:
    """S4-040: they have to be of this customer."""
    card = await shop.card()
    booked = await shop.post(card["serial_number"], "credit", amount=10, reference="100045")
    order = an_order(shop, transactions=(booked["transaction_id"],))
    kept = await report(shop, order, customer_id=card["customer_id"])
    assert kept.content.transactions == (booked["transaction_id"],)
    stranger = (await shop.card())["customer_id"]
    for wrong in (booked["transaction_id"], "txn_x"):
        with pytest.raises(ValidationFailed) as refused:
            await report(shop, an_order(shop, "x", transactions=(wrong,)), customer_id=stranger)
        assert "/transactions/0" in str(refused.value.facts["errors"])


async def test_an_order_that_cannot_be_is_refused_with_its_place(shop: Shop) -> None:
    """Blank names, the future, figures that are none; another currency; nobody, or two, to belong to."""
    customer_id = (await shop.card())["customer_id"]
    right = an_order(shop)
    for wrong, pointer in (
        ({"source": " "}, "/source"),
        ({"ref_id": ""}, "/ref_id"),
        ({"type": "x"}, "/type"),
        ({"total": -1}, "/total"),
        ({"points": OrderPoints(variant=-1)}, "/points/variant"),
        ({"lines": (replace(COFFEE, quantity=2**60),)}, "/lines/0/quantity"),
        ({"lines": (replace(COFFEE, name="a\nb"),)}, "/lines/0/name"),
        ({"billing_address": {"city": "a" * 201}}, "/billing_address/city"),
        ({"ordered_at": shop.clock() + timedelta(days=2)}, "/ordered_at"),
    ):
        with pytest.raises(ValidationFailed) as refused:
            await report(shop, replace(right, **wrong), customer_id=customer_id)
        assert pointer in str(refused.value.facts["errors"])
    with pytest.raises(CurrencyMismatch):
        await report(shop, replace(right, currency="USD"), customer_id=customer_id)
    for named in ({}, {"customer_id": customer_id, "card": "x"}):
        with pytest.raises(ValidationFailed):
            await report(shop, right, **named)
    for unknown in ({"customer_id": "cus_x"}, {"card": "x"}):
        with pytest.raises(NotFound):
            await report(shop, right, **unknown)
    assert await listed(shop) == []


async def test_a_retired_key_names_nobody(shop: Shop) -> None:
    """As at the till: who holds it is not told."""
    card = await shop.card()
    plan = RewritePlan("lost", OldKey.RETIRE)
    await shop.services.card_keys.rewrite(shop.principal, Rewrite(card["serial_number"], "new-key"), plan)
    with pytest.raises(CardKeyReplaced):
        await report(shop, an_order(shop), card=card["key"])


async def test_erasing_a_customer_keeps_the_order_and_forgets_its_addresses(shop: Shop) -> None:
    """I-14: what was bought stays in the books, where it went does not; nothing is added afterwards."""
    customer = await shop.services.customers.create(shop.principal, new_customer(last_name="Weber"))
    kept = await report(shop, an_order(shop, delivery_address=HOME), customer_id=customer.id)
    await shop.services.erasures.erase(shop.principal, customer.id)
    after = (await shop.services.orders.get(shop.principal, kept.id)).content
    assert (after.billing_address, after.delivery_address, after.total) == ({}, {}, 4800)
    with pytest.raises(CustomerIsErased):
        await report(shop, an_order(shop, "2"), customer_id=customer.id)


async def test_orders_of_another_merchant_are_not_seen(shop: Shop) -> None:
    """Nor can an order be reported for a customer of theirs; both may use the same reference."""
    card = await shop.card()
    mine = await report(shop, an_order(shop), customer_id=card["customer_id"])
    stranger = await shop.stranger()
    with pytest.raises(NotFound):
        await shop.services.orders.get(stranger, mine.id)
    with pytest.raises(NotFound):
        await shop.services.orders.report(stranger, mine.content, customer_id=card["customer_id"], card=None)


async def test_a_report_that_is_repeated_after_its_key_was_retired_has_its_answer(shop: Shop) -> None:
    """A lost answer can be asked for again; a new order by that key is refused."""
    card = await shop.card()
    first = await report(shop, an_order(shop), card=card["key"])
    plan = RewritePlan("lost", OldKey.RETIRE)
    await shop.services.card_keys.rewrite(shop.principal, Rewrite(card["serial_number"], "new-key"), plan)
    assert await report(shop, first.content, card=card["key"]) == first
    with pytest.raises(CardKeyReplaced):
        await report(shop, an_order(shop, "2"), card=card["key"])
