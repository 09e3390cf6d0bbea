"""Passes as phones take them: conditional fetches, downloads by link, and the short way for »not modified«."""

from __future__ import annotations

import asyncio
import hmac
import zlib
from dataclasses import dataclass

from walletd.db.delivery import devices, passes, publishing
from walletd.db.delivery.passes import StoredPass
from walletd.db.delivery.publishing import PublishedPass
from walletd.db.engine.base import Tx
from walletd.domain.calendar import http_date, parse_http_date
from walletd.domain.delivery.publishing import CHANGED
from walletd.domain.errors import NotFound, SigningUnavailable, Unauthenticated
from walletd.domain.merchants.principals import Principal
from walletd.services.delivery.links import Links
from walletd.services.delivery.publishing import Publisher
from walletd.services.pass_cache import CachedVersion
from walletd.services.runtime import TOKEN_KEY, Runtime
from walletd.wallets import PushPlatform


@dataclass(frozen=True, slots=True)
class PassFile:
    """A signed pass and the headers it goes with; `sequence` names the version."""

    content: bytes
    last_modified: str
    filename: str
    serial_number: str
    sequence: int
    content_hash: str
    expected: bool
    """Whether a phone was sent for this version by a list; its arrival is then worth remembering."""

    @property
    def etag(self) -> str:
        """Return the entity tag, with its quotes."""
        return f'"{self.content_hash}"'


class Passes:
    """Use cases about pass files."""

    def __init__(self, runtime: Runtime, publisher: Publisher, links: Links) -> None:
        self._runtime = runtime
        self._publisher = publisher
        self._links = links

    def unchanged(
        self, pass_type: str, serial_number: str, authorization: str | None, if_modified_since: str | None
    ) -> bool:
        """Say from memory alone whether »304 Not Modified« is the answer; False means: ask `fetch`."""
        version = self._runtime.pass_cache.version(serial_number)
        if version is None or if_modified_since != version.last_modified or pass_type != version.topic:
            return False
        return hmac.compare_digest(token_of(authorization).encode(), version.token.encode())

    async def fetch(
        self, pass_type: str, serial_number: str, authorization: str | None, if_modified_since: str | None
    ) -> PassFile | None:
        """Return the newest pass, or None where the device has it (W15, W16).

        A card that changed a moment ago is published first. Raises Unauthenticated, SigningUnavailable.
        """
        generation = self._runtime.pass_cache.generation(serial_number)
        stored = await self.authorize(pass_type, serial_number, authorization)
        if stored.published is None or stored.dirty or not self._is_current(stored.published):
            generation = self._runtime.pass_cache.generation(serial_number)
            stored = await self._publish_first(stored)
        published = _published(stored)
        if parse_http_date(if_modified_since) == published.last_modified:
            if stored.expected:
                await self._remember_fetch(published)
            self._remember_version(pass_type, stored, published, generation)
            return None
        return await self._file(stored, published)

    async def delivered(self, file: PassFile) -> None:
        """Remember that a file went out whole to a phone that was sent for it (N12)."""
        if file.expected:
            await self._remember_fetch(file)

    async def of_card(self, by: Principal, serial_number: str) -> PassFile:
        """Return a card's pass for a shop's own use; raises NotFound, SigningUnavailable."""
        stored = await self._runtime.database.read(self._read, serial_number)
        if stored is None or stored.card.merchant_id != by.merchant_id:
            raise NotFound("There is no card with this serial number.")
        return await self._newest(stored)

    async def by_link(self, token: str) -> PassFile:
        """Return the pass that an add link names; raises LinkInvalid, LinkExpired, SigningUnavailable."""
        view = await self._links.open(token)
        stored = await self._runtime.database.read(self._read, view.serial_number)
        if stored is None:
            raise NotFound("There is no card with this serial number.")
        return await self._newest(stored)

    async def authorize(self, pass_type: str, serial_number: str, authorization: str | None) -> StoredPass:
        """Return the card whose pass type and token these are (W1); raises Unauthenticated.

        For an unknown card a token is derived and compared all the same, so that the time tells nothing.
        """
        presented = token_of(authorization)
        stored = await self._runtime.database.read(self._read, serial_number)
        merchant_id, version = ("", 0) if stored is None else (stored.card.merchant_id, stored.card.token_version)
        token = self._runtime.vault.token(TOKEN_KEY, merchant_id, pass_type, serial_number, version)
        genuine = hmac.compare_digest(presented.encode(), token.encode())
        if stored is None or not genuine or not self._apple.is_configured(merchant_id):
            raise Unauthenticated
        return stored

    @property
    def _apple(self) -> PushPlatform:
        return self._runtime.platforms["apple"]

    def _read(self, tx: Tx, serial_number: str) -> StoredPass | None:
        return passes.find(tx, self._apple.name, serial_number)

    def _is_current(self, published: PublishedPass) -> bool:
        return self._apple.is_current(published.parts)

    async def _publish_first(self, stored: StoredPass) -> StoredPass:
        serial_number = stored.card.serial_number
        if not stored.dirty:
            now = self._runtime.clock()
            await self._runtime.database.write(publishing.mark_cards_dirty, {serial_number: CHANGED}, now)
        await self._publisher.publish_cards([serial_number])
        again = await self._runtime.database.read(self._read, serial_number)
        if again is None:
            raise Unauthenticated
        return again

    async def _newest(self, stored: StoredPass) -> PassFile:
        if stored.published is None or stored.dirty or not self._is_current(stored.published):
            stored = await self._publish_first(stored)
        return await self._file(stored, _published(stored))

    async def _file(self, stored: StoredPass, published: PublishedPass) -> PassFile:
        serial_number, cache = published.serial_number, self._runtime.pass_cache
        content = cache.package(serial_number, published.sequence)
        if content is None:
            if not self._apple.is_prepared(published.parts):
                await asyncio.to_thread(self._apple.prepare, published.parts)
            document = zlib.decompress(published.document)
            content = self._apple.package(published.merchant_id, document, published.parts, self._runtime.clock())
            cache.keep_package(serial_number, published.sequence, content)
        return PassFile(
            content=content,
            last_modified=http_date(published.last_modified),
            filename=f"{stored.kind}.pkpass",
            serial_number=serial_number,
            sequence=published.sequence,
            content_hash=published.content_hash,
            expected=stored.expected,
        )

    async def _remember_fetch(self, fetched: PassFile | PublishedPass) -> None:
        await self._runtime.database.write(
            devices.remember_fetched, fetched.serial_number, fetched.sequence, fetched.content_hash
        )

    def _remember_version(self, pass_type: str, stored: StoredPass, published: PublishedPass, generation: int) -> None:
        """Let the next such request be answered from memory, where nobody else can change the database."""
        if self._runtime.database.exclusive and not stored.dirty:
            token = self._runtime.identity(self._apple, stored.card).authentication_token
            version = CachedVersion(pass_type, token, http_date(published.last_modified))
            self._runtime.pass_cache.keep_version(published.serial_number, version, generation)


def token_of(authorization: str | None) -> str:
    """Return the token of an Authorization header, whatever its scheme; empty for a garbled one (W2, W3)."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() if scheme else ""


def scheme_of(authorization: str | None) -> str:
    """Return the scheme that says which kind of wallet asks: ApplePass, AndroidPass, WalletUnionPass."""
    return (authorization or "").strip().partition(" ")[0][:32]


def _published(stored: StoredPass) -> PublishedPass:
    if stored.published is None:
        raise SigningUnavailable("This pass cannot be made now; the shop's pass certificate or template has a fault.")
    return stored.published
