"""Accounts and their history."""

from __future__ import annotations

from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts
from walletd.db.ledger import entries as ledger
from walletd.domain.customers.customers import Customer, LoyaltyStatus
from walletd.domain.errors import LoyaltySuspended, NotFound
from walletd.domain.ledger.balances import AccountState, Balances
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import Page, PageRequest
from walletd.services.ledger.balances import open_books
from walletd.services.runtime import Runtime


class Accounts:
    """Use cases about accounts."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def get(self, by: Principal, account_id: str) -> tuple[AccountState, Balances]:
        """Return an account with its balances, exact at this instant; raises NotFound, LoyaltySuspended."""
        now = self._runtime.clock()

        def read(tx: Tx) -> tuple[AccountState, Balances]:
            book = open_books(tx, [open_to_queries(tx, by, account_id)[0]], now)[account_id]
            return book.state, book.balances()

        return await self._runtime.database.read(read)

    async def entries(
        self, by: Principal, account_id: str, request: PageRequest, card: str | None = None
    ) -> Page[tuple[Entry, Transaction]]:
        """Return a page of an account's entries, the newest first; with a serial number, those booked by that card.

        Raises NotFound, LoyaltySuspended, CursorInvalid.
        """

        def read(tx: Tx) -> Page[tuple[Entry, Transaction]]:
            open_to_queries(tx, by, account_id)
            return ledger.page(tx, by.merchant_id, account_id, request, card)

        return await self._runtime.database.read(read)


def open_to_queries(tx: Tx, by: Principal, account_id: str) -> tuple[AccountState, Customer]:
    """Return an account with its customer, who may ask for balances (D-16).

    Raises NotFound, LoyaltySuspended.
    """
    account = accounts.find(tx, by.merchant_id, account_id)
    customer = None if account is None else customers.find(tx, by.merchant_id, account.customer_id)
    if account is None or customer is None:
        raise NotFound(f"There is no account {account_id}.")
    if customer.loyalty_status != LoyaltyStatus.ACTIVE:
        raise LoyaltySuspended
    return account, customer
