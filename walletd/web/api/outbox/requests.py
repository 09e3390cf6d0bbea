"""The bodies that the API takes about webhooks.

Unknown fields are refused: a misspelt one must not be without effect in silence.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class WebhookNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """An endpoint to tell what happens; without `events` it is told everything."""

    url: Annotated[str, Meta(min_length=1, max_length=2000, examples=["https://shop.example/hooks/walletd"])]
    events: Annotated[list[str], Meta(max_length=20)] = []
    description: Annotated[str, Meta(max_length=200)] | None = None


class Replay(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which message to send again; without one, all dead letters."""

    message_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
