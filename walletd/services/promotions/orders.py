"""Orders and credit notes: reported once by the system that took them, listed and read (C-24)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from walletd.db.cards import cards
from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts, entries
from walletd.db.merchants import merchants
from walletd.db.promotions import orders
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.erasures import CustomerIsErased
from walletd.domain.errors import CardKeyReplaced, CurrencyMismatch, NotFound
from walletd.domain.identifiers import KeyState, new_id
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import Page, PageRequest
from walletd.domain.promotions.changes import OrderReported
from walletd.domain.promotions.orders import TYPES, NewOrder, Order, OrderExists, OrderFilter, check_order
from walletd.domain.validation import invalid
from walletd.services.changes.recorder import record
from walletd.services.runtime import Runtime


class Orders:
    """Use cases about orders and credit notes."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def report(self, by: Principal, new: NewOrder, *, customer_id: str | None, card: str | None) -> Order:
        """Store an order of a customer, who is named by id or by a card's serial number or key.

        Reported again with the same content it is the order that was stored first (I-21). Of a customer who was merged
        it belongs to the one that goes on. Raises ValidationFailed, NotFound, CardKeyReplaced, CustomerIsErased,
        CurrencyMismatch, OrderExists.
        """
        now = self._runtime.clock()
        check_order(new, now)
        if (customer_id is None) == (card is None):
            raise invalid("/customer_id", "or card is needed, and only one of them")

        def write(tx: Tx) -> Order:
            # Reports of one merchant wait for each other: numbers have no gaps, and nothing is stored twice.
            merchants.lock(tx, by.merchant_id)
            present = orders.find_reported(tx, by.merchant_id, new.source, new.ref_id, new.type)
            named = customer_id or _holder(tx, by, card or "", known=present is not None)
            customer = _going_on(tx, by, named)
            _check_currency(tx, by, new)
            if present is not None:
                return _same(tx, by, present, new, customer)
            _check_transactions(tx, by, customer, new.transactions)
            number = merchants.next_order_number(tx, by.merchant_id)
            order = Order(new_id("ord", now), by.merchant_id, number, customer.id, new, now)
            orders.insert(tx, order)
            record(tx, by, now, OrderReported(order.id, customer.id))
            return order

        return await self._runtime.database.write(write)

    async def get(self, by: Principal, order_id: str) -> Order:
        """Return an order; raises NotFound."""

        def read(tx: Tx) -> Order:
            found = orders.find(tx, by.merchant_id, order_id)
            if found is None:
                raise NotFound(f"There is no order {order_id}.")
            return _at_survivors(tx, [found])[0]

        return await self._runtime.database.read(read)

    async def page(
        self, by: Principal, request: PageRequest, chosen: OrderFilter, customer_id: str | None
    ) -> Page[Order]:
        """Return a page of orders, of all customers or of one and those merged into it.

        Raises NotFound, CursorInvalid, ValidationFailed.
        """
        if chosen.type not in {None, *TYPES}:
            raise invalid("/type", f"must be one of {', '.join(TYPES)}")

        def read(tx: Tx) -> Page[Order]:
            narrowed = chosen
            if customer_id is not None:
                if customers.find(tx, by.merchant_id, customer_id) is None:
                    raise NotFound(f"There is no customer {customer_id}.")
                ids_merged_into = customers.ids_merged_into(tx, by.merchant_id, customer_id)
                narrowed = replace(chosen, customer_ids=(customer_id, *ids_merged_into))
            found = orders.page(tx, by.merchant_id, request, narrowed)
            return Page(tuple(_at_survivors(tx, found.items)), found.next_cursor)

        return await self._runtime.database.read(read)


def _holder(tx: Tx, by: Principal, name: str, *, known: bool) -> str:
    """Return whose card it is; a key that was retired names nobody, but for an order that was stored before that."""
    found = cards.find(tx, by.merchant_id, name)
    if found is not None:
        return found.customer.id
    by_key = cards.find_by_key(tx, by.merchant_id, name)
    if by_key is None:
        raise NotFound("There is no card with this serial number or key.")
    if by_key[1] == KeyState.RETIRED and not known:
        raise CardKeyReplaced
    return by_key[0].customer.id


def _going_on(tx: Tx, by: Principal, customer_id: str) -> Customer:
    found = customers.find(tx, by.merchant_id, customer_id)
    target = customer_id if found is None else found.merged_into or found.id
    # Locked, so that erasing the customer comes before or after the whole order; a merge may have come between.
    customer = customers.find(tx, by.merchant_id, target, lock=True)
    if customer is not None and customer.merged_into is not None:
        customer = customers.find(tx, by.merchant_id, customer.merged_into, lock=True)
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    if customer.erased_at is not None:
        raise CustomerIsErased
    return customer


def _check_currency(tx: Tx, by: Principal, new: NewOrder) -> None:
    own = merchants.currency(tx, by.merchant_id)
    if new.currency != own:
        raise CurrencyMismatch(f"This merchant counts in {own}.", currency=own)


def _check_transactions(tx: Tx, by: Principal, customer: Customer, transaction_ids: Sequence[str]) -> None:
    """Raise ValidationFailed for a transaction that booked nothing for this customer."""
    owners = {customer.id, *customers.ids_merged_into(tx, by.merchant_id, customer.id)}
    for index, transaction_id in enumerate(transaction_ids):
        found = entries.find_transaction(tx, by.merchant_id, transaction_id)
        booked = {entry.account_id for entry in found[1]} if found is not None else set()
        if not owners & {state.customer_id for state in accounts.by_id(tx, booked, lock=False).values()}:
            raise invalid(f"/transactions/{index}", "is no transaction of this customer")


def _same(tx: Tx, by: Principal, present: Order, new: NewOrder, customer: Customer) -> Order:
    """Return the order that was stored first, if it says the same; raises OrderExists."""
    theirs = {customer.id, *customers.ids_merged_into(tx, by.merchant_id, customer.id)}
    if present.content != new or present.customer_id not in theirs:
        raise OrderExists(order_id=present.id)
    return replace(present, customer_id=customer.id)


def _at_survivors(tx: Tx, found: Sequence[Order]) -> list[Order]:
    """Return orders as those of the customers that go on: undoing a merge gives them back by itself."""
    known = customers.by_ids(tx, {order.customer_id for order in found})
    return [replace(order, customer_id=known[order.customer_id].merged_into or order.customer_id) for order in found]
