"""Lists of customers, what stands above them, and what is done to all of them at once."""

from __future__ import annotations

from walletd.db.engine.base import Tx
from walletd.db.views import customer_lists
from walletd.domain.customers.changes import CustomersDeactivated, CustomersReactivated
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.lists import BulkDeactivation, CustomerFilter, Tiles
from walletd.domain.errors import NotFound
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import Page, PageRequest
from walletd.services.changes.recorder import record
from walletd.services.runtime import Runtime


class CustomerLists:
    """Use cases about lists of customers."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def page(self, by: Principal, request: PageRequest, chosen: CustomerFilter) -> Page[Customer]:
        """Return a page of customers; raises CursorInvalid, ValidationFailed."""
        return await self._runtime.database.read(customer_lists.page, by.merchant_id, request, chosen)

    async def tiles(self, by: Principal, search: str | None, chosen: CustomerFilter) -> Tiles:
        """Return what stands above the list of these customers."""
        return await self._runtime.database.read(customer_lists.tiles, by.merchant_id, search, chosen)

    async def count_without_opt_in(self, by: Principal) -> int:
        """Return how many customers `deactivate_without_opt_in` would deactivate."""
        return await self._runtime.database.read(customer_lists.count_without_opt_in, by.merchant_id)

    async def deactivate_without_opt_in(self, by: Principal) -> tuple[BulkDeactivation, int]:
        """Take everybody without consent out of lists and newsletters, in batches; loyalty goes on (D-17).

        Returns the deactivation, by which it can be undone, and how many customers it took.
        """
        now = self._runtime.clock()
        deactivation = BulkDeactivation(new_id("dea", now), now)

        def open_it(tx: Tx) -> None:
            customer_lists.open_deactivation(tx, deactivation.id, by.merchant_id, now)
            record(tx, by, now, CustomersDeactivated(deactivation.id))

        await self._runtime.database.write(open_it)
        taken = 0
        while batch := await self._runtime.database.write(
            customer_lists.deactivate_batch, by.merchant_id, deactivation.id
        ):
            taken += batch
        return deactivation, taken

    async def undo_deactivation(self, by: Principal, deactivation_id: str) -> int:
        """Put back those whom a deactivation took, but for customers that somebody changed since.

        Returns how many came back. Raises NotFound, DeactivationNotUndoable.
        """
        now = self._runtime.clock()

        def close_it(tx: Tx) -> None:
            found = customer_lists.find_deactivation(tx, by.merchant_id, deactivation_id)
            if found is None:
                raise NotFound(f"There is no deactivation {deactivation_id}.")
            found.check_undoable(now)
            customer_lists.close_deactivation(tx, deactivation_id, now)
            record(tx, by, now, CustomersReactivated(deactivation_id))

        await self._runtime.database.write(close_it)
        back = 0
        while batch := await self._runtime.database.write(customer_lists.reactivate_batch, deactivation_id):
            back += batch
        return back
