"""Messages to endpoints of webhooks, from the change that made them to their delivery or the dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, moment, partial_index, reference, stored
from walletd.db.engine.leases import Lease, LeaseQueue
from walletd.db.engine.pages import Listing, fetch_page
from walletd.db.ledger.accounts import accounts
from walletd.db.outbox.webhooks import webhook_endpoints
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.outbox.webhooks import EndpointState, Message, MessageState
from walletd.domain.pages import Page, PageRequest

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("endpoint_id", String(30), nullable=False),
    Column("type", String(32), nullable=False),
    Column("subject", String(32), nullable=False),
    Column("content", JSON(none_as_null=True)),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("leased_by", String(64)),
    Column("leased_until", BigInteger, nullable=False),
    Column("last_status", Integer),
    Column("last_reason", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("tried_since", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    reference("webhook_endpoints", "endpoint_id"),
    Index("ix_webhook_messages_of_endpoint", "endpoint_id", "created_at"),
    partial_index("ix_webhook_messages_due", "endpoint_id", "due_at", where="due_at IS NOT NULL"),
    partial_index("ix_webhook_messages_ended", "ended_at", where="ended_at IS NOT NULL"),
)
Index(
    "uq_webhook_messages_waiting",
    webhook_messages.c.endpoint_id,
    webhook_messages.c.subject,
    unique=True,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

QUEUE: Final = LeaseQueue(webhook_messages)

# A message that waits is touched, so that nobody takes it before this change is committed and can be in it.
_WAIT = text(
    "INSERT INTO webhook_messages (id, merchant_id, endpoint_id, type, subject, state, attempts, due_at, leased_until,"
    " last_reason, created_at, tried_since) VALUES (:id, :merchant_id, :endpoint_id, :type, :subject, 'waiting', 0,"
    " :now, 0, '', :now, :now) ON CONFLICT (endpoint_id, subject) WHERE state = 'waiting' DO UPDATE SET attempts = 0"
)
_FREEZE = (
    update(webhook_messages)
    .where(webhook_messages.c.id == bindparam("message"))
    .values(state=MessageState.PENDING, content=bindparam("frozen"))
)


def insert_waiting(tx: Tx, made: Sequence[Message]) -> None:
    """Store messages that wait for their turn; where one about the same waits already, it will do for both."""
    tx.announce("webhooks")
    tx.execute(
        _WAIT,
        [
            {
                "id": message.id,
                "merchant_id": message.merchant_id,
                "endpoint_id": message.endpoint_id,
                "type": message.type,
                "subject": message.subject,
                "now": milliseconds(message.created_at),
            }
            for message in sorted(made, key=lambda message: (message.endpoint_id, message.subject))
        ],
    )


def insert(tx: Tx, made: Sequence[Message]) -> None:
    """Store messages with their content, and wake who sends them."""
    tx.announce("webhooks")
    tx.execute(
        webhook_messages.insert(),
        [
            {
                "id": message.id,
                "merchant_id": message.merchant_id,
                "endpoint_id": message.endpoint_id,
                "type": message.type,
                "subject": message.subject,
                "content": message.content,
                "state": message.state,
                "attempts": message.attempts,
                "due_at": stored(message.due_at),
                "leased_until": 0,
                "last_reason": message.last_reason,
                "created_at": milliseconds(message.created_at),
                "tried_since": milliseconds(message.tried_since),
            }
            for message in made
        ],
    )


def due_endpoints(tx: Tx, now: datetime) -> list[tuple[str, str]]:
    """Return the active endpoints, with their merchants, that have a message due and are not paused."""
    query = select(webhook_endpoints.c.id, webhook_endpoints.c.merchant_id).where(
        webhook_endpoints.c.state == EndpointState.ACTIVE,
        or_(webhook_endpoints.c.paused_until.is_(None), webhook_endpoints.c.paused_until <= milliseconds(now)),
        select(webhook_messages.c.id)
        .where(
            webhook_messages.c.endpoint_id == webhook_endpoints.c.id,
            *QUEUE.is_due(now),
        )
        .exists(),
    )
    return [(row.id, row.merchant_id) for row in tx.execute(query)]


def next_due(tx: Tx) -> datetime | None:
    """Return when the next message to an active endpoint can be sent."""
    free_at = func.coalesce(webhook_endpoints.c.paused_until, 0)
    query = (
        select(func.min(webhook_messages.c.due_at).label("due"), func.min(free_at).label("free"))
        .join(webhook_endpoints, webhook_endpoints.c.id == webhook_messages.c.endpoint_id)
        .where(webhook_endpoints.c.state == EndpointState.ACTIVE, webhook_messages.c.due_at.is_not(None))
        .group_by(webhook_endpoints.c.id)
    )
    moments = [max(row.due, row.free) for row in tx.execute(query)]
    return moment(min(moments, default=None))


def claim(tx: Tx, endpoint_id: str, now: datetime, limit: int, lease: Lease) -> list[Message]:
    """Lease up to `limit` due messages of an endpoint, the longest due first, each with its content."""
    taken = QUEUE.claim(tx, now, limit, lease, webhook_messages.c.endpoint_id == endpoint_id)
    if not taken:
        return []
    query = select(webhook_messages).where(QUEUE.is_one_of(taken)).order_by(webhook_messages.c.due_at)
    found = [_message(row) for row in tx.execute(query)]
    contents = _account_contents(tx, [message.subject for message in found if message.content is None])
    frozen = {message.id: message.content or contents.get(message.subject, {}) for message in found}
    tx.execute(_FREEZE, [{"message": key, "frozen": content} for key, content in frozen.items()])
    return [replace(message, state=MessageState.PENDING, content=frozen[message.id]) for message in found]


def settle(tx: Tx, settled: Sequence[Message]) -> None:
    """Store what attempts came to, and end their leases."""
    for message in settled:
        values = {
            "state": message.state,
            "attempts": message.attempts,
            "due_at": stored(message.due_at),
            "last_status": message.last_status,
            "last_reason": message.last_reason,
            "ended_at": stored(message.ended_at),
        }
        QUEUE.settle(tx, values, webhook_messages.c.id == message.id)


def page(tx: Tx, merchant_id: str, endpoint_id: str, request: PageRequest) -> Page[Message]:
    """Return a page of the messages to an endpoint, the newest first; `search` is one of their states."""
    query = select(webhook_messages).where(
        webhook_messages.c.endpoint_id == endpoint_id, webhook_messages.c.merchant_id == merchant_id
    )
    sorts = {"created_at": webhook_messages.c.created_at}
    listing = Listing(
        sorts, webhook_messages.c.id, _message, "-created_at", lambda state: webhook_messages.c.state == state
    )
    return fetch_page(tx, query, request, listing)


def replay(tx: Tx, endpoint_id: str, now: datetime, message_id: str | None) -> int:
    """Make the dead letters of an endpoint due again, or one message whatever became of it; return how many."""
    chosen: ColumnElement[bool] = webhook_messages.c.state == MessageState.DEAD
    if message_id is not None:
        chosen = (webhook_messages.c.id == message_id) & webhook_messages.c.state.in_(
            (MessageState.DEAD, MessageState.DELIVERED, MessageState.PENDING)
        )
    at = milliseconds(now)
    result = tx.execute(
        update(webhook_messages)
        .where(webhook_messages.c.endpoint_id == endpoint_id, chosen)
        .values(state=MessageState.PENDING, attempts=0, due_at=at, tried_since=at, ended_at=None)
    )
    return int(result.rowcount)


def end_all(tx: Tx, endpoint_id: str, now: datetime, reason: str) -> None:
    """Make dead letters of everything that is still to be sent to an endpoint."""
    tx.execute(
        update(webhook_messages)
        .where(webhook_messages.c.endpoint_id == endpoint_id, webhook_messages.c.due_at.is_not(None))
        .values(state=MessageState.DEAD, due_at=None, ended_at=milliseconds(now), last_reason=reason)
    )


def _account_contents(tx: Tx, account_ids: Sequence[str]) -> dict[str, dict[str, object]]:
    if not account_ids:
        return {}
    query = select(accounts.c.id, accounts.c.program_id, accounts.c.customer_id, accounts.c.sequence).where(
        accounts.c.id.in_(account_ids)
    )
    return {
        row.id: {
            "account_id": row.id,
            "program_id": row.program_id,
            "customer_id": row.customer_id,
            "sequence": row.sequence,
        }
        for row in tx.execute(query)
    }


def _message(row: Row[Any]) -> Message:
    return Message(
        id=row.id,
        endpoint_id=row.endpoint_id,
        merchant_id=row.merchant_id,
        type=row.type,
        subject=row.subject,
        content=row.content,
        state=MessageState(row.state),
        attempts=row.attempts,
        due_at=moment(row.due_at),
        last_status=row.last_status,
        last_reason=row.last_reason,
        created_at=from_milliseconds(row.created_at),
        tried_since=from_milliseconds(row.tried_since),
        ended_at=moment(row.ended_at),
    )
