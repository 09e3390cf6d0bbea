"""Rewriting keys of cards: one by one, or a whole list that is done whole or not at all (D-02)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from walletd.db.cards import cards, moves
from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.cards.cards import Card, CardStatus
from walletd.domain.cards.changes import CardKeyRewritten
from walletd.domain.cards.keys import Rewrite, RewritePlan, RewritesRefused, Rewritten
from walletd.domain.customers.merges import CardMerged
from walletd.domain.errors import CardIsDeleted, CardIsRevoked, CardKeyReplaced, CardKeyTaken, NotFound, WalletdError
from walletd.domain.identifiers import KeyState, is_serial_number
from walletd.domain.merchants.principals import Principal
from walletd.services.changes.recorder import record
from walletd.services.runtime import Runtime

_BATCH = 50
"""Cards per write: no till waits for longer than such a batch takes."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One row, looked at: the card as it is, and the key it is to have."""

    card: Card
    key: str

    @property
    def answer(self) -> Rewritten:
        return Rewritten(self.card.serial_number, self.card.key, self.key)


class CardKeys:
    """Use cases about new keys of cards."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def rewrite(self, by: Principal, wanted: Rewrite, plan: RewritePlan) -> Rewritten:
        """Give a card another key; the serial number stays and every phone is notified.

        The same key again changes nothing; a former key of the same card comes back. Raises NotFound,
        ValidationFailed, CardKeyTaken, CardKeyReplaced, CardMerged, CardIsRevoked, CardIsDeleted.
        """
        wanted.check()
        plan.check()
        return (await self._write(by, [wanted], plan))[0]

    async def rewrite_all(
        self, by: Principal, rows: Sequence[Rewrite], plan: RewritePlan, *, dry_run: bool
    ) -> list[Rewritten]:
        """Give many cards other keys, after all rows were found good; a dry run stops there.

        Written in small batches: should one fail, for somebody took a key meanwhile, the same list again does what is
        left. Raises RewritesRefused, which names every bad row, and ValidationFailed.
        """
        plan.check()
        steps, failures = await self._runtime.database.read(_look, by.merchant_id, rows)
        if failures:
            raise RewritesRefused.of(failures)
        if not dry_run:
            for start in range(0, len(rows), _BATCH):
                await self._write(by, rows[start : start + _BATCH], plan)
        return [step.answer for step in steps]

    async def _write(self, by: Principal, rows: Sequence[Rewrite], plan: RewritePlan) -> list[Rewritten]:
        now = self._runtime.clock()

        def write(tx: Tx) -> list[Rewritten]:
            merchants.lock(tx, by.merchant_id)
            done = []
            for row in rows:
                step = _step(tx, by.merchant_id, row, lock=True)
                if step.key != step.card.key:
                    self._store(tx, by, step, plan, now)
                done.append(step.answer)
            return done

        return await self._runtime.database.write(write)

    def _store(self, tx: Tx, by: Principal, step: _Step, plan: RewritePlan, now: datetime) -> None:
        shown_by = moves.rewrite_key(tx, step.card, step.key, plan.old_key.state)
        record(tx, by, now, CardKeyRewritten(step.card, plan.reason, plan.old_key, shown_by))


def _look(tx: Tx, merchant_id: str, rows: Sequence[Rewrite]) -> tuple[list[_Step], list[tuple[int, WalletdError]]]:
    steps: list[_Step] = []
    failures: list[tuple[int, WalletdError]] = []
    cards_seen, keys_seen = set[str](), set[str]()
    for place, row in enumerate(rows):
        try:
            step = _step(tx, merchant_id, row.check(), lock=False)
            if step.card.serial_number in cards_seen:
                raise CardKeyTaken("The list names this card twice.")
            if step.key in keys_seen:
                raise CardKeyTaken("The list gives this key to two cards.")
        except WalletdError as error:
            failures.append((place, error))
            continue
        cards_seen.add(step.card.serial_number)
        keys_seen.add(step.key)
        steps.append(step)
    return steps, failures


def _step(tx: Tx, merchant_id: str, row: Rewrite, *, lock: bool) -> _Step:
    card = _living(_find(tx, merchant_id, row.card))
    if lock:
        # A merge of its customer gives keys too: whoever comes second sees what the first one made.
        customers.find(tx, merchant_id, card.customer_id, lock=True)
        card = _living(_find(tx, merchant_id, card.serial_number))
    owner = moves.owner_of_key(tx, merchant_id, row.key)
    if owner is not None and owner != (card.serial_number, True):
        raise CardKeyTaken(f"The key {row.key} is taken.")
    return _Step(card, row.key)


def _find(tx: Tx, merchant_id: str, name: str) -> Card:
    found = cards.find(tx, merchant_id, name) if is_serial_number(name) else None
    if found is not None:
        return found.card
    by_key = cards.find_by_key(tx, merchant_id, name)
    if by_key is None:
        raise NotFound(f"There is no card {name[:64]}.")
    if by_key[1] == KeyState.RETIRED:
        raise CardKeyReplaced
    return by_key[0].card


def _living(card: Card) -> Card:
    if card.merged_into is not None:
        raise CardMerged(f"This card was merged into {card.merged_into}.", serial_number=card.merged_into)
    if card.status == CardStatus.REVOKED:
        raise CardIsRevoked
    if card.status == CardStatus.DELETED:
        raise CardIsDeleted
    return card
