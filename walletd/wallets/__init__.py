"""The port to the wallets on people's phones. Apple and Google are sealed rooms behind it.

A platform renders a face to its own document (pure, quick), packages a published document for a phone (Apple signs),
and tells delivery targets that something newer is there. It never touches the database: whatever it needs is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from walletd.domain.face import Face


@dataclass(frozen=True, slots=True)
class PassIdentity:
    """What never changes for an installed pass (apple.md P14)."""

    serial_number: str
    authentication_token: str


@dataclass(frozen=True, slots=True)
class RenderedPass:
    """A platform's document for one state of one card.

    `content_hash` is equal exactly when a phone would see the same pass; `parts` names the prepared template parts
    (template name, revision, variant) that belong to the document.
    """

    document: bytes
    content_hash: str
    parts: str


class Verdict(StrEnum):
    """What a platform said about one delivery target."""

    ACCEPTED = "accepted"
    GONE = "gone"
    """The target does not exist any more; `gone_since` says since when, where the platform says it."""
    REJECTED = "rejected"
    """The address does not fit host, certificate or topic: drop it, unless many fail at once."""
    RETRY = "retry"
    """Trouble with this target or the way to it: try again, not before `retry_after_seconds`."""
    LANE_PAUSED = "lane_paused"
    """Trouble with our configuration or certificate: nothing of this merchant can be delivered until it is mended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A platform's answer for one target."""

    verdict: Verdict
    reason: str = ""
    gone_since: datetime | None = None
    retry_after_seconds: float | None = None


class WalletPlatform(Protocol):
    """One wallet platform, serving all merchants that have configured it."""

    name: str

    def configure(self, merchant_id: str, credentials: bytes) -> None:
        """Take (or replace) a merchant's opened credentials; raises CertificateInvalid."""

    def is_configured(self, merchant_id: str) -> bool:
        """Say whether credentials for this merchant are loaded."""

    def topic(self, merchant_id: str) -> str:
        """Return what deliveries are about: Apple's pass type identifier. Raises SigningUnavailable."""

    def parts(self, template: str, face: Face) -> str:
        """Name the template parts that `render` would use now; differs from a stored name once a template changed."""

    def is_current(self, parts: str) -> bool:
        """Say whether named parts are still those of the present template; if not, the card needs publishing."""

    def is_prepared(self, parts: str) -> bool:
        """Say whether `package` would find the parts in memory, or first have to draw and compress them."""

    def prepare(self, parts: str) -> None:
        """Prepare named parts; takes a tenth of a second for a drawn strip, so call it in a thread."""

    def render(self, merchant_id: str, template: str, identity: PassIdentity, face: Face) -> RenderedPass:
        """Render a face; pure CPU, no I/O. Raises SigningUnavailable, TemplateInvalid."""

    def package(self, merchant_id: str, document: bytes, parts: str, now: datetime) -> bytes:
        """Make the file a phone takes (Apple: the signed .pkpass). Raises SigningUnavailable."""

    async def deliver(self, merchant_id: str, addresses: Sequence[str]) -> list[Outcome]:
        """Tell each address (Apple: push token) that something newer is there; one outcome each, in order."""

    async def close(self) -> None:
        """Close connections."""
