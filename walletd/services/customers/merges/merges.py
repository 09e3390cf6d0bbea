"""Merges of customers: shown before they are done, done in one transaction, undone within 30 days (C-11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from walletd.db.customers import customers, merges
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.calendar import rfc3339
from walletd.domain.customers.changes import CustomersMerged, MergeUndone
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.merges import Merge, MergePlan, MergeState
from walletd.domain.delivery.publishing import CHANGED
from walletd.domain.errors import IdempotencyKeyMissing, NotFound, WalletdError
from walletd.domain.identifiers import new_id
from walletd.domain.ledger.balances import AccountState
from walletd.domain.ledger.changes import AccountChanged
from walletd.domain.ledger.documents import balances_document
from walletd.domain.merchants.principals import Principal
from walletd.domain.outbox.tills import MergeEvent, MergeNotice
from walletd.domain.validation import check_note
from walletd.services.changes.recorder import record_all
from walletd.services.customers.merges.consequences import follow_merge
from walletd.services.customers.merges.inputs import MergeInput, Pair, read_merge_input
from walletd.services.customers.merges.moves import cards_after, join_accounts, move
from walletd.services.customers.merges.undo import Separation, check_undoable, lock_customers, put_back, separate
from walletd.services.idempotency import Answer, Protected, check_key, once
from walletd.services.ledger.bookings.outcomes import store_books
from walletd.services.outbox.tills import queue_merge_notice
from walletd.services.runtime import Runtime


class Proposal(Protocol):
    """Something else than a plan that a merge is asked for by: a pair in the inbox, a request."""

    @property
    def asked(self) -> Mapping[str, object]:
        """Return what the idempotency key stands for."""

    def plan(self, tx: Tx) -> MergePlan:
        """Return the plan; raises NotFound, and a Conflict where the merge must not be."""

    def check(self, tx: Tx) -> None:
        """Raise a Conflict where the merge must not be, for good: what is looked at stays as read until commit."""


@dataclass(frozen=True, slots=True)
class _Direct:
    """A plan that somebody asked for as it is."""

    wanted: MergePlan

    @property
    def asked(self) -> Mapping[str, object]:
        return asdict(self.wanted)

    def plan(self, _tx: Tx) -> MergePlan:
        return self.wanted

    def check(self, _tx: Tx) -> None:
        return


class Merges:
    """Use cases about merges."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def preview(self, by: Principal, plan: MergePlan) -> Mapping[str, object]:
        """Return what a merge would do and what stands against it; nothing is changed.

        Raises MergeSelf, NotFound, CardMerged.
        """
        plan.check()
        now = self._runtime.clock()

        def read(tx: Tx) -> Mapping[str, object]:
            merge_input = read_merge_input(tx, by.merchant_id, plan, now, lock=False)
            conflicts = [{"code": error.code, "detail": error.detail} for error in merge_input.conflicts()]
            return _input_document(merge_input) | {"reason": plan.reason, "conflicts": conflicts}

        return await self._runtime.database.read(read)

    async def commit(self, by: Principal, plan: MergePlan, idempotency_key: str | None) -> Answer:
        """Merge two customers in one transaction, once per key.

        Raises MergeSelf, NotFound, CardMerged, RedemptionOpen, CurrencyMismatch, AccountUnproved, CardIsRevoked,
        BalanceLimit and the errors of keys.
        """
        check_note(plan.check().reason, "/reason")
        return await self.commit_proposed(by, _Direct(plan), idempotency_key)

    async def commit_proposed(self, by: Principal, proposal: Proposal, idempotency_key: str | None) -> Answer:
        """Merge as something proposes, once per key; raises what `commit` and the proposal raise."""
        now = self._runtime.clock()

        def work(tx: Tx) -> tuple[str, Mapping[str, object]]:
            plan = proposal.plan(tx)
            check_note(plan.check().reason, "/reason")
            merge_input = read_merge_input(tx, by.merchant_id, plan, now, lock=True)
            proposal.check(tx)
            for conflict in merge_input.conflicts():
                raise conflict
            seen = _input_document(merge_input)
            merge_id = self._commit(tx, by, merge_input, now).id
            # Read again: whether a till has to be told was noted beside.
            merge = _found(merges.find(tx, by.merchant_id, merge_id), merge_id)
            return merge.id, _merge_document(merge) | seen

        return await self._once(by, "merges", idempotency_key, proposal.asked, now, work)

    async def get(self, by: Principal, merge_id: str) -> Mapping[str, object]:
        """Return a merge; while it stands, with what undoing it would bring back. Raises NotFound."""
        now = self._runtime.clock()

        def read(tx: Tx) -> Mapping[str, object]:
            merge = _found(merges.find(tx, by.merchant_id, merge_id), merge_id)
            document = _merge_document(merge)
            if merge.state != MergeState.COMMITTED:
                return document | {"undo": None}
            try:
                check_undoable(tx, merge, now)
                _, separations = separate(tx, by, merge, now, lock=False)
            except WalletdError as error:
                return document | {"undo": {"accounts": [], "refused": {"code": error.code, "detail": error.detail}}}
            return document | {"undo": {"accounts": [_separation(item) for item in separations], "refused": None}}

        return await self._runtime.database.read(read)

    async def undo(self, by: Principal, merge_id: str, idempotency_key: str | None) -> Answer:
        """Undo a merge, as far as what it moved is still there. Raises NotFound, MergeNotUndoable, RedemptionOpen."""
        now = self._runtime.clock()

        def work(tx: Tx) -> tuple[str, Mapping[str, object]]:
            merge = _found(merges.find(tx, by.merchant_id, merge_id), merge_id)
            lock_customers(tx, merge)
            merge = _found(merges.find(tx, by.merchant_id, merge_id, lock=True), merge_id)
            check_undoable(tx, merge, now)
            books, separations = separate(tx, by, merge, now, lock=True)
            put_back(tx, merge, books)
            merges.set_undone(tx, merge.id, now)
            _record(tx, by, MergeUndone, merge, [book.state for book in books], now)
            after = _found(merges.find(tx, by.merchant_id, merge_id), merge_id)
            accounts = [_separation(item) for item in separations]
            return merge.id, _merge_document(after) | {"undo": {"accounts": accounts, "refused": None}}

        return await self._once(by, "merge-undos", idempotency_key, {"merge_id": merge_id}, now, work)

    def _commit(self, tx: Tx, by: Principal, merge_input: MergeInput, now: datetime) -> Merge:
        joins = join_accounts(by, merge_input)
        books = [side.book for side in merge_input.sides]
        store_books(tx, books)
        journal = move(tx, merge_input, joins)
        merge = Merge(new_id("mrg", now), by.merchant_id, merge_input.plan, by.id, MergeState.COMMITTED, journal, now)
        merges.insert(tx, merge, {join.joined.from_account: join.moved for join in joins})
        follow_merge(tx, merge, now, by_mail=self._runtime.mail_channel is not None)
        _record(tx, by, CustomersMerged, merge, [book.state for book in books if book.is_changed], now)
        return merge

    async def _once(
        self,
        by: Principal,
        route: str,
        key: str | None,
        request: Mapping[str, object],
        now: datetime,
        work: Callable[[Tx], tuple[str, Mapping[str, object]]],
    ) -> Answer:
        if key is None:
            raise IdempotencyKeyMissing
        protected = Protected(by, route, check_key(key), request, self._runtime.vault)
        answer = await self._runtime.database.write(lambda tx: once(tx, protected, now, lambda: work(tx)))
        if isinstance(answer, WalletdError):
            raise answer
        return answer


def _record(
    tx: Tx,
    by: Principal,
    change: type[CustomersMerged | MergeUndone],
    merge: Merge,
    changed: Sequence[AccountState],
    now: datetime,
) -> None:
    """Record a merge or its undoing with the accounts that it changed, and queue a notice to the till."""
    plan = merge.plan
    known = customers.by_ids(tx, [plan.identity_survivor, plan.absorbed])
    survivor, absorbed = known[plan.identity_survivor].number, known[plan.absorbed].number
    accounts = [(by, AccountChanged(state, CHANGED)) for state in changed]
    record_all(tx, now, [(by, change(merge, survivor, absorbed)), *accounts])
    notice = MergeNotice(
        merge_id=merge.id,
        event=MergeEvent.MERGED if change is CustomersMerged else MergeEvent.SEPARATED,
        survivor_number=survivor,
        absorbed_number=absorbed,
        card_number_of=known[plan.number_survivor].number,
        at=rfc3339(now),
    )
    queue_merge_notice(tx, merchants.get(tx, merge.merchant_id), notice, now)


def _found(merge: Merge | None, merge_id: str) -> Merge:
    if merge is None:
        raise NotFound(f"There is no merge {merge_id}.")
    return merge


def _merge_document(merge: Merge) -> dict[str, object]:
    return {
        "merge_id": merge.id,
        "state": merge.state,
        **{name: getattr(merge.plan, name) for name in ("identity_survivor", "number_survivor", "absorbed", "reason")},
        "created_at": rfc3339(merge.created_at),
        "undo_until": rfc3339(merge.undo_until),
        "undone_at": None if merge.undone_at is None else rfc3339(merge.undone_at),
        "till": merge.till,
    }


def _input_document(merge_input: MergeInput) -> dict[str, object]:
    return {
        "customers": {"survivor": _customer(merge_input.survivor), "absorbed": _customer(merge_input.absorbed)},
        "accounts": [_pair(pair) for pair in merge_input.pairs],
        "cards": [
            {
                "serial_number": card.serial_number,
                "key": card.key,
                "key_after": placed.key,
                "merged_into": placed.merged_into,
            }
            for card, placed in cards_after(merge_input)
        ],
    }


def _customer(customer: Customer) -> dict[str, object]:
    return {"customer_id": customer.id, "number": customer.number, "name": customer.name}


def _pair(pair: Pair) -> dict[str, object]:
    giving, taking = pair.giving.book, None if pair.taking is None else pair.taking.book
    return {
        "program_id": pair.giving.program.id,
        "kind": pair.giving.program.kind,
        "from_account": giving.state.id,
        "into_account": None if taking is None else taking.state.id,
        "from_balance": balances_document(giving.state, giving.balances()),
        "into_balance": None if taking is None else balances_document(taking.state, taking.balances()),
    }


def _separation(item: Separation) -> dict[str, object]:
    return {
        "program_id": item.joined.program_id,
        "from_account": item.joined.from_account,
        "into_account": item.joined.into_account,
        "moved": item.joined.total,
        "returns": item.amount,
        "missing": item.joined.total - item.amount,
    }
