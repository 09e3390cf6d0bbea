"""Changes of the endpoints of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from walletd.domain.changes import OfRow


@dataclass(frozen=True, slots=True)
class WebhookCreated(OfRow):
    """An endpoint for webhooks was made."""

    events: Sequence[str]


class WebhookDeleted(OfRow):
    """An endpoint was forgotten."""

    __slots__ = ()


class WebhookEnabled(OfRow):
    """An endpoint is called again."""

    __slots__ = ()


class WebhookSecretRotated(OfRow):
    """An endpoint has another secret."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class WebhookReplayed(OfRow):
    """Messages to an endpoint are sent again."""

    messages: int
