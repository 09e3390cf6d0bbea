"""The inbox of duplicates: found at registration and at night, decided by staff (C-10, D-03, D-04)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from walletd.db.customers import customers, duplicates
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.customers.changes import DuplicateDismissed
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.matching import (
    DuplicateCase,
    DuplicateDecided,
    DuplicateSource,
    DuplicateState,
    MatchStage,
    is_obvious,
)
from walletd.domain.customers.merges import MergePlan
from walletd.domain.errors import NotFound, WalletdError
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import Page, PageRequest
from walletd.domain.validation import check_choice, check_note, invalid
from walletd.services.changes.recorder import record
from walletd.services.customers.matching import MANY, new_case
from walletd.services.customers.merges.merges import Merges
from walletd.services.idempotency import Answer
from walletd.services.runtime import Runtime

_AT_ONCE = 100
"""Shared keys per read, and obvious pairs per call."""
_PAIRS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with both customers, as far as they are still there."""

    case: DuplicateCase
    older: Customer
    newer: Customer


@dataclass(frozen=True, slots=True)
class ObviousPair:
    """Two customers whom nobody needs to look at, and what became of them."""

    case_id: str
    older: str
    newer: str
    merged: bool = False
    refused: str | None = None
    """The code of what stood against merging them now."""


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """The proposal to merge an open pair, with what staff said of who goes on."""

    by: Principal
    case_id: str
    survivors: Mapping[str, str | None]

    @property
    def asked(self) -> Mapping[str, object]:
        return {"duplicate": self.case_id, **self.survivors}

    def plan(self, tx: Tx) -> MergePlan:
        view = _found(tx, self.by, self.case_id, lock=False)
        case = view.case
        _check_open(case)
        identity = self.survivors.get("identity_survivor") or _goes_on(view)
        if identity not in {case.older, case.newer}:
            raise invalid("/identity_survivor", "must be one of the two customers")
        return MergePlan(
            identity_survivor=identity,
            number_survivor=self.survivors.get("number_survivor") or case.older,
            absorbed=case.older if identity == case.newer else case.newer,
            reason=self.survivors.get("reason") or f"duplicate {case.id}",
        )

    def check(self, tx: Tx) -> None:
        _check_open(_found(tx, self.by, self.case_id, lock=True).case)


class Duplicates:
    """Use cases about customers who may be one person."""

    def __init__(self, runtime: Runtime, merges: Merges) -> None:
        self._runtime = runtime
        self._merges = merges

    async def page(self, by: Principal, request: PageRequest, state: str | None) -> Page[CaseView]:
        """Return a page of cases in a state, or of all; raises CursorInvalid, ValidationFailed."""
        chosen = None if state is None else check_choice(DuplicateState, state, "/state")

        def read(tx: Tx) -> Page[CaseView]:
            found = duplicates.page(tx, by.merchant_id, request, chosen)
            return Page(tuple(_views(tx, found.items)), found.next_cursor)

        return await self._runtime.database.read(read)

    async def confirm(
        self, by: Principal, case_id: str, survivors: Mapping[str, str | None], idempotency_key: str | None
    ) -> Answer:
        """Merge both customers, once per key; what `merges.commit` raises, NotFound, DuplicateDecided.

        `survivors` may name `identity_survivor`, `number_survivor` and `reason`. Without them the number of the first
        goes on, which the till knows, and `_goes_on` says who does.
        """
        return await self._merges.commit_proposed(by, _Confirmed(by, case_id, survivors), idempotency_key)

    async def merge_obvious(self, by: Principal, *, dry_run: bool) -> list[ObviousPair]:
        """Merge open pairs that nobody needs to look at, up to a hundred, each as `confirm` does (D-18).

        A pair that cannot be merged now stays in the inbox, with what stood against it. A dry run only names them.
        """
        found: list[ObviousPair] = []
        after = ""
        while len(found) < _AT_ONCE:
            views = await self._runtime.database.read(_open_by_email, by.merchant_id, after)
            if not views:
                break
            after = views[-1].case.id
            obvious = [view for view in views if is_obvious(view.older.details, view.newer.details)]
            chosen = obvious[: _AT_ONCE - len(found)]
            found += [await self._merge_one(by, view, dry_run=dry_run) for view in chosen]
        return found

    async def _merge_one(self, by: Principal, view: CaseView, *, dry_run: bool) -> ObviousPair:
        pair = ObviousPair(view.case.id, view.older.id, view.newer.id)
        if dry_run:
            return pair
        # A key of its own each time: what was refused yesterday may be possible today. Once merged, the case is closed.
        key = new_id("req", self._runtime.clock())
        try:
            await self.confirm(by, view.case.id, {}, key)
        except WalletdError as error:
            return replace(pair, refused=error.code)
        return replace(pair, merged=True)

    async def dismiss(self, by: Principal, case_id: str, reason: str) -> CaseView:
        """Note that both are different persons; the pair does not come back. Raises NotFound, DuplicateDecided."""
        check_note(reason, "/reason")
        now = self._runtime.clock()

        def write(tx: Tx) -> CaseView:
            view = _found(tx, by, case_id, lock=True)
            if view.case.state == DuplicateState.DISMISSED:
                return view
            _check_open(view.case)
            decided = replace(view.case, state=DuplicateState.DISMISSED, decided_at=now, reason=reason)
            duplicates.decide(tx, decided)
            record(tx, by, now, DuplicateDismissed(case_id, decided.older, decided.newer))
            return replace(view, case=decided)

        return await self._runtime.database.write(write)

    async def scan(self) -> str:
        """Look through all customers for equal keys, in small steps; return a sentence (J-11)."""
        found = skipped = 0
        for merchant in await self._runtime.database.read(merchants.all_merchants):
            for stage in MatchStage:
                new, many = await self._scan(merchant.id, stage)
                found, skipped = found + new, skipped + many
        return f"{found} new pairs, {skipped} keys left out that more than {MANY} customers have"

    async def _scan(self, merchant_id: str, stage: MatchStage) -> tuple[int, int]:
        now, after, found, skipped = self._runtime.clock(), "", 0, 0
        while True:
            shared = await self._runtime.database.long_read(
                duplicates.shared_keys,
                merchant_id,
                stage,
                after,
                _AT_ONCE,
            )
            if not shared:
                return found, skipped
            after = shared[-1][0]
            few = [(key, count) for key, count in shared if count <= MANY]
            skipped += len(shared) - len(few)
            for batch in _batches(few):

                def write(tx: Tx, keys: list[str] = batch) -> int:
                    pairs = [
                        new_case(merchant_id, stage, DuplicateSource.NIGHTLY, pair, now)
                        for key in keys
                        for pair in combinations(duplicates.same_as(tx, merchant_id, stage, key, MANY), 2)
                    ]
                    return duplicates.insert_new(tx, pairs)

                found += await self._runtime.database.write(write)


def _batches(shared: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Give keys with so few pairs at a time that no till waits for the write; one key has at most 45."""
    keys, pairs = list[str](), 0
    for key, count in shared:
        more = count * (count - 1) // 2
        if keys and pairs + more > _PAIRS_AT_ONCE:
            yield keys
            keys, pairs = [], 0
        keys.append(key)
        pairs += more
    if keys:
        yield keys


def _goes_on(view: CaseView) -> str:
    """Return the customer who goes on unless staff name another (D-03).

    Whoever registered online twice goes on with the first of these accounts (scenario 2); who was known at the till and
    registered later goes on with what they entered themselves (scenarios 1 and 3).
    """
    both_online = all("online" in customer.details.origins for customer in (view.older, view.newer))
    return view.case.older if both_online else view.case.newer


def _check_open(case: DuplicateCase) -> None:
    """Raise DuplicateDecided for a pair that was merged or dismissed."""
    if case.state != DuplicateState.OPEN:
        raise DuplicateDecided(f"This pair was {case.state}.", state=case.state)


def _found(tx: Tx, by: Principal, case_id: str, *, lock: bool) -> CaseView:
    case = duplicates.find(tx, by.merchant_id, case_id, lock=lock)
    if case is None:
        raise NotFound(f"There is no case {case_id}.")
    return _view(tx, case)


def _view(tx: Tx, case: DuplicateCase) -> CaseView:
    return _views(tx, [case])[0]


def _open_by_email(tx: Tx, merchant_id: str, after: str) -> list[CaseView]:
    return _views(tx, duplicates.open_at(tx, merchant_id, MatchStage.EMAIL, after, _AT_ONCE))


def _views(tx: Tx, cases: Sequence[DuplicateCase]) -> list[CaseView]:
    known = customers.by_ids(tx, {customer_id for case in cases for customer_id in (case.older, case.newer)})
    return [CaseView(case, known[case.older], known[case.newer]) for case in cases]
