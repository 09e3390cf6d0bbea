"""Save links, and what a wallet's server tells about them: who saved, who removed (G2.1, G4.1)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from walletd.db.cards import cards
from walletd.db.delivery import publishing, wallet_classes, wallet_events, wallet_objects
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.delivery.publishing import CHANGED
from walletd.domain.delivery.wallet_errors import WalletUnavailable
from walletd.domain.errors import NotFound, SigningUnavailable, Unauthenticated
from walletd.domain.merchants.principals import Principal
from walletd.domain.outbox.attempts import Verdict
from walletd.services.delivery import card_status
from walletd.services.delivery import classes as class_targets
from walletd.services.delivery.links import Links
from walletd.services.delivery.objects.deliveries import ObjectDelivery
from walletd.services.delivery.objects.rate_limits import RateLimiter
from walletd.services.delivery.publishing import Publisher
from walletd.services.runtime import Runtime
from walletd.telemetry import logger
from walletd.wallets import EventRefused, EventUnproved, ObjectPlatform

_NONCES_KEPT: Final = timedelta(hours=1)
"""How long a nonce is kept beyond the end of its message: clocks differ."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class ObjectStatus:
    """How a card stands at a wallet that keeps it on its own server."""

    wallet: str
    saved: bool
    is_current: bool
    sent_at: datetime | None
    due_at: datetime | None
    last_reason: str


class WalletObjects:
    """Use cases about save links and events."""

    def __init__(self, runtime: Runtime, publisher: Publisher, links: Links, sending: ObjectDelivery) -> None:
        self._runtime = runtime
        self._publisher = publisher
        self._links = links
        self._sending = sending

    async def link_of_card(self, by: Principal, wallet: str, serial_number: str) -> str:
        """Return a fresh save link of a card for a shop's own use.

        Raises NotFound, SigningUnavailable, WalletUnavailable.
        """
        found = await self._runtime.database.read(cards.find, by.merchant_id, serial_number)
        if found is None:
            raise NotFound("There is no card with this serial number.")
        return await self._link(wallet, by.merchant_id, serial_number)

    async def link_by_token(self, wallet: str, token: str) -> str:
        """Return the save link of the card that an add link names, signed now.

        The card is brought to the wallet's server first: the link carries nothing but its id. Raises LinkInvalid,
        LinkExpired, SigningUnavailable, WalletUnavailable.
        """
        view = await self._links.open(token)
        found = (await self._runtime.database.read(cards.of_serials, [view.serial_number])).get(view.serial_number)
        if found is None:
            raise NotFound("There is no card with this serial number.")
        return await self._link(wallet, found.card.merchant_id, view.serial_number)

    async def take_event(self, wallet: str, body: bytes) -> int:
        """Follow what a wallet's server says; return how many cards changed.

        Raises Unauthenticated where that server did not say it, WalletUnavailable where it cannot be proved now.
        """
        platform, now = self._platform(wallet), self._runtime.clock()
        try:
            event = await platform.read_event(body, now)
        except EventRefused as error:
            log.warning("wallet_event_refused", platform=platform.name, why=str(error))
            raise Unauthenticated from None
        except EventUnproved as error:
            raise WalletUnavailable(str(error), retry_after_seconds=60) from None

        def write(tx: Tx) -> int:
            if not wallet_events.take(tx, platform.name, event.nonce, event.expires_at + _NONCES_KEPT):
                return 0
            if event.kind not in {"saved", "removed"}:
                return 0
            issuers = ((row.platform, row.topic, row.merchant_id) for row in merchants.all_credentials(tx))
            of = {merchant for name, topic, merchant in issuers if (name, topic) == (platform.name, event.topic)}
            saved = dict.fromkeys(event.serial_numbers, event.kind == "saved")
            return self._note(tx, platform.name, saved, of, now)

        return await self._runtime.database.write(write)

    async def reconcile(self) -> int:
        """Ask each wallet's server which cards anybody has, as its calls may get lost; return how many changed."""
        changed = 0
        for platform in self._runtime.object_platforms.values():
            rows = await self._runtime.database.read(merchants.all_credentials)
            for merchant_id in sorted(row.merchant_id for row in rows if row.platform == platform.name):
                changed += await self._reconcile(platform, merchant_id)
        return changed

    async def statuses(self, by: Principal, serial_number: str) -> list[ObjectStatus]:
        """Return how a card stands at each wallet with a server of its own; raises NotFound."""

        def read(tx: Tx) -> list[wallet_objects.StoredStatus] | None:
            if cards.find(tx, by.merchant_id, serial_number) is None:
                return None
            return wallet_objects.statuses(tx, serial_number)

        rows = await self._runtime.database.read(read)
        if rows is None:
            raise NotFound("There is no card with this serial number.")
        return [_status(row) for row in rows]

    async def classes(self, merchant_id: str, wallet: str = "google") -> list[bytes]:
        """Return the documents of the classes that a wallet's server was sent, for whoever looks after it."""
        rows = await self._runtime.database.read(wallet_classes.of_merchant, wallet, merchant_id)
        return [zlib.decompress(row.sent) for row in rows if row.sent is not None]

    async def raise_classes_due(self) -> None:
        """Look at all classes again: templates, names or addresses may have changed while nobody ran."""
        now = self._runtime.clock()

        def write(tx: Tx) -> None:
            for merchant_id in {row.merchant_id for row in merchants.all_credentials(tx)}:
                class_targets.raise_due(tx, self._runtime, merchant_id, now)

        await self._runtime.database.write(write)

    def image(self, wallet: str, template: str, revision: str, name: str) -> bytes:
        """Return a picture that a wallet's server fetches, as PNG; raises NotFound."""
        found = self._platform(wallet).image(template, revision, name)
        if found is None:
            raise NotFound("There is no such picture.")
        return found

    async def purge(self) -> int:
        """Forget nonces that cannot come again; return how many."""
        now = self._runtime.clock()
        return await self._runtime.database.write(wallet_events.purge, now, 10_000)

    async def _link(self, wallet: str, merchant_id: str, serial_number: str) -> str:
        platform = self._platform(wallet)
        if not platform.is_configured(merchant_id):
            raise SigningUnavailable("This shop does not give cards into this wallet.")
        await self._publisher.publish_cards([serial_number])
        now = self._runtime.clock()
        published = await self._published(platform, serial_number)
        if published is None:
            await self._runtime.database.write(publishing.mark_cards_dirty, {serial_number: CHANGED}, now)
            await self._publisher.publish_cards([serial_number])
            published = await self._published(platform, serial_number)
        if published is None:
            raise SigningUnavailable("This card cannot be made now; the shop's template or credentials have a fault.")
        await self._runtime.database.write(wallet_objects.ensure, platform.name, merchant_id, serial_number, now)
        known = await self._is_known(platform, serial_number)
        sent = await self._sending.send_now(platform, merchant_id, serial_number)
        if sent.verdict is not Verdict.DONE and not known:
            log.warning("object_not_sent", platform=platform.name, serial=serial_number, said=sent.reason)
            raise WalletUnavailable(retry_after_seconds=60)
        return platform.save_link(merchant_id, published, now)

    async def _published(self, platform: ObjectPlatform, serial_number: str) -> bytes | None:
        found = await self._runtime.database.read(publishing.published, platform.name, [serial_number])
        return zlib.decompress(found[serial_number].document) if serial_number in found else None

    async def _is_known(self, platform: ObjectPlatform, serial_number: str) -> bool:
        """Say whether the wallet's server has the card in any state: then a link leads to it."""
        rows = await self._runtime.database.read(wallet_objects.of_serials, platform.name, [serial_number])
        return bool(rows) and rows[0].sent is not None

    async def _reconcile(self, platform: ObjectPlatform, merchant_id: str) -> int:
        limiter, changed = RateLimiter(self._runtime, merchant_id, platform.name), 0
        rows = await self._runtime.database.read(wallet_classes.of_merchant, platform.name, merchant_id)
        for row in rows:
            if row.sent is None:
                continue
            try:
                async for page in platform.saved(merchant_id, zlib.decompress(row.sent), limiter.wait):
                    changed += await self._note_page(platform, merchant_id, page)
            except (EventUnproved, SigningUnavailable) as error:
                log.warning("reconcile_failed", platform=platform.name, merchant=merchant_id, said=str(error))
                return changed
        return changed

    async def _note_page(self, platform: ObjectPlatform, merchant_id: str, page: dict[str, bool]) -> int:
        now = self._runtime.clock()
        return await self._runtime.database.write(self._note, platform.name, page, {merchant_id}, now)

    def _note(self, tx: Tx, platform: str, saved: dict[str, bool], of: set[str], now: datetime) -> int:
        known = cards.of_serials(tx, list(saved))
        ours = {serial_number for serial_number, found in known.items() if found.card.merchant_id in of}
        mine = {serial_number: has for serial_number, has in saved.items() if serial_number in ours}
        changed = wallet_objects.set_saved(tx, platform, mine, now)
        for serial_number in changed:
            follow = card_status.note_installed if mine[serial_number] else card_status.note_removed
            follow(tx, known[serial_number].card.merchant_id, serial_number, now)
        return len(changed)

    def _platform(self, wallet: str) -> ObjectPlatform:
        platform = self._runtime.object_platforms.get(wallet)
        if platform is None:
            raise NotFound(f"There is no wallet {wallet}.")
        return platform


def _status(row: wallet_objects.StoredStatus) -> ObjectStatus:
    return ObjectStatus(
        row.platform,
        row.saved,
        row.is_current and row.due_at is None,
        row.sent_at,
        row.due_at,
        row.last_reason,
    )
