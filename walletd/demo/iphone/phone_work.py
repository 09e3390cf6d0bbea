"""What a phone does in the background, one thing after the other: register, unregister, ask what changed, fetch, log.

Everything a phone wants is a task in one queue; a task that is wanted twice is done once. A single runner works the
queue off, so that a push during an update leads to exactly one more update afterwards.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from walletd.demo.iphone import complaints
from walletd.demo.iphone.card import Card, CardKey, Notification, ServiceKey, change_notifications, identity_change
from walletd.demo.iphone.complaints import Code, Complaint
from walletd.demo.iphone.pass_service import Changes, FetchedPass, GaveUp, Offline, PassService
from walletd.demo.iphone.pkpass import OpenedPass

_LOG_LINES_MAX: Final = 50
_DELETION_GRACE_SECONDS: Final = 3600.0


class _Kind(StrEnum):
    REGISTER = "register"
    UNREGISTER = "unregister"
    UPDATE = "update"
    FETCH = "fetch"


class _Task(NamedTuple):
    kind: _Kind
    service: ServiceKey
    serial: str = ""

    @property
    def key(self) -> CardKey:
        return CardKey(self.service.pass_type, self.serial)


@dataclass(frozen=True, slots=True)
class Tag:
    """An update tag with the moment it was stored."""

    value: str
    stored_at: datetime


class Owner(Protocol):
    """The phone, as far as its background work sees it."""

    push_token: str
    device_library_identifier: str

    def now(self) -> datetime:
        """Return the present instant."""

    def grace_seconds(self) -> float:
        """Return how old knowledge must be before the server is blamed for a needless update."""

    def open(self, content: bytes, serial: str, service: ServiceKey) -> OpenedPass | None:
        """Open a pass; complain and return None where it cannot be accepted."""

    def complain(self, code: Code, text: str, service: ServiceKey) -> None:
        """Keep a complaint."""

    def notify(self, notification: Notification) -> None:
        """Show a banner."""

    def changed(self) -> None:
        """Tell that something visible changed."""


class PhoneWork:
    """The cards of one phone, its tags, and the queue of what it still has to do."""

    def __init__(self, owner: Owner, service: PassService) -> None:
        self.cards: dict[CardKey, Card] = {}
        self.tags: dict[ServiceKey, Tag] = {}
        self.current_service: ServiceKey | None = None
        self._owner = owner
        self._service = service
        self._queue: dict[_Task, bool] = {}
        self._owed: dict[CardKey, bool] = {}
        """Cards that must be fetched → whether the server asked for it."""
        self._leaving: dict[CardKey, Card] = {}
        self._deleted_at: dict[CardKey, datetime] = {}
        self._unsent: deque[Complaint] = deque(maxlen=_LOG_LINES_MAX)
        self._runner: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    def want_registration(self, card: Card) -> None:
        """Register a card, or register it again."""
        if card.service is not None:
            self._want(_Task(_Kind.REGISTER, card.service, card.key.serial))

    def want_updates(self, pass_type: str, *, by_push: bool) -> None:
        """Ask every web service of a pass type what changed; also make good what was given up before."""
        for service in self._services():
            if service.pass_type == pass_type:
                self._want_missing_registrations(service)
                self._want(_Task(_Kind.UPDATE, service), by_push=by_push)

    def want_fetch(self, card: Card) -> None:
        """Fetch a card because the person asked for it."""
        if card.service is not None:
            self._want_missing_registrations(card.service)
            self._want(_Task(_Kind.FETCH, card.service, card.key.serial))

    def want_log(self, complaint: Complaint) -> None:
        """Send a complaint to the log of its service with the next opportunity."""
        self._unsent.append(complaint)
        self._start()

    def replace(self, card: Card, opened: OpenedPass) -> None:
        """Put another version of the same pass in its place, with banners for what changed (PK10, F6)."""
        old = card.opened
        if old.manifest_hash == opened.manifest_hash:
            return
        now = self._owner.now()
        card.opened = opened
        card.updated_at = now
        card.versions_seen.append(opened.manifest_hash)
        if opened.web_service_url != old.web_service_url:
            card.is_registered = False
            self.want_registration(card)
        for notification in change_notifications(old, opened, now):
            self._owner.notify(notification)
        self._owner.changed()

    def delete(self, key: CardKey) -> None:
        """Forget a card and end its registration; raises KeyError."""
        card = self.cards.pop(key)
        self._owed.pop(key, None)
        self._deleted_at = {key: at for key, at in self._deleted_at.items() if self._is_recent(at)}
        self._deleted_at[key] = self._owner.now()
        if card.service is not None:
            self._leaving[key] = card
            self._want(_Task(_Kind.UNREGISTER, card.service, key.serial))

    def catch_up(self) -> None:
        """Go on after the network came back."""
        for service in self._services():
            self._want_missing_registrations(service)
        for key in self._owed:
            card = self.cards[key]
            if card.service is not None:
                self._want(_Task(_Kind.FETCH, card.service, key.serial))
        self._start()

    async def until_idle(self, timeout_seconds: float) -> None:
        """Wait for the runner to come to rest; raises TimeoutError, and whatever broke the runner."""
        async with asyncio.timeout(timeout_seconds):
            while self._runner is not None:
                await asyncio.wait([self._runner])
                await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Stop at once."""
        self._queue.clear()
        self._unsent.clear()
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait([self._runner])

    def _services(self) -> list[ServiceKey]:
        return list(dict.fromkeys(card.service for card in self.cards.values() if card.service is not None))

    def _want_missing_registrations(self, service: ServiceKey) -> None:
        for card in self.cards.values():
            if card.service == service and not card.is_registered:
                self.want_registration(card)

    def _want(self, task: _Task, *, by_push: bool = False) -> None:
        # A task that is wanted again moves to the end: deleting and adding a card must not change places.
        self._queue[task] = self._queue.pop(task, False) or by_push
        self._start()

    def _start(self) -> None:
        if self._runner is None and self._service.is_online and (self._queue or self._unsent):
            self._runner = asyncio.get_running_loop().create_task(self._run())
            self._runner.add_done_callback(self._runner_ended)

    def _runner_ended(self, runner: asyncio.Task[None]) -> None:
        self._runner = None
        if runner.cancelled():
            return
        if (failure := runner.exception()) is not None:
            self._failure = failure
        elif self._queue:
            self._start()

    async def _run(self) -> None:
        while self._queue and self._service.is_online:
            task = next(iter(self._queue))
            by_push = self._queue.pop(task)
            self.current_service = task.service
            try:
                await self._carry_out(task, by_push=by_push)
            except Offline:
                is_by_push = self._queue.pop(task, False) or by_push
                self._queue = {task: is_by_push, **self._queue}
                return
            except GaveUp:
                # What is still missing is made good by the next push, refresh or return of the network.
                continue
        await self._send_log()

    async def _carry_out(self, task: _Task, *, by_push: bool) -> None:
        match task.kind:
            case _Kind.REGISTER:
                await self._register(task)
            case _Kind.UNREGISTER:
                await self._unregister(task.key)
            case _Kind.UPDATE:
                await self._update(task.service, by_push=by_push)
            case _Kind.FETCH:
                if task.key in self.cards:
                    self._owed.setdefault(task.key, False)
                    await self._fetch_owed(self.cards[task.key])

    async def _register(self, task: _Task) -> None:
        card = self.cards.get(task.key)
        if card is None:
            return
        card.is_registered = False
        token = self._owner.push_token
        await self._service.register(card, token)
        card.is_registered = True
        if token != self._owner.push_token:
            self.want_registration(card)
        self._owner.changed()
        # W7: right after a registration the device asks what changed, and fetches the pass if it has a tag.
        if task.service in self.tags:
            self._want(_Task(_Kind.FETCH, task.service, task.serial))
        self._want(_Task(_Kind.UPDATE, task.service))

    async def _unregister(self, key: CardKey) -> None:
        card = self._leaving.pop(key)
        try:
            await self._service.unregister(card)
        except Offline:
            self._leaving[key] = card
            raise

    async def _update(self, service: ServiceKey, *, by_push: bool) -> None:
        tag = self.tags.get(service)
        changes = await self._service.changes(service, tag.value if tag is not None else None)
        if changes is None or not changes.serials:
            if changes is not None and isinstance(changes.tag, str):
                self.tags[service] = Tag(changes.tag, self._owner.now())
            if by_push and tag is not None and self._is_ripe(tag.stored_at):
                text = complaints.spurious_push(tag.value, self._owner.device_library_identifier)
                self._owner.complain(Code.SPURIOUS_PUSH, text, service)
        elif changes.tag is None or isinstance(changes.tag, str):
            self._take_tag(service, changes, tag)
            for serial in changes.serials:
                self._take_serial(service, serial, was_requested=tag is not None)
        # A tag that is not a text makes phones ignore the whole answer, without a word (W8).
        for key in list(self._owed):
            card = self.cards.get(key)
            if card is not None and card.service == service:
                await self._fetch_owed(card)

    def _take_tag(self, service: ServiceKey, changes: Changes, tag: Tag | None) -> None:
        count = len(changes.serials)
        if not isinstance(changes.tag, str):
            self._owner.complain(Code.TAG_MISSING, complaints.tag_missing(count), service)
        else:
            if tag is not None and changes.tag == tag.value:
                self._owner.complain(Code.TAG_UNCHANGED, complaints.tag_unchanged(count, tag.value), service)
            self.tags[service] = Tag(changes.tag, self._owner.now())

    def _take_serial(self, service: ServiceKey, serial: str, *, was_requested: bool) -> None:
        key = CardKey(service.pass_type, serial)
        if key in self.cards:
            self._owed[key] = was_requested
            return
        deleted_at = self._deleted_at.get(key)
        if deleted_at is None or not self._is_recent(deleted_at):
            self._owner.complain(Code.UNREGISTERED_SERIAL, complaints.unregistered_serial(serial), service)

    async def _fetch_owed(self, card: Card) -> None:
        try:
            await self._fetch(card, was_requested=self._owed[card.key])
        except GaveUp as error:
            if not error.may_recover:
                self._owed.pop(card.key, None)

    async def _fetch(self, card: Card, *, was_requested: bool) -> None:
        service, known_since = card.service, card.last_modified_at
        if service is None:
            return
        condition = card.last_modified
        fetched = await self._service.fetch(card)
        if self.cards.get(card.key) is not card:
            return
        self._owed.pop(card.key, None)
        is_unchanged = fetched is None or not self._take_pass(card, fetched, condition, service)
        if is_unchanged and was_requested and known_since is not None and self._is_ripe(known_since):
            self._owner.complain(Code.UNCHANGED, complaints.unchanged(card.key.serial), service)

    def _take_pass(self, card: Card, fetched: FetchedPass, condition: str | None, service: ServiceKey) -> bool:
        """Take a fetched pass; returns False where it is the one that is already there."""
        serial = card.key.serial
        opened = self._owner.open(fetched.content, serial, service)
        if opened is None:
            return True
        if (reason := identity_change(card.opened, opened)) is not None:
            self._owner.complain(Code.INVALID_PASS, complaints.invalid_pass(serial, reason), service)
            return True
        if fetched.last_modified is None:
            self._owner.complain(Code.NO_LAST_MODIFIED, complaints.no_last_modified(serial), service)
        card.last_modified = fetched.last_modified
        card.last_modified_at = self._owner.now()
        if opened.manifest_hash != card.opened.manifest_hash:
            self.replace(card, opened)
            return True
        if condition is not None:
            text = complaints.if_modified_since_ignored(serial, condition)
            self._owner.complain(Code.IF_MODIFIED_SINCE_IGNORED, text, service)
        return False

    def _is_ripe(self, since: datetime) -> bool:
        return (self._owner.now() - since).total_seconds() >= self._owner.grace_seconds()

    def _is_recent(self, deleted_at: datetime) -> bool:
        return (self._owner.now() - deleted_at).total_seconds() <= _DELETION_GRACE_SECONDS

    async def _send_log(self) -> None:
        """Post the complaints, service by service; what cannot be posted now waits for the next run."""
        while self._unsent and self._service.is_online:
            url = self._unsent[0].service_url
            lines = [each for each in self._unsent if each.service_url == url]
            if not await self._service.log(url, [each.log_line for each in lines]):
                return
            for each in lines:
                if each in self._unsent:
                    self._unsent.remove(each)
