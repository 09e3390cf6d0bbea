"""Accounts and their history."""

from __future__ import annotations

from walletd.db import accounts, ledger
from walletd.db.base import Tx
from walletd.domain.balances import AccountState
from walletd.domain.errors import NotFound
from walletd.domain.ledger import Entry
from walletd.domain.pages import Page, PageRequest
from walletd.domain.principals import Principal
from walletd.services.runtime import Runtime


class Accounts:
    """Use cases about accounts."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def get(self, by: Principal, account_id: str) -> AccountState:
        """Return an account; raises NotFound."""
        found = await self._runtime.database.read(lambda tx: accounts.find(tx, by.merchant_id, account_id))
        if found is None:
            raise NotFound(f"There is no account {account_id}.")
        return found

    async def entries(self, by: Principal, account_id: str, request: PageRequest) -> Page[Entry]:
        """Return a page of an account's entries, the newest first; raises NotFound, CursorInvalid."""

        def read(tx: Tx) -> Page[Entry] | None:
            if accounts.find(tx, by.merchant_id, account_id) is None:
                return None
            return ledger.page(tx, by.merchant_id, account_id, request)

        page = await self._runtime.database.read(read)
        if page is None:
            raise NotFound(f"There is no account {account_id}.")
        return page
