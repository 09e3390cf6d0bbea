"""What happened between a customer and the shop, and who did what to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.merchants import api_keys, audit, merchants
from walletd.db.views import history
from walletd.domain.errors import NotFound
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.merchants.audit import MOVES, AuditFilter, AuditRow, HistoryRow, QuickInfos
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import Page, PageRequest
from walletd.domain.validation import invalid
from walletd.services.ledger.balances import TIME
from walletd.services.runtime import Runtime


class History:
    """Use cases about what happened."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def of_customer(self, by: Principal, customer_id: str, request: PageRequest) -> Page[HistoryRow]:
        """Return what happened to a customer, the newest first; those merged into it count. Raises NotFound.

        It is always in this order and not searched. Raises ValidationFailed for either wish, CursorInvalid.
        """
        if request.search or request.sort:
            raise invalid("/search" if request.search else "/sort", "is not possible in this list")
        return await self._runtime.database.read(page_of_customer, by, customer_id, request)

    async def quick_infos(self, by: Principal, customer_id: str) -> QuickInfos:
        """Return what is known of a customer at a glance; raises NotFound."""

        def read(tx: Tx) -> QuickInfos:
            trail = _trail(tx, by, customer_id)
            bought = history.newest(tx, trail.account_ids, bought=True, but_by=())
            visited = history.newest(tx, trail.account_ids, bought=False, but_by=(TIME,))
            return QuickInfos(
                registered_at=trail.registered_at,
                last_visit=None if visited is None else visited[0],
                contacts=history.count_entries(tx, trail.account_ids)
                + audit.count_about(tx, by.merchant_id, trail.subjects),
                last_turnover=0 if bought is None else bought[1],
                total_turnover=history.total_turnover(tx, trail.account_ids),
                currency=merchants.currency(tx, by.merchant_id),
            )

        return await self._runtime.database.read(read)

    async def audit(self, by: Principal, request: PageRequest, chosen: AuditFilter) -> Page[AuditRow]:
        """Return who did what to whom; raises CursorInvalid, ValidationFailed."""
        return await self._runtime.database.read(audit.page, by.merchant_id, request, chosen)


def page_of_customer(tx: Tx, by: Principal, customer_id: str, request: PageRequest) -> Page[HistoryRow]:
    """Return a page of what happened to a customer, the newest first; raises CursorInvalid, NotFound."""
    before = history.position_of(request.cursor)
    trail, limit = _trail(tx, by, customer_id), request.page_size + 1
    entries = history.entries(tx, trail.account_ids, before, limit)
    audit_entries = audit.about(tx, by.merchant_id, trail.subjects, before, limit)
    called = {key.id: key.name for key in api_keys.of_merchant(tx, by.merchant_id)}
    rows = [_of_entry(*pair, called) for pair in entries] + [
        _of_audit_entry(audit_entry, called) for audit_entry in audit_entries
    ]
    rows.sort(key=lambda row: (row.at, row.id), reverse=True)
    shown = rows[: request.page_size]
    more = len(rows) > request.page_size
    cursor = history.cursor_at(shown[-1].at, shown[-1].id) if more else None
    return Page(tuple(shown), cursor)


@dataclass(frozen=True, slots=True)
class _Trail:
    """Where a customer left traces: own accounts and subjects, and those of customers merged into it."""

    registered_at: datetime
    account_ids: list[str]
    subjects: list[str]


def _trail(tx: Tx, by: Principal, customer_id: str) -> _Trail:
    customer = customers.find(tx, by.merchant_id, customer_id)
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    customer_ids = [customer_id, *customers.ids_merged_into(tx, by.merchant_id, customer_id)]
    return _Trail(
        customer.created_at, history.accounts_of(tx, customer_ids), [*customer_ids, *history.cards_of(tx, customer_ids)]
    )


def _of_entry(entry: Entry, transaction: Transaction, called: Mapping[str, str]) -> HistoryRow:
    return HistoryRow(
        id=entry.id,
        at=entry.created_at,
        source=called.get(transaction.actor, transaction.actor),
        event=entry.kind,
        subject=entry.account_id,
        turnover=0 if transaction.type in MOVES else entry.turnover,
        amount=entry.amount,
        unit=entry.currency or entry.unit,
        reference=transaction.reference,
        reason=transaction.reason,
    )


def _of_audit_entry(audit_entry: AuditRow, called: Mapping[str, str]) -> HistoryRow:
    reason = audit_entry.details.get("reason")
    return HistoryRow(
        id=audit_entry.id,
        at=audit_entry.at,
        source=called.get(audit_entry.actor, audit_entry.actor),
        event=audit_entry.action,
        subject=audit_entry.subject,
        reason=reason if isinstance(reason, str) else None,
    )
