"""Queueing webhook messages: a row per endpoint that wants the event, in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from walletd.db.engine.base import Tx
from walletd.db.outbox import webhook_messages, webhooks
from walletd.domain.identifiers import new_id
from walletd.domain.outbox.webhooks import Endpoint, Message, MessageState, interested

TOPIC = "webhooks"
"""Wakes whoever sends."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that endpoints may want to know; one without content gets it when its turn comes."""

    merchant_id: str
    name: str
    subject: str
    content: Mapping[str, object] | None


def queue(tx: Tx, events: Sequence[Event], now: datetime) -> None:
    """Queue a message per event and endpoint that wants it.

    One without content that still waits for its turn stands for all events of its name and subject until then.
    """
    endpoints = webhooks.active(tx, {event.merchant_id for event in events})
    made = [
        new_message(endpoint, event.name, event.subject, event.content, now)
        for event in events
        for endpoint in interested(endpoints, event.name)
        if endpoint.merchant_id == event.merchant_id
    ]
    if pending := [message for message in made if message.content is not None]:
        webhook_messages.insert(tx, pending)
    if waiting := [message for message in made if message.content is None]:
        webhook_messages.insert_waiting(tx, waiting)


def new_message(
    endpoint: Endpoint, event: str, subject: str, content: Mapping[str, object] | None, now: datetime
) -> Message:
    """Return a message that is due at once; without content it gets it when its turn comes."""
    return Message(
        id=new_id("msg", now),
        endpoint_id=endpoint.id,
        merchant_id=endpoint.merchant_id,
        type=event,
        subject=subject,
        content=None if content is None else dict(content),
        state=MessageState.WAITING if content is None else MessageState.PENDING,
        attempts=0,
        due_at=now,
        last_status=None,
        last_reason="",
        created_at=now,
        tried_since=now,
        ended_at=None,
    )
