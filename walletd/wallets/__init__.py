"""The port to the wallets on people's phones. Apple and Google are sealed rooms behind it.

A platform renders a face to its own document (pure, quick), packages a published document for a phone (Apple signs),
and tells delivery targets that something newer is there. It never touches the database: whatever it needs is given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from walletd.domain.delivery.faces import Face
from walletd.domain.outbox.attempts import Attempt


@dataclass(frozen=True, slots=True)
class PassIdentity:
    """What never changes for an installed pass (PK14)."""

    serial_number: str
    authentication_token: str
    program_id: str


@dataclass(frozen=True, slots=True)
class RenderedPass:
    """A platform's document for one state of one card.

    `content_hash` is equal exactly when a phone would see the same pass; `parts` names the prepared template parts
    (template name, revision, variant) that belong to the document.
    """

    document: bytes
    content_hash: str
    parts: str


class WalletPlatform(Protocol):
    """One wallet platform, serving all merchants that have configured it."""

    name: str

    def configure(self, merchant_id: str, credentials: bytes) -> None:
        """Take (or replace) a merchant's opened credentials; raises CertificateInvalid."""

    def is_configured(self, merchant_id: str) -> bool:
        """Say whether credentials for this merchant are loaded."""

    def topic(self, merchant_id: str) -> str:
        """Return what deliveries are about: a pass type identifier, an issuer. Raises SigningUnavailable."""

    def is_current(self, parts: str) -> bool:
        """Say whether named parts are still those of the present template; if not, the card needs publishing."""

    def render(self, merchant_id: str, template: str, identity: PassIdentity, face: Face) -> RenderedPass:
        """Render a face; pure CPU, no I/O. Raises SigningUnavailable, TemplateInvalid."""

    async def close(self) -> None:
        """Close connections."""


class PushPlatform(WalletPlatform, Protocol):
    """A wallet that is notified that something is newer, and fetches it: Apple Wallet."""

    def parts(self, template: str, face: Face) -> str:
        """Name the template parts that `render` would use now; differs from a stored name once a template changed."""

    def is_prepared(self, parts: str) -> bool:
        """Say whether `package` would find the parts in memory, or first have to draw and compress them."""

    def prepare(self, parts: str) -> None:
        """Prepare named parts; takes a tenth of a second for a drawn strip, so call it in a thread."""

    def package(self, merchant_id: str, document: bytes, parts: str, now: datetime) -> bytes:
        """Make the file a phone takes (Apple: the signed .pkpass). Raises SigningUnavailable."""

    async def deliver(self, merchant_id: str, addresses: Sequence[str]) -> list[Attempt]:
        """Tell each address (Apple: push token) that something newer is there; one attempt each, in order."""


RateLimit = Callable[[], Awaitable[None]]
"""Waits until a merchant may call a platform again; awaited before each request."""


@dataclass(frozen=True, slots=True)
class ProgramShown:
    """What all cards of a program have in common, beside their template."""

    program_id: str
    name: str
    merchant_name: str


@dataclass(frozen=True, slots=True)
class Sent(Attempt):
    """What became of a document that was sent to a wallet's server; REFUSED for one that is wrong, never GONE."""

    is_too_fast: bool = False
    """The server wants fewer requests."""
    lacks_class: bool = False
    """What all cards of the program have in common is not there yet."""


@dataclass(frozen=True, slots=True)
class WalletEvent:
    """What a wallet's server says that a person did with cards; proved to be its word."""

    topic: str
    """Whose cards: Google's issuer."""
    kind: str
    """`saved`, `removed`, or anything else, which means nothing."""
    serial_numbers: tuple[str, ...]
    nonce: str
    expires_at: datetime


class EventRefused(Exception):
    """A call that the wallet's server did not make for us; the message is for the log alone."""


class EventUnproved(Exception):
    """A call that cannot be proved now; it has to come again."""


class ObjectPlatform(WalletPlatform, Protocol):
    """A wallet that keeps the card on a server of its own, to which every state is sent: Google Wallet."""

    def render_class(self, merchant_id: str, template: str, program: ProgramShown) -> RenderedPass:
        """Render what all cards of a program have in common. Raises SigningUnavailable, TemplateInvalid."""

    async def send(
        self, merchant_id: str, document: bytes, before: bytes | None, rate_limit: RateLimit, *, notify: bool
    ) -> Sent:
        """Bring a class or an object to a document, whatever is there; never raises.

        `before` is what it was brought to before, None where nothing is known. Nothing is sent where they are equal.
        """

    async def send_message(
        self, merchant_id: str, document: bytes, message: CardMessage, rate_limit: RateLimit
    ) -> Sent:
        """Add a message to the card of a document; never raises."""

    def save_link(self, merchant_id: str, document: bytes, now: datetime) -> str:
        """Return the address by which a person saves the card of a document. Raises SigningUnavailable."""

    def saved(self, merchant_id: str, document: bytes, rate_limit: RateLimit) -> AsyncIterator[dict[str, bool]]:
        """Yield, page by page, whether anybody has saved the cards of the class of a document, by serial number.

        Raises EventUnproved where the server does not answer.
        """

    async def read_event(self, body: bytes, now: datetime) -> WalletEvent:
        """Return what the wallet's server says; raises EventRefused, EventUnproved."""

    def image(self, template: str, revision: str, name: str) -> bytes | None:
        """Return a picture that documents name, as PNG; None where there is none of this name and revision."""


@dataclass(frozen=True, slots=True)
class CardMessage:
    """A message to the holder of a card, in one or more languages, the default one first."""

    id: str
    header: tuple[tuple[str, str], ...]
    body: tuple[tuple[str, str], ...]
    notify: bool
