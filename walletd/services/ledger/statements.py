"""Statements: an account's history for the people it belongs to, with everything that its columns need."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from walletd.db.cards import programs
from walletd.db.engine.base import Tx
from walletd.db.ledger import entries
from walletd.db.merchants import merchants
from walletd.domain.cards.programs import Program
from walletd.domain.customers.customers import Customer
from walletd.domain.ledger.balances import AccountState, Balances
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import PageRequest
from walletd.services.ledger.accounts import open_to_queries
from walletd.services.ledger.balances import open_books
from walletd.services.runtime import Runtime

_LINES_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Statement:
    """The head of a statement: whose account it is, and its balances at one instant."""

    made_at: datetime
    merchant_name: str
    timezone: str
    languages: tuple[str, ...]
    program: Program
    customer: Customer
    account: AccountState
    balances: Balances


class Statements:
    """Use cases about statements."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def head(self, by: Principal, account_id: str) -> Statement:
        """Return the head of an account's statement; raises NotFound, LoyaltySuspended."""
        now = self._runtime.clock()

        def read(tx: Tx) -> Statement:
            account, customer = open_to_queries(tx, by, account_id)
            program, _ = programs.with_zones(tx, [account.program_id])[account.program_id]
            merchant = merchants.get(tx, by.merchant_id)
            book = open_books(tx, [account], now)[account.id]
            return Statement(
                now,
                merchant.name,
                merchant.timezone,
                tuple(merchant.languages),
                program,
                customer,
                book.state,
                book.balances(),
            )

        return await self._runtime.database.read(read)

    async def lines(self, by: Principal, account_id: str) -> AsyncIterator[list[tuple[Entry, Transaction]]]:
        """Yield the entries of an account with their transactions, the newest first, page by page."""
        cursor: str | None = None
        while True:
            request = PageRequest(_LINES_AT_ONCE, cursor, "-sequence", None)
            page = await self._runtime.database.long_read(
                entries.page,
                by.merchant_id,
                account_id,
                request,
            )
            yield list(page.items)
            cursor = page.next_cursor
            if cursor is None:
                return
