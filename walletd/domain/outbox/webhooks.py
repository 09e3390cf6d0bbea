"""Webhooks: who is notified of what, how often it is tried, and what an attempt came to (P16, H7).

A message is thin: it names what changed, never a person; whoever wants to know more asks the API with its own key. It
is delivered at least once and in no particular order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from walletd.domain.calendar import rfc3339
from walletd.domain.outbox.attempts import Verdict
from walletd.domain.outbox.retries import BackOff, doubling
from walletd.domain.validation import invalid

EVENTS: Final = (
    "card.issued",
    "card.installed",
    "card.uninstalled",
    "card.revoked",
    "card.reinstated",
    "card.key_rewritten",
    "card.deleted",
    "account.changed",
    "customer.merged",
    "customer.merge_undone",
    "customer.erased",
    "ledger.checkpoint",
)
TESTING: Final = "webhook.test"
"""What an endpoint is sent when somebody wants to see whether it works."""

SECRET_OVERLAP: Final = timedelta(hours=24)
"""How long messages carry the signature of the secret before, too, after it was exchanged."""
ENDPOINT_PAUSES: Final = BackOff(doubling(5, 3_600), (1.0, 1.2))
"""How long an endpoint that cannot be reached is left alone, by its pauses before."""
_URL_LONGEST: Final = 2_000
_DESCRIPTION_LONGEST: Final = 200


class EndpointState(StrEnum):
    """Whether an endpoint is called; a deleted one is kept for its messages alone."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class MessageState(StrEnum):
    """How far a message is."""

    WAITING = "waiting"
    """Without content yet: whatever changes meanwhile is in it when its turn comes."""
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """It was given up, or its endpoint was; it can be replayed."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a merchant wants to be notified, and of what; `events` without any is all of them."""

    id: str
    merchant_id: str
    url: str
    events: tuple[str, ...]
    description: str | None
    state: EndpointState
    reason: str
    """Why it was disabled or is paused."""
    paused_until: datetime | None
    pauses: int
    created_at: datetime
    secret_changed_at: datetime

    def wants(self, event: str) -> bool:
        """Say whether it is to be notified of an event."""
        return self.state == EndpointState.ACTIVE and (not self.events or event in self.events or event == TESTING)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one endpoint."""

    id: str
    endpoint_id: str
    merchant_id: str
    type: str
    subject: str
    """What it is about: the serial number of a card, the id of an account, the number of a checkpoint."""
    content: dict[str, object] | None
    """`data` of the body; None while it waits."""
    state: MessageState
    attempts: int
    due_at: datetime | None
    last_status: int | None
    last_reason: str
    created_at: datetime
    tried_since: datetime
    """From when the 72 hours count: when it was made, or replayed."""
    ended_at: datetime | None


def check_url(url: str) -> str:
    """Return the address of an endpoint; raises ValidationFailed where it has a form that is never called."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise invalid("/url", "must be an address such as https://shop.example/hooks/walletd") from None
    is_clean = len(url) <= _URL_LONGEST and url.isascii() and url.isprintable() and " " not in url
    if not is_clean or parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise invalid("/url", "must be an address such as https://shop.example/hooks/walletd")
    if "@" in parts.netloc or parts.fragment:
        raise invalid("/url", "must have neither a user name, nor a password, nor a fragment")
    return url


def check_events(events: Collection[str]) -> tuple[str, ...]:
    """Return events in their usual order; raises ValidationFailed for one that does not exist."""
    for name in events:
        if name not in EVENTS:
            raise invalid("/events", f"must be among {', '.join(EVENTS)}")
    return tuple(name for name in EVENTS if name in set(events))


def check_description(text: str | None) -> str | None:
    """Return a note about an endpoint; raises ValidationFailed."""
    if text is not None and (len(text) > _DESCRIPTION_LONGEST or not text.isprintable()):
        raise invalid("/description", f"must be at most {_DESCRIPTION_LONGEST} printable characters")
    return text


def body_of(message: Message) -> dict[str, object]:
    """Return the body that is sent (Standard Webhooks: type, timestamp, data)."""
    created_at = rfc3339(message.created_at)
    return {"type": message.type, "timestamp": created_at, "data": message.content or {}}


def verdict_of(status: int) -> Verdict:
    """Return what the status of an answer means.

    401, 403 and 407 say that nobody from here may call: no message is to blame. A redirect is never followed, because
    it would lead past the check of the address.
    """
    if 200 <= status < 300:
        return Verdict.DONE
    if status == 410:
        return Verdict.GONE
    return Verdict.CHANNEL_FAILED if status in {401, 403, 407} else Verdict.RETRY


def interested(endpoints: Sequence[Endpoint], event: str) -> list[Endpoint]:
    """Return the endpoints that are to be notified of an event."""
    return [endpoint for endpoint in endpoints if endpoint.wants(event)]
