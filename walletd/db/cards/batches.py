"""Many cards at once: found by their customers, and by their keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from walletd.db.cards.cards import card_keys, cards
from walletd.db.engine.base import Tx
from walletd.db.engine.bulk import one_of
from walletd.domain.cards.cards import CardStatus


@dataclass(frozen=True, slots=True)
class HeldCard:
    """A card that a customer has in a program."""

    serial_number: str
    customer_id: str
    account_id: str
    key: str
    status: CardStatus


_HELD: Final = (
    select(cards.c.serial_number, cards.c.customer_id, cards.c.account_id, cards.c.key, cards.c.status)
    .where(
        cards.c.program_id == bindparam("program"),
        cards.c.merged_into.is_(None),
        cards.c.status != CardStatus.DELETED,
        one_of(cards.c.customer_id, "customers"),
    )
    .order_by(cards.c.created_at.desc(), cards.c.serial_number.desc())
)
_TAKEN: Final = select(card_keys.c.key).where(
    card_keys.c.merchant_id == bindparam("merchant"), one_of(card_keys.c.key, "keys")
)


def of_customers(tx: Tx, program_id: str, customer_ids: Collection[str]) -> dict[str, HeldCard]:
    """Return the oldest card in a program of each customer that has one."""
    if not customer_ids:
        return {}
    rows = tx.execute(_HELD, {"program": program_id, "customers": sorted(customer_ids)})
    return {
        row.customer_id: HeldCard(
            serial_number=row.serial_number,
            customer_id=row.customer_id,
            account_id=row.account_id,
            key=row.key,
            status=CardStatus(row.status),
        )
        for row in rows
    }


def taken_keys(tx: Tx, merchant_id: str, keys: Collection[str]) -> set[str]:
    """Return which of the keys a card of the merchant has or had."""
    return set(tx.execute(_TAKEN, {"merchant": merchant_id, "keys": sorted(keys)}).scalars()) if keys else set()
