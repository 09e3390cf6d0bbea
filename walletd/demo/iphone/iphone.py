"""A virtual iPhone: it takes passes as strictly as a real one and keeps them up to date over the real protocol.

It behaves as A2 describes devices: registers, asks what changed, fetches conditionally, shows change messages,
and reports a misbehaving server to its log. Many phones share one HTTP client, so fifty in one process are cheap.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx
from cryptography import x509

from walletd.demo.clock import Clock, utc_now
from walletd.demo.iphone import complaints
from walletd.demo.iphone.card import Card, CardKey, Notification, ServiceKey, identity_change
from walletd.demo.iphone.complaints import Code, Complaint
from walletd.demo.iphone.pass_service import PassService
from walletd.demo.iphone.phone_work import PhoneWork
from walletd.demo.iphone.pkpass import OpenedPass, PassRefused, open_pass
from walletd.demo.iphone.safari import download_pass

__all__ = ["Card", "CardKey", "Code", "Complaint", "PassRefused", "PhoneSettings", "PushReceived", "VirtualIPhone"]

_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """What all phones of a world have in common.

    `grace_seconds` is how old a tag must be before a needless push is complained about: iOS allows for five minutes.
    """

    trust_roots_pem: bytes
    clock: Clock = utc_now
    retry_delays_seconds: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 60.0)
    grace_seconds: float = 300.0
    language: str = "de"


@dataclass(frozen=True, slots=True)
class PushReceived:
    """One push that reached the phone."""

    topic: str
    at: datetime


class VirtualIPhone:
    """One iPhone. Everything it does over the network happens in one task of its own, in order; see `settle`."""

    def __init__(
        self,
        name: str,
        http: httpx.AsyncClient,
        settings: PhoneSettings,
        device_library_identifier: str | None = None,
        push_token: str | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.device_library_identifier = device_library_identifier or secrets.token_hex(16)
        self.push_token = push_token or secrets.token_hex(32)
        self.notifications: deque[Notification] = deque(maxlen=_REMEMBERED)
        """Banners that were shown, oldest first."""
        self.pushes: deque[PushReceived] = deque(maxlen=_REMEMBERED)
        """Pushes that arrived, oldest first."""
        self.complaints: deque[Complaint] = deque(maxlen=_REMEMBERED)
        """What went to the server's log, oldest first."""
        self.listeners: list[Callable[[VirtualIPhone], None]] = []
        """Called after everything that a person could see."""
        self._http = http
        self._trust_roots = x509.load_pem_x509_certificates(settings.trust_roots_pem)
        self._service = PassService(
            http,
            self.device_library_identifier,
            settings.retry_delays_seconds,
            self._on_unexpected_status,
        )
        self._work = PhoneWork(self, self._service)

    @property
    def cards(self) -> dict[CardKey, Card]:
        """The installed cards by pass type and serial number, in the order in which they were added."""
        return self._work.cards

    @property
    def tags(self) -> dict[ServiceKey, str]:
        """The update tag the phone holds for each web service and pass type (W9)."""
        return {service: tag.value for service, tag in self._work.tags.items()}

    @property
    def is_online(self) -> bool:
        """Whether the phone has a network."""
        return self._service.is_online

    @property
    def requests_made(self) -> int:
        """How many requests the phone sent to web services."""
        return self._service.requests_made

    def card(self, serial: str) -> Card:
        """Return an installed card by its serial number; raises KeyError where there is none."""
        for key, card in self.cards.items():
            if key.serial == serial:
                return card
        raise KeyError(serial)

    async def add_from_url(self, url: str) -> Card:
        """Open an add link in Safari and add the pass it leads to.

        Raises PassRefused where it leads to no pass a phone takes or the phone is offline, httpx.TransportError where
        nobody answers.
        """
        if not self.is_online:
            raise PassRefused("the phone has no network")
        return self.add_pass(await download_pass(self._http, url, self.settings.language))

    def add_pass(self, content: bytes) -> Card:
        """Add a pass, or replace the installed one with the same serial number (PK14); raises PassRefused.

        Registration follows in the background; await `until_idle` for its end.
        """
        opened = open_pass(content, self._trust_roots)
        now = self.settings.clock()
        card = Card(opened, now, now, versions_seen=[opened.manifest_hash])
        present = self.cards.get(card.key)
        if present is not None:
            if (reason := identity_change(present.opened, opened)) is not None:
                raise PassRefused(reason)
            self._work.replace(present, opened)
            card = present
        else:
            self.cards[card.key] = card
        if not card.is_registered:
            self._work.want_registration(card)
        self.changed()
        return card

    def delete_card(self, key: CardKey) -> None:
        """Delete a card and end its registration; raises KeyError."""
        self._work.delete(key)
        self.changed()

    def receive_push(self, topic: str) -> None:
        """Take a push: ask every web service of this pass type what changed."""
        self.pushes.append(PushReceived(topic, self.settings.clock()))
        self._work.want_updates(topic, by_push=True)
        self.changed()

    def pull_to_refresh(self, key: CardKey) -> None:
        """Fetch one card now, as pulling it down on its back does; raises KeyError."""
        self._work.want_fetch(self.cards[key])

    def change_push_token(self, push_token: str | None = None) -> str:
        """Take a new push token and register every card with it again (W4); returns the token."""
        self.push_token = push_token or secrets.token_hex(32)
        for card in self.cards.values():
            self._work.want_registration(card)
        self.changed()
        return self.push_token

    def go_offline(self) -> None:
        """Lose the network; whatever is under way waits."""
        self._service.is_online = False
        self.changed()

    def go_online(self) -> None:
        """Get the network back and go on with what was waiting."""
        self._service.is_online = True
        self._work.catch_up()
        self.changed()

    async def until_idle(self, timeout_seconds: float = 10.0) -> None:
        """Wait until the phone has nothing left to do, or is offline; raises TimeoutError."""
        await self._work.until_idle(timeout_seconds)

    async def close(self) -> None:
        """Stop at once."""
        await self._work.close()

    def complain(self, code: Code, text: str, service: ServiceKey) -> None:
        """Keep a complaint and send it to the server's log with the next opportunity."""
        complaint = Complaint(code, text, service.url, service.pass_type, self.settings.clock())
        self.complaints.append(complaint)
        self._work.want_log(complaint)
        self.changed()

    def notify(self, notification: Notification) -> None:
        """Show a banner."""
        self.notifications.append(notification)
        self.changed()

    def now(self) -> datetime:
        """Return the present instant of the phone's clock."""
        return self.settings.clock()

    def grace_seconds(self) -> float:
        """Return how old knowledge must be before the server is blamed for a needless update."""
        return self.settings.grace_seconds

    def open(self, content: bytes, serial: str, service: ServiceKey) -> OpenedPass | None:
        """Open a fetched pass; where it cannot be accepted, complain and return None."""
        try:
            return open_pass(content, self._trust_roots)
        except PassRefused as error:
            self.complain(Code.INVALID_PASS, complaints.invalid_pass(serial, str(error)), service)
            return None

    def changed(self) -> None:
        """Tell the listeners."""
        for listener in self.listeners:
            listener(self)

    def _on_unexpected_status(self, task: str, status: int) -> None:
        service = self._work.current_service
        if service is not None:
            self.complain(Code.UNEXPECTED_STATUS, complaints.unexpected_status(task, status), service)
