"""Apple devices: registering, unregistering, asking what changed, reporting (A2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from walletd.db.delivery import device_log, devices, publish_counters, settlements, targets
from walletd.db.delivery.devices import ListedPass, Registration
from walletd.db.delivery.targets import TargetKey
from walletd.db.engine.base import Tx
from walletd.domain.delivery.device_messages import classify, neutralise
from walletd.domain.delivery.publishing import sequence_of_tag, update_tag
from walletd.domain.errors import PushTokenInvalid, RateLimited
from walletd.services.delivery import card_status
from walletd.services.delivery.passes import Passes, scheme_of
from walletd.services.delivery.publishing import Publisher
from walletd.services.runtime import Runtime
from walletd.telemetry import DEVICE_MESSAGES

_PUSH_TOKEN: Final = re.compile(r"[0-9a-fA-F]{32,200}\Z")
_FOREIGN_TOKEN_LONGEST: Final = 200
_APPLE_SCHEME: Final = "ApplePass"
_DEVICES_PER_PASS: Final = 100
_NEW_DEVICES_PER_HOUR: Final = 20
_HOUR: Final = timedelta(hours=1)
_DEVICE_LONGEST: Final = 160


class Devices:
    """Use cases of the PassKit web service about devices."""

    def __init__(self, runtime: Runtime, passes: Passes, publisher: Publisher) -> None:
        self._runtime = runtime
        self._passes = passes
        self._publisher = publisher

    async def register(
        self, pass_type: str, serial_number: str, device: str, authorization: str | None, push_token: object
    ) -> bool:
        """Register a pass on a device, or give it a new push token; True where the registration is new.

        Raises Unauthenticated, PushTokenInvalid, RateLimited.
        """
        stored = await self._passes.authorize(pass_type, serial_number, authorization)
        scheme = scheme_of(authorization)
        token = _checked_push_token(push_token, scheme)
        if not 1 <= len(device) <= _DEVICE_LONGEST:
            raise PushTokenInvalid("The device library identifier is empty or too long.")
        now = self._runtime.clock()
        registration = Registration(serial_number, pass_type, device, stored.card.merchant_id, now)

        def write(tx: Tx) -> bool:
            # The lock keeps a publication from slipping between this registration and the list that follows it.
            newest = publish_counters.lock_counter(tx, registration.merchant_id).sequence
            if not devices.is_registered(tx, pass_type, serial_number, device):
                _check_rate(tx, registration)
            devices.store_device(tx, registration, token, scheme)
            created = devices.store_registration(tx, registration)
            target = TargetKey("apple", pass_type, device)
            if scheme == _APPLE_SCHEME:
                targets.ensure(tx, target, registration.merchant_id, newest)
                settlements.renew(tx, target, registration.registered_at)
                tx.announce("deliver")
            else:
                targets.forget(tx, target)
            if created:
                card_status.note_installed(tx, registration.merchant_id, serial_number, now)
            tx.invalidate([serial_number])
            return created

        return await self._runtime.database.write(write)

    async def unregister(self, pass_type: str, serial_number: str, device: str, authorization: str | None) -> None:
        """Unregister a pass; nothing happens where it was not registered (W6). Raises Unauthenticated."""
        stored = await self._passes.authorize(pass_type, serial_number, authorization)

        def write(tx: Tx) -> None:
            # Under the lock of registering: the last pass of a device goes, or another comes, not both at once.
            publish_counters.lock_counter(tx, stored.card.merchant_id)
            if not devices.is_registered(tx, pass_type, serial_number, device):
                return
            if devices.remove_registration(tx, pass_type, serial_number, device):
                targets.forget(tx, TargetKey("apple", pass_type, device))
            card_status.note_removed(tx, stored.card.merchant_id, serial_number, self._runtime.clock())
            tx.invalidate([serial_number])

        await self._runtime.database.write(write)

    async def changed(self, pass_type: str, device: str, tag: str | None) -> tuple[list[str], str] | None:
        """Return the serial numbers that changed since the tag, with the newest tag; None where nothing did.

        Cards that changed a moment ago are published first. Never refuses: see W8 to W14.
        """
        listed = await self._runtime.database.read(devices.listed, pass_type, device)
        dirty = [item.serial_number for item in listed if item.dirty]
        if dirty:
            await self._publisher.publish_cards(dirty)
        if not listed:
            return None
        merchant_id = listed[0].merchant_id

        def read(tx: Tx) -> tuple[list[ListedPass], int]:
            present = publish_counters.counter(tx, merchant_id)
            rows = devices.listed(tx, pass_type, device)
            after = sequence_of_tag(tag, epoch=present.epoch, newest=present.sequence)
            return [row for row in rows if _is_news(row, after)], present.epoch

        news, epoch = await self._runtime.database.read(read)
        if not news:
            return None
        await self._remember_listed(pass_type, device, news)
        return [row.serial_number for row in news], update_tag(epoch, max(row.sequence for row in news))

    async def log(self, lines: Sequence[str]) -> None:
        """Keep what a phone reports: one line each, without control characters and tokens, and classified."""
        kept = [(classify(line), neutralise(line)) for line in lines]
        for kind, _ in kept:
            DEVICE_MESSAGES.labels(kind).inc()
        now = self._runtime.clock()
        if kept:
            await self._runtime.database.write(device_log.insert, kept, now)

    async def complaints(self, since: datetime) -> dict[str, int]:
        """Return how many lines of each kind phones reported since a moment."""
        return await self._runtime.database.read(device_log.counts_since, since)

    async def _remember_listed(self, topic: str, device: str, news: Sequence[ListedPass]) -> None:
        unfetched = [row for row in news if not row.is_held]

        def write(tx: Tx) -> None:
            devices.remember_listed(tx, topic, device, unfetched)
            tx.invalidate([row.serial_number for row in unfetched])

        if unfetched:
            await self._runtime.database.write(write)


def _is_news(row: ListedPass, after: int) -> bool:
    """Say whether a device that knows everything up to `after` is to be sent for the pass.

    A phone that asked for one version may have been given a newer one that came in between, and a balance may have gone
    there and back: sending the phone for what it holds would only make it complain that nothing changed. Without a
    usable tag everything is news (W12).
    """
    if row.sequence == 0:
        return False
    return after == 0 or (row.sequence > after and not row.is_held)


def _checked_push_token(push_token: object, scheme: str) -> str:
    """Return the token; those of other wallets are kept but never sent to APNs (W3)."""
    if not isinstance(push_token, str):
        raise PushTokenInvalid
    if scheme != _APPLE_SCHEME and 1 <= len(push_token) <= _FOREIGN_TOKEN_LONGEST and push_token.isprintable():
        return push_token
    if not _PUSH_TOKEN.match(push_token):
        raise PushTokenInvalid
    return push_token.lower()


def _check_rate(tx: Tx, registration: Registration) -> None:
    since = registration.registered_at - _HOUR
    total, recent = devices.count_registrations(tx, registration.serial_number, since)
    if total >= _DEVICES_PER_PASS or recent >= _NEW_DEVICES_PER_HOUR:
        raise RateLimited("This pass was registered on too many devices lately.", retry_after_seconds=3600)
