"""Webhooks on the wire: endpoints and the messages to them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.outbox.webhooks import Endpoint, Message
from walletd.web.api.fields import Moment, moment


class WebhookAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """An endpoint that is told what happened."""

    webhook_id: str
    url: str
    events: Annotated[list[str], Meta(description="Without any: all of them.")]
    description: str | None
    state: Annotated[str, Meta(description="active, or disabled after the receiver answered 410.")]
    reason: Annotated[str, Meta(description="Why it is disabled or paused; empty while all is well.")]
    paused_until: Annotated[Moment | None, Meta(description="Not called before, because nobody was reached.")]
    created_at: Moment


class WebhookSecretAnswer(WebhookAnswer, kw_only=True, forbid_unknown_fields=True):
    """An endpoint with its secret, which is shown only when it is made or exchanged."""

    secret: Annotated[str, Meta(description="whsec_ and Base64: the key of Standard Webhooks signatures.")]


class MessageAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """One message to one endpoint."""

    message_id: Annotated[str, Meta(description="The header webhook-id, the same in every attempt.")]
    type: str
    subject: Annotated[str, Meta(description="What it is about: a card, an account, a checkpoint.")]
    state: Annotated[str, Meta(description="waiting, pending, delivered, or dead after 72 hours.")]
    attempts: int
    due_at: Moment | None
    last_status: Annotated[int | None, Meta(description="HTTP status of the last attempt that was answered.")]
    last_reason: str
    created_at: Moment
    ended_at: Moment | None


class ReplayAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """How many messages are sent again."""

    messages: int


def webhook_answer(endpoint: Endpoint) -> WebhookAnswer:
    """Return an endpoint on the wire."""
    return WebhookAnswer(**_webhook(endpoint))


def webhook_secret_answer(endpoint: Endpoint, secret: str) -> WebhookSecretAnswer:
    """Return an endpoint on the wire, with its secret."""
    return WebhookSecretAnswer(**_webhook(endpoint), secret=secret)


def message_answer(message: Message) -> MessageAnswer:
    """Return a message on the wire."""
    return MessageAnswer(
        message_id=message.id,
        type=message.type,
        subject=message.subject,
        state=message.state,
        attempts=message.attempts,
        due_at=moment(message.due_at),
        last_status=message.last_status,
        last_reason=message.last_reason,
        created_at=rfc3339(message.created_at),
        ended_at=moment(message.ended_at),
    )


def _webhook(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "webhook_id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "description": endpoint.description,
        "state": endpoint.state,
        "reason": endpoint.reason,
        "paused_until": moment(endpoint.paused_until),
        "created_at": rfc3339(endpoint.created_at),
    }
