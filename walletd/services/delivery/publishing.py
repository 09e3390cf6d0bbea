"""Publishing: dirty cards are rendered, and what changed gets the next update sequence number.

Numbers are given under a lock that is held to the commit, so devices see them in the order of commits. What was
rendered on a snapshot is only published while nobody published the card since: a card can never go back to an older
state.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from walletd.db.cards import cards
from walletd.db.cards.cards import CardInContext
from walletd.db.delivery import devices, publish_counters, publishing, wallet_objects
from walletd.db.delivery import targets as deliveries
from walletd.db.delivery.publishing import DirtyCard, PublishedPass, PublishedVersion
from walletd.db.delivery.targets import TargetKey
from walletd.db.engine.base import Tx
from walletd.db.engine.leases import Lease
from walletd.db.merchants import merchants
from walletd.domain.calendar import age_seconds
from walletd.domain.delivery.faces import Holding, compose_face
from walletd.domain.delivery.publishing import BOOKED, due_at, next_last_modified
from walletd.domain.ledger.books import AccountBook
from walletd.services.ledger.balances import open_books
from walletd.services.runtime import Runtime
from walletd.telemetry import PUBLISH_LAG, PUBLISH_UNCHANGED, PUBLISHED, logger
from walletd.wallets import RenderedPass, WalletPlatform

_COMPRESSION: Final = 1
_LEASE: Final = timedelta(seconds=15)
_FAULTY_PAUSE: Final = timedelta(seconds=60)
"""How long a card is left alone that could not be rendered."""

log = logger(__name__)

Find = Callable[[Tx], Sequence[DirtyCard]]
"""Finds dirty cards on the snapshot on which they are looked at."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a snapshot showed of one card, and how it was rendered for one platform."""

    dirty: DirtyCard
    platform: WalletPlatform
    checks: int
    rendered: RenderedPass


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Dirty cards with all that their passes depend on, read at one moment."""

    marks: Sequence[DirtyCard]
    contexts: dict[str, CardInContext]
    books: dict[str, AccountBook]
    published: list[dict[str, PublishedVersion]]
    uses: set[tuple[str, str]]
    """Which merchant has credentials for which platform."""


class Publisher:
    """Brings dirty cards to their next published version."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def publish_next(self, limit: int) -> int:
        """Publish up to `limit` dirty cards of every merchant whose lease is free; return how many were worked on."""
        now = self._runtime.clock()
        waiting = await self._runtime.database.read(publishing.merchants_with_dirty_cards, now)
        worked = 0
        for merchant_id in waiting:
            if await self._take_lease(merchant_id):
                worked += await self._publish(
                    partial(publishing.next_dirty, merchant_id=merchant_id, limit=limit, now=now)
                )
        return worked

    async def publish_cards(self, serial_numbers: Sequence[str]) -> None:
        """Publish those of the cards that are dirty, now: a device is asking for them."""
        await self._publish(partial(publishing.dirty_among, serial_numbers=serial_numbers))

    async def release(self) -> None:
        """Let another process publish at once: for the end of this one."""
        if not self._runtime.database.exclusive:
            holder = self._runtime.instance
            await self._runtime.database.write(publish_counters.release_leases, holder)

    async def _take_lease(self, merchant_id: str) -> bool:
        if self._runtime.database.exclusive:
            return True
        now = self._runtime.clock()
        lease = Lease(self._runtime.instance, now + _LEASE)
        return await self._runtime.database.write(publish_counters.take_lease, merchant_id, now, lease)

    async def _publish(self, find: Find) -> int:
        marks, seen, faulty = await self._look(find)
        for merchant_id in {card.merchant_id for card in marks}:
            mine = [card for card in marks if card.merchant_id == merchant_id]
            await self._store(merchant_id, mine, [item for item in seen if item.dirty.merchant_id == merchant_id])
        if faulty:
            until = self._runtime.clock() + _FAULTY_PAUSE
            await self._runtime.database.write(publishing.put_aside, faulty, until)
        return len(marks) + len(faulty)

    async def _look(self, find: Find) -> tuple[list[DirtyCard], list[_Seen], list[DirtyCard]]:
        """Read dirty cards on one snapshot, marks included, and render them outside of it.

        Returns the marks of the cards that could be rendered, what was rendered, and the marks of the faulty ones.
        """
        platforms, now = list(self._runtime.all_platforms), self._runtime.clock()

        def read(tx: Tx) -> _Snapshot | None:
            marks = find(tx)
            if not marks:
                return None
            serial_numbers = [card.serial_number for card in marks]
            contexts = cards.of_serials(tx, serial_numbers)
            held = {found.account.id: found.account for found in contexts.values()}
            uses = merchants.platforms_in_use(tx)
            theirs = {card.merchant_id for card in marks}
            used = {name for merchant_id, name in uses if merchant_id in theirs}
            return _Snapshot(
                marks,
                contexts,
                open_books(tx, held.values(), now, with_next_end=True),
                [
                    publishing.published_versions(tx, platform.name, serial_numbers) if platform.name in used else {}
                    for platform in platforms
                ],
                uses,
            )

        snapshot = await self._runtime.database.read(read)
        if snapshot is None:
            return [], [], []
        # In a thread: the first pass with a certain number of stamps is drawn, and no till shall wait for that.
        return await asyncio.to_thread(self._render_all, snapshot)

    def _render_all(self, snapshot: _Snapshot) -> tuple[list[DirtyCard], list[_Seen], list[DirtyCard]]:
        platforms = list(self._runtime.all_platforms)
        good, seen, faulty = list[DirtyCard](), list[_Seen](), list[DirtyCard]()
        for card in snapshot.marks:
            try:
                rendered = [self._render(platform, snapshot, card) for platform in platforms]
            except Exception as error:  # noqa: BLE001 - one card's fault, whatever it is, must stop no other card
                log.error("card_not_rendered", serial=card.serial_number, fault=repr(error))  # noqa: TRY400 - one line
                faulty.append(card)
                continue
            good.append(card)
            for platform, before, result in zip(platforms, snapshot.published, rendered, strict=True):
                if result is not None:
                    earlier = before.get(card.serial_number)
                    seen.append(_Seen(card, platform, 0 if earlier is None else earlier.checks, result))
        return good, seen, faulty

    def _render(self, platform: WalletPlatform, snapshot: _Snapshot, dirty: DirtyCard) -> RenderedPass | None:
        """Return the card as the platform shows it, or None where the merchant does not use the platform.

        Raises SigningUnavailable where it does, but this process has no usable credentials of it.
        """
        found = snapshot.contexts[dirty.serial_number]
        card = found.card
        if (card.merchant_id, platform.name) not in snapshot.uses:
            return None
        book = snapshot.books[card.account_id]
        holding = Holding(found.program, book.state, book.balances(), book.now)
        face = compose_face(card, holding, holder=found.customer.name, merchant_name=found.merchant_name)
        return platform.render(card.merchant_id, found.program.template, self._runtime.identity(platform, card), face)

    async def _store(self, merchant_id: str, marks: Sequence[DirtyCard], seen: Sequence[_Seen]) -> None:
        serial_numbers = [card.serial_number for card in marks]

        def write(tx: Tx) -> None:
            sequence = publish_counters.lock_counter(tx, merchant_id).sequence
            overtaken: set[str] = set()
            for platform in {item.platform.name: item.platform for item in seen}.values():
                mine = [item for item in seen if item.platform is platform]
                present = publishing.published_versions(tx, platform.name, serial_numbers)
                overtaken |= {item.dirty.serial_number for item in mine if _overtaken(item, present)}
                fresh = self._versions(sequence, mine, present)
                publishing.store_published(tx, fresh)
                risen = [version for version in fresh if version.sequence > sequence]
                PUBLISHED.inc(len(risen))
                PUBLISH_UNCHANGED.inc(len(mine) - len(risen))
                if risen:
                    sequence = risen[-1].sequence
                    publish_counters.store_counter(tx, merchant_id, sequence)
                    self._raise_targets(tx, platform, risen, {item.dirty.serial_number: item.dirty for item in mine})
            publishing.remove_dirty(tx, [card for card in marks if card.serial_number not in overtaken])
            tx.invalidate(serial_numbers)

        await self._runtime.database.write(write)
        now = self._runtime.clock()
        for card in marks:
            PUBLISH_LAG.observe(age_seconds(card.dirty_at, now))

    def _versions(
        self, sequence: int, seen: Sequence[_Seen], present: dict[str, PublishedVersion]
    ) -> list[PublishedPass]:
        """Return what is to be stored: a next version only of what a phone would see as changed (W17)."""
        now_seconds = int(self._runtime.clock().timestamp())
        versions = []
        for item in seen:
            before, rendered = present.get(item.dirty.serial_number), item.rendered
            if _overtaken(item, present):
                continue
            changed = before is None or before.content_hash != rendered.content_hash
            sequence += changed
            last_modified = next_last_modified(now_seconds, None if before is None else before.last_modified)
            versions.append(
                PublishedPass(
                    serial_number=item.dirty.serial_number,
                    platform=item.platform.name,
                    merchant_id=item.dirty.merchant_id,
                    sequence=sequence if before is None or changed else before.sequence,
                    last_modified=last_modified if before is None or changed else before.last_modified,
                    content_hash=rendered.content_hash,
                    parts=rendered.parts,
                    document=zlib.compress(rendered.document, _COMPRESSION),
                    checks=item.checks + 1,
                )
            )
        return versions

    def _raise_targets(
        self, tx: Tx, platform: WalletPlatform, fresh: Sequence[PublishedPass], dirty: Mapping[str, DirtyCard]
    ) -> None:
        """Make due whoever has one of the cards: phones, or the object that a wallet's server keeps."""
        if platform.name in self._runtime.platforms:
            self._raise_phones(tx, platform, fresh)
            return
        raised: dict[tuple[int, bool], list[str]] = {}
        for item in fresh:
            urgency = dirty[item.serial_number].urgency
            raised.setdefault((urgency, urgency == BOOKED), []).append(item.serial_number)
        if wallet_objects.raise_due(tx, platform.name, raised, self._runtime.clock()):
            tx.announce("objects")

    def _raise_phones(self, tx: Tx, platform: WalletPlatform, fresh: Sequence[PublishedPass]) -> None:
        """Make every phone that holds one of the cards due: one target per device and pass type (N8)."""
        newest = {item.serial_number: item.sequence for item in fresh}
        wanted: dict[TargetKey, int] = {}
        for serial_number, topic, device in devices.devices_of(tx, list(newest)):
            key = TargetKey(platform.name, topic, device)
            wanted[key] = max(wanted.get(key, 0), newest[serial_number])
        if not wanted:
            return
        now = self._runtime.clock()
        targets = deliveries.load(tx, list(wanted))
        deliveries.raise_targets(
            tx,
            [
                (target.key, wanted[target.key], due_at(self._runtime.schedule, target.throttle, now, target.passes))
                for target in targets
            ],
        )
        tx.announce("deliver")


def _overtaken(item: _Seen, present: dict[str, PublishedVersion]) -> bool:
    """Say whether somebody looked at the card after our snapshot: then ours may be older and is dropped."""
    before = present.get(item.dirty.serial_number)
    return (0 if before is None else before.checks) != item.checks
