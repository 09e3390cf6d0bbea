"""Telling endpoints of webhooks: a row per endpoint, in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from walletd.db.engine.base import Tx
from walletd.db.outbox import webhook_messages, webhooks
from walletd.domain.cards.cards import Card
from walletd.domain.identifiers import new_id
from walletd.domain.ledger.balances import AccountState
from walletd.domain.outbox.webhooks import PENDING, WAITING, Endpoint, Message, interested

TOPIC = "webhooks"
"""Wakes whoever sends."""
_CARD = ("serial_number", "program_id", "customer_id", "account_id")
"""What a message says of a card."""


def tell(tx: Tx, merchant_id: str, event: str, subject: str, content: Mapping[str, object], now: datetime) -> None:
    """Queue a message about something that happened once, to every endpoint that wants it."""
    made = [
        new_message(endpoint, event, subject, dict(content), now)
        for endpoint in interested(webhooks.active(tx, [merchant_id]), event)
    ]
    if made:
        webhook_messages.insert(tx, made)
        tx.announce(TOPIC)


def tell_card(tx: Tx, card: Card, event: str, now: datetime) -> None:
    """Queue a message about a card."""
    tell_cards(tx, card.merchant_id, [card], event, now)


def tell_cards(tx: Tx, merchant_id: str, cards: Sequence[Card], event: str, now: datetime) -> None:
    """Queue a message about each of a merchant's cards."""
    endpoints = interested(webhooks.active(tx, [merchant_id]), event) if cards else ()
    made = [
        new_message(endpoint, event, card.serial_number, {name: getattr(card, name) for name in _CARD}, now)
        for endpoint in endpoints
        for card in cards
    ]
    if made:
        webhook_messages.insert(tx, made)
        tx.announce(TOPIC)


def tell_accounts_changed(tx: Tx, changed: Sequence[AccountState], now: datetime) -> None:
    """Queue a message per changed account; one that still waits for its turn stands for all changes until then."""
    endpoints = webhooks.active(tx, {account.merchant_id for account in changed})
    made = [
        new_message(endpoint, "account.changed", account.id, None, now)
        for endpoint in interested(endpoints, "account.changed")
        for account in changed
        if account.merchant_id == endpoint.merchant_id
    ]
    if made:
        webhook_messages.insert_waiting(tx, made)
        tx.announce(TOPIC)


def new_message(
    endpoint: Endpoint, event: str, subject: str, content: dict[str, object] | None, now: datetime
) -> Message:
    """Return a message that is due at once; without content it gets it when its turn comes."""
    return Message(
        id=new_id("msg", now),
        endpoint_id=endpoint.id,
        merchant_id=endpoint.merchant_id,
        type=event,
        subject=subject,
        content=content,
        state=WAITING if content is None else PENDING,
        attempts=0,
        due_at=now,
        last_status=None,
        last_reason="",
        created_at=now,
        tried_since=now,
        ended_at=None,
    )
