"""Everything that is known about one person, for that person (C-25; GDPR, articles 15 and 20)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from walletd.db.cards import cards
from walletd.db.customers import customers, merge_requests
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts
from walletd.db.ledger import entries as ledger
from walletd.db.promotions import orders
from walletd.db.views import history
from walletd.domain.cards.cards import Card
from walletd.domain.customers.changes import CustomerExported
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.merge_requests import MergeRequest
from walletd.domain.errors import NotFound
from walletd.domain.ledger.balances import AccountState, Balances
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.merchants.audit import HistoryRow
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import Page, PageRequest
from walletd.domain.promotions.orders import Order, OrderFilter
from walletd.services.changes.recorder import record
from walletd.services.customers.customers import check_goes_on
from walletd.services.customers.history import page_of_customer
from walletd.services.ledger.balances import open_books
from walletd.services.runtime import Runtime

_AT_ONCE: Final = 100
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What is known about a person at one instant, as far as it is short."""

    made_at: datetime
    customers: tuple[Customer, ...]
    """The customer, then those that were merged into it."""
    cards: tuple[tuple[Card, str], ...]
    """Each with the name of its program."""
    accounts: tuple[tuple[AccountState, Balances], ...]
    merge_requests: tuple[MergeRequest, ...]


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What is known about a person; what may be long is read page by page, while it is sent."""

    facts: KnownFacts
    entries: AsyncIterator[Sequence[tuple[Entry, Transaction]]]
    orders: AsyncIterator[Sequence[Order]]
    history: AsyncIterator[Sequence[HistoryRow]]


class PersonalDataExports:
    """Use cases about what a person may have handed over."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def of_customer(self, by: Principal, customer_id: str) -> PersonalData:
        """Return what is known about a customer, and note who asked; raises NotFound, CardMerged, CustomerIsErased.

        A suspended customer may have it, too: it is theirs by law.
        """
        now = self._runtime.clock()
        facts = await self._runtime.database.write(_facts, by, customer_id, now)
        customer_ids = tuple(customer.id for customer in facts.customers)
        return PersonalData(
            facts=facts,
            entries=self._entries(by, [state.id for state, _ in facts.accounts]),
            orders=self._pages(lambda wanted: self._orders(by, wanted, customer_ids)),
            history=self._pages(lambda wanted: self._happened(by, wanted, customer_id)),
        )

    async def _entries(
        self, by: Principal, account_ids: Sequence[str]
    ) -> AsyncIterator[Sequence[tuple[Entry, Transaction]]]:
        for account_id in account_ids:
            async for page in self._pages(lambda wanted, at=account_id: self._entries_of(by, wanted, at)):  # type: ignore[misc]
                yield page

    async def _entries_of(self, by: Principal, wanted: PageRequest, account_id: str) -> Page[tuple[Entry, Transaction]]:
        return await self._runtime.database.long_read(ledger.page, by.merchant_id, account_id, wanted)

    async def _orders(self, by: Principal, wanted: PageRequest, customer_ids: tuple[str, ...]) -> Page[Order]:
        chosen = OrderFilter(customer_ids=customer_ids)
        return await self._runtime.database.long_read(orders.page, by.merchant_id, wanted, chosen)

    async def _happened(self, by: Principal, wanted: PageRequest, customer_id: str) -> Page[HistoryRow]:
        return await self._runtime.database.long_read(page_of_customer, by, customer_id, wanted)

    async def _pages(self, page_of: Callable[[PageRequest], Awaitable[Page[Item]]]) -> AsyncIterator[Sequence[Item]]:
        cursor: str | None = None
        while True:
            page = await page_of(PageRequest(_AT_ONCE, cursor))
            yield page.items
            cursor = page.next_cursor
            if cursor is None:
                return


def _facts(tx: Tx, by: Principal, customer_id: str, now: datetime) -> KnownFacts:
    customer = customers.find(tx, by.merchant_id, customer_id)
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    check_goes_on(customer)
    customer_ids = [customer_id, *customers.ids_merged_into(tx, by.merchant_id, customer_id)]
    known = customers.by_ids(tx, customer_ids)
    held = cards.of_serials(tx, history.cards_of(tx, customer_ids)).values()
    owned = accounts.by_id(tx, history.accounts_of(tx, customer_ids), lock=False)
    books = open_books(tx, owned.values(), now)
    record(tx, by, now, CustomerExported(customer_id))
    return KnownFacts(
        made_at=now,
        customers=tuple(known[each_id] for each_id in customer_ids),
        cards=tuple((found.card, found.program.name) for found in held),
        accounts=tuple((book.state, book.balances()) for book in books.values()),
        merge_requests=tuple(request.at(now) for request in merge_requests.about(tx, customer_ids)),
    )
