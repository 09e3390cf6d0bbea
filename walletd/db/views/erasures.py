"""Erasing a person from every row that names one; entries of the books and of the audit log name none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select, update

from walletd.db.cards.cards import cards
from walletd.db.customers.customers import customers
from walletd.db.customers.merges import merges
from walletd.db.engine.base import Tx, locked
from walletd.db.merchants.api_keys import api_keys
from walletd.db.merchants.audit import audit_log
from walletd.db.merchants.idempotency import idempotency_records
from walletd.db.outbox.jobs import QUEUE, jobs
from walletd.domain.calendar import milliseconds
from walletd.domain.cards.cards import CardStatus
from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.matching import MatchStage
from walletd.domain.outbox.jobs import JobState

_ANSWERS: Final = ("cards", "merges", "messages")
"""Routes whose stored answers name a holder; found by the first columns of the key, for there are few."""

_NOTHING: Final[dict[str, Any]] = {
    "ref_id": None,
    "first_name": None,
    "last_name": None,
    "company": None,
    "email": None,
    "phone": None,
    "birth_date": None,
    "locale": None,
    "source": None,
    "address": {},
    "tags": [],
    "custom_fields": {},
    "utm": {},
    "sort_name": "",
    **{f"match_{stage}": None for stage in MatchStage},
    "crm_active": False,
    "deactivated_by": None,
    "opt_in": OptInState.NONE,
    "opt_in_sent_at": None,
    "opt_in_confirmed_at": None,
    "opt_in_revoked_at": None,
}


def cards_of(tx: Tx, customer_ids: Collection[str]) -> list[tuple[str, CardStatus]]:
    """Return the serial number and the status of every card of customers."""
    # Kept as read: a phone that takes the card now comes after the erasing, and finds it deleted.
    query = locked(select(cards.c.serial_number, cards.c.status).where(cards.c.customer_id.in_(list(customer_ids))))
    return sorted((row.serial_number, CardStatus(row.status)) for row in tx.execute(query))


def messages_to(tx: Tx, merchant_id: str, serial_numbers: Collection[str]) -> list[str]:
    """Return the ids of all messages that were sent to the holders of cards."""
    query = select(audit_log.c.details).where(
        audit_log.c.merchant_id == merchant_id,
        audit_log.c.subject.in_(list(serial_numbers)),
        audit_log.c.action == "card.message_sent",
    )
    return [str(details["message_id"]) for details in tx.execute(query).scalars()]


def delete_cards(tx: Tx, serial_numbers: Collection[str]) -> None:
    """Delete cards for good; nothing on them names their holder any more."""
    tx.execute(
        update(cards)
        .where(cards.c.serial_number.in_(list(serial_numbers)))
        .values(status=CardStatus.DELETED, holder_name=None, message=None)
    )


def clear_customers(tx: Tx, customer_ids: Sequence[str], now: datetime) -> None:
    """Take everything that names the person out of the master data; numbers, flags and reviews stay."""
    for customer_id in customer_ids:
        tx.execute(
            update(customers)
            .where(customers.c.id == customer_id)
            .values(**_NOTHING, search_text=customer_id, erased_at=milliseconds(now))
        )


def clear_merges(tx: Tx, merchant_id: str, customer_ids: Collection[str]) -> list[str]:
    """Take out what staff wrote about merges of the customers; return these merges."""
    ids = list(customer_ids)
    changed = (
        update(merges)
        .where(
            merges.c.merchant_id == merchant_id,
            or_(merges.c.identity_survivor.in_(ids), merges.c.absorbed.in_(ids)),
        )
        .values(reason=None)
    )
    return sorted(tx.execute(changed.returning(merges.c.id)).scalars())


def forget_answers(tx: Tx, merchant_id: str, owner_ids: Collection[str], subjects: Collection[str]) -> None:
    """Forget stored answers about these cards, merges and messages; their idempotency keys stay spent.

    Answers are found by who asked: any API key of the merchant, or one of `owner_ids`.
    """
    query = select(api_keys.c.id).where(api_keys.c.merchant_id == merchant_id)
    owners = {*owner_ids, *tx.execute(query).scalars()}
    tx.execute(
        update(idempotency_records)
        .where(
            idempotency_records.c.merchant_id == merchant_id,
            idempotency_records.c.owner.in_(owners),
            idempotency_records.c.route.in_(_ANSWERS),
            idempotency_records.c.subject.in_(list(subjects)),
        )
        .values(body=None)
    )


def drop_jobs(tx: Tx, merchant_id: str, customer_ids: Collection[str], serial_numbers: Collection[str]) -> None:
    """End mails and messages to the person that have not gone out, or never could."""
    query = select(jobs).where(jobs.c.merchant_id == merchant_id, jobs.c.state.in_([JobState.PENDING, JobState.DEAD]))
    about = set(customer_ids)
    job_ids = [
        row.id
        for row in tx.execute(query)
        if row.content is not None
        and (row.content.get("serial_number") in serial_numbers or about & set(row.subject.split(" ")))
    ]
    if job_ids:
        # Without its lease, so that whoever is sending it just now does not store it again.
        values = {"state": JobState.DEAD, "content": None, "due_at": None, "last_reason": "the customer was erased"}
        QUEUE.settle(tx, values, jobs.c.id.in_(job_ids))
