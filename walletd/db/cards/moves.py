"""How cards and their keys move in a merge, and back: the rows of several accounts at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import or_, select, update

from walletd.db.cards.cards import card_keys, cards, to_card
from walletd.db.engine.base import Tx
from walletd.domain.cards.cards import Card
from walletd.domain.customers.merges import CardMove, KeyMove
from walletd.domain.identifiers import KeyState


def of_accounts(tx: Tx, account_ids: Collection[str]) -> dict[str, list[Card]]:
    """Return the cards of accounts, the oldest first; merged ones are among those of the account they show."""
    found: dict[str, list[Card]] = {}
    query = (
        select(cards)
        .where(cards.c.account_id.in_(list(account_ids)))
        .order_by(cards.c.created_at, cards.c.serial_number)
    )
    for row in tx.execute(query):
        found.setdefault(row.account_id, []).append(to_card(row))
    return found


def keys_of(tx: Tx, merchant_id: str, serial_numbers: Collection[str]) -> list[KeyMove]:
    """Return all keys that lead to cards, living or not."""
    query = select(card_keys).where(
        card_keys.c.merchant_id == merchant_id, card_keys.c.serial_number.in_(list(serial_numbers))
    )
    found = (KeyMove(row.key, row.serial_number, KeyState(row.state)) for row in tx.execute(query))
    return sorted(found, key=lambda item: item.key)


def place_cards(tx: Tx, placed: Iterable[CardMove]) -> None:
    """Give cards the account, owner, key and successor that are said of them."""
    for item in placed:
        tx.execute(
            update(cards)
            .where(cards.c.serial_number == item.serial_number)
            .values(
                account_id=item.account_id, customer_id=item.customer_id, key=item.key, merged_into=item.merged_into
            )
        )


def place_keys(tx: Tx, merchant_id: str, placed: Iterable[KeyMove]) -> None:
    """Let keys lead where it is said of them, in the state that is said."""
    for item in placed:
        tx.execute(
            update(card_keys)
            .where(card_keys.c.merchant_id == merchant_id, card_keys.c.key == item.key)
            .values(serial_number=item.serial_number, state=item.state)
        )


def give_cards_of(tx: Tx, account_ids: Collection[str], customer_id: str) -> None:
    """Give all cards of accounts to a customer."""
    tx.execute(update(cards).where(cards.c.account_id.in_(list(account_ids))).values(customer_id=customer_id))


def present_keys(tx: Tx, serial_numbers: Collection[str]) -> dict[str, str]:
    """Return the key that each card shows."""
    query = select(cards.c.serial_number, cards.c.key).where(cards.c.serial_number.in_(list(serial_numbers)))
    return {row.serial_number: row.key for row in tx.execute(query)}


def owner_of_key(tx: Tx, merchant_id: str, key: str) -> tuple[str, bool] | None:
    """Return the card that a key leads to, and whether it may be booked by; None for a key that nobody had."""
    query = select(card_keys.c.serial_number, card_keys.c.state).where(
        card_keys.c.merchant_id == merchant_id, card_keys.c.key == key
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else (row.serial_number, KeyState(row.state) != KeyState.RETIRED)


def rewrite_key(tx: Tx, card: Card, key: str, former: KeyState) -> list[str]:
    """Let a card, and those that were merged into it, show another key; `former` is the old key's state from now on.

    Returns the serial numbers of all cards that show the key.
    """
    place = {"merchant_id": card.merchant_id, "serial_number": card.serial_number}
    tx.execute(
        update(card_keys)
        .where(card_keys.c.merchant_id == card.merchant_id, card_keys.c.key == card.key)
        .values(state=former)
    )
    known = update(card_keys).where(card_keys.c.merchant_id == card.merchant_id, card_keys.c.key == key)
    if tx.execute(known.values(state=KeyState.ACTIVE)).rowcount == 0:
        tx.execute(card_keys.insert(), place | {"key": key, "state": KeyState.ACTIVE})
    shown = update(cards).where(
        or_(cards.c.serial_number == card.serial_number, cards.c.merged_into == card.serial_number),
        cards.c.account_id == card.account_id,
    )
    return sorted(tx.execute(shown.values(key=key).returning(cards.c.serial_number)).scalars())
