"""What all services share: the database, the clock, the keys, and the wallets behind their port."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from walletd.db.engine.database import Database
from walletd.domain.cards.cards import Card
from walletd.domain.delivery.publishing import PushSchedule
from walletd.domain.outbox.attempts import Attempt
from walletd.domain.outbox.mail import Mail
from walletd.domain.outbox.tills import MergeNotice
from walletd.services.pass_cache import PassCache
from walletd.wallets import ObjectPlatform, PassIdentity, PushPlatform, WalletPlatform

TOKEN_KEY = 1
"""Number of the key that authentication tokens are derived with; they can never change for an installed pass."""


class Vault(Protocol):
    """The keys that never leave the process."""

    def seal(self, plain: bytes, merchant_id: str, kind: str) -> bytes:
        """Encrypt a merchant's secret for the database."""

    def open(self, sealed: bytes, merchant_id: str, kind: str) -> bytes:
        """Decrypt a merchant's secret."""

    def token(self, kid: str | int, merchant_id: str, topic: str, serial_number: str, n: int) -> str:
        """Derive the authentication token of a pass."""

    def rotating_secret(self, merchant_id: str, serial_number: str) -> bytes:
        """Derive the secret of a card's rotating barcode."""

    def link_mac(self, message: bytes) -> bytes:
        """Sign the content of a link."""

    def sign_checkpoint(self, statement: bytes) -> bytes:
        """Sign a checkpoint of the ledger."""

    def checkpoint_key_pem(self) -> str:
        """Return the public key that verifies checkpoints."""

    def is_signed_checkpoint(self, statement: bytes, signature: bytes) -> bool:
        """Say whether a checkpoint is one of ours."""


class WebhookChannel(Protocol):
    """The way to endpoints of webhooks."""

    async def check(self, url: str) -> None:
        """Raise WebhookTargetRefused where a URL leads to what will not be called."""

    async def send(self, url: str, message_id: str, at: datetime, body: bytes, secrets: Sequence[bytes]) -> Attempt:
        """Send a message once and return what came of it; never raises."""

    async def close(self) -> None:
        """Close all connections."""


class MailChannel(Protocol):
    """The way to mailboxes."""

    async def send(self, mail: Mail, message_id: str, at: datetime) -> Attempt:
        """Send a mail once and return what came of it; never raises."""

    async def check(self) -> Attempt:
        """Connect and log in without sending anything; the reason says how it went."""


class PosConnector(Protocol):
    """The way to a till system."""

    async def merge_customers(self, notice: MergeNotice) -> Attempt:
        """Tell the till of a merge or its undoing, and return what came of it; twice is as once. Never raises."""


@dataclass(slots=True)
class Runtime:
    """Everything a service needs; built once, by bootstrap."""

    database: Database
    clock: Callable[[], datetime]
    """Says the present instant, UTC, in whole milliseconds as instants are stored."""
    vault: Vault
    platforms: Mapping[str, PushPlatform]
    """Wallets that are notified and fetch, by name."""
    object_platforms: Mapping[str, ObjectPlatform]
    """Wallets that keep cards on servers of their own, by name."""
    templates: Mapping[str, str]
    """Name of the template → kind of card it is for."""
    colors: Mapping[str, Mapping[str, str]]
    """Name of the template → its colours, for pages: background, foreground, label."""
    draw_qr: Callable[[str], bytes]
    """Draws a text as a QR in an SVG image."""
    public_url: str
    webhook_channel: WebhookChannel
    mail_channel: MailChannel | None
    """None where no mail server is set."""
    connect_till: Callable[[str], PosConnector]
    """Returns the connector to a till, by the folder where it takes its files from."""
    instance: str
    """Name of this process among others, as holder of leases."""
    schedule: PushSchedule = field(default_factory=PushSchedule)
    add_link_seconds: int = 14 * 24 * 3600
    call_interval: timedelta = timedelta(milliseconds=67)
    """Time between two calls to a wallet's server for one merchant: 15 in a second where Google allows 20."""
    jitter: Callable[[], float] = random.random
    pass_cache: PassCache = field(default_factory=PassCache)

    def identity(self, platform: WalletPlatform, card: Card) -> PassIdentity:
        """Return what never changes of a card's pass."""
        topic = platform.topic(card.merchant_id)
        token = self.vault.token(TOKEN_KEY, card.merchant_id, topic, card.serial_number, card.token_version)
        return PassIdentity(card.serial_number, token, card.program_id)

    @property
    def all_platforms(self) -> Sequence[WalletPlatform]:
        """Return every wallet that cards are published for."""
        return (*self.platforms.values(), *self.object_platforms.values())

    def platform(self, name: str) -> WalletPlatform | None:
        """Return a wallet by its name."""
        return next((platform for platform in self.all_platforms if platform.name == name), None)
