"""Cards and their keys; and a card in context: with its program, customer, account and merchant, in one read."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    cast,
    func,
    select,
    update,
)

from walletd.db.cards.programs import programs
from walletd.db.customers.customers import customers
from walletd.db.engine.base import Tx, merchant_column, metadata, reference
from walletd.db.engine.bulk import insert_rows, one_of, one_of_rows
from walletd.db.engine.pages import Listing, contains, fetch_page
from walletd.db.ledger.accounts import accounts, to_account
from walletd.db.merchants.merchants import merchants
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.cards.cards import BookableCard, Card, CardStatus
from walletd.domain.cards.programs import Program
from walletd.domain.customers.customers import CardHolder, LoyaltyStatus, name_of
from walletd.domain.identifiers import KeyState, is_serial_number
from walletd.domain.ledger.balances import AccountState
from walletd.domain.pages import Page, PageRequest

cards = Table(
    "cards",
    metadata,
    Column("serial_number", String(26), primary_key=True),
    merchant_column(),
    Column("program_id", String(30), nullable=False),
    Column("customer_id", String(30), nullable=False),
    Column("account_id", String(30), nullable=False),
    Column("key", String(64), nullable=False),
    Column("holder_name", Text),
    Column("status", String(16), nullable=False),
    Column("status_before", String(16)),
    Column("token_version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("merged_into", String(26)),
    Column("message", Text),
    reference("programs", "program_id"),
    reference("customers", "customer_id"),
    reference("accounts", "account_id"),
    UniqueConstraint("merchant_id", "serial_number"),
    Index(None, "account_id"),
    Index(None, "customer_id"),
    Index(None, "merchant_id", "created_at"),
)


card_keys = Table(
    "card_keys",
    metadata,
    Column("merchant_id", String(30), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("serial_number", String(26), nullable=False),
    Column("state", String(16), nullable=False),
    Index(None, "serial_number"),
    reference("cards", "serial_number", target=("merchant_id", "serial_number")),
)


@dataclass(frozen=True, slots=True)
class CardInContext:
    """A card with all that its face and its bookings depend on."""

    card: Card
    program: Program
    customer: CardHolder
    account: AccountState
    merchant_name: str


_COLUMNS: tuple[Any, ...] = (
    *(column.label(f"of_account_{column.name}") for column in accounts.c),
    cards,
    programs.c.kind,
    programs.c.name.label("program_name"),
    programs.c.unit,
    programs.c.currency,
    programs.c.template,
    # As text: rows of many cards bring the rules of a few programs again and again.
    cast(programs.c.rules, Text).label("rules_text"),
    programs.c.created_at.label("program_created_at"),
    customers.c.number,
    customers.c.first_name,
    customers.c.last_name,
    customers.c.company,
    customers.c.loyalty_status,
    customers.c.redeem_blocked,
    merchants.c.name.label("merchant_name"),
)


def _in_context(*extra: Any) -> Select[Any]:
    return select(*_COLUMNS, *extra).select_from(
        cards.join(programs, programs.c.id == cards.c.program_id)
        .join(customers, customers.c.id == cards.c.customer_id)
        .join(accounts, accounts.c.id == cards.c.account_id)
        .join(merchants, merchants.c.id == cards.c.merchant_id)
    )


_BY_SERIAL = _in_context().where(
    cards.c.serial_number == bindparam("serial"), cards.c.merchant_id == bindparam("merchant")
)
_BY_KEY = (
    _in_context(card_keys.c.state.label("key_state"))
    .join(card_keys, card_keys.c.serial_number == cards.c.serial_number)
    .where(card_keys.c.merchant_id == bindparam("merchant"), card_keys.c.key == bindparam("key"))
)
_OF_SERIALS = _in_context().where(one_of(cards.c.serial_number, "serials"))
_BOOKABLE: tuple[Any, ...] = (
    cards.c.serial_number,
    cards.c.merchant_id,
    cards.c.account_id,
    cards.c.status,
    cards.c.merged_into,
    customers.c.loyalty_status,
    customers.c.redeem_blocked,
)
_BOOKABLE_BY_SERIAL = (
    select(*_BOOKABLE)
    .join(customers, customers.c.id == cards.c.customer_id)
    .where(one_of(cards.c.serial_number, "names"))
)
_BOOKABLE_BY_KEY = (
    select(*_BOOKABLE, card_keys.c.key.label("named"), card_keys.c.state)
    .select_from(card_keys)
    .join(cards, cards.c.serial_number == card_keys.c.serial_number)
    .join(customers, customers.c.id == cards.c.customer_id)
    .where(one_of_rows([card_keys.c.merchant_id, card_keys.c.key], "names"))
)


_NEW = ("serial_number", "merchant_id", "program_id", "customer_id", "account_id", "key", "holder_name", "status")


def insert(tx: Tx, made: Sequence[Card]) -> None:
    """Store new cards with their living keys."""
    rows = [
        {
            **{name: getattr(card, name) for name in _NEW},
            "token_version": card.token_version,
            "created_at": milliseconds(card.created_at),
        }
        for card in made
    ]
    insert_rows(tx, cards, rows)
    living = ("merchant_id", "key", "serial_number")
    insert_rows(tx, card_keys, [{**{name: row[name] for name in living}, "state": KeyState.ACTIVE} for row in rows])


def find(tx: Tx, merchant_id: str, serial_number: str) -> CardInContext | None:
    """Return a merchant's card by its serial number."""
    row = tx.execute(_BY_SERIAL, {"serial": serial_number, "merchant": merchant_id}).one_or_none()
    return None if row is None else _context(row)


def find_by_key(tx: Tx, merchant_id: str, key: str) -> tuple[CardInContext, KeyState] | None:
    """Return the card a key leads to, and the state of the key; one indexed read."""
    row = tx.execute(_BY_KEY, {"key": key, "merchant": merchant_id}).one_or_none()
    return None if row is None else (_context(row), KeyState(row.key_state))


def bookable(tx: Tx, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[BookableCard, KeyState]]:
    """Return the cards that merchants and names lead to, by both, with the state of the name.

    A name is a serial number, or else a key, which may be retired.
    """
    found: dict[tuple[str, str], tuple[BookableCard, KeyState]] = {}
    serial_numbers = [name for _, name in names if is_serial_number(name)]
    for row in tx.rows(_BOOKABLE_BY_SERIAL, {"names": serial_numbers}) if serial_numbers else ():
        found[row.merchant_id, row.serial_number] = (_bookable(row), KeyState.ACTIVE)
    keys = [place for place in names if place not in found]
    for row in tx.rows(_BOOKABLE_BY_KEY, {"names": keys}) if keys else ():
        found[row.merchant_id, row.named] = (_bookable(row), KeyState(row.state))
    return found


def of_serials(tx: Tx, serial_numbers: Sequence[str]) -> dict[str, CardInContext]:
    """Return the cards with these serial numbers, whatever their merchant."""
    known: dict[str, Program] = {}
    return {row.serial_number: _context(row, known) for row in tx.rows(_OF_SERIALS, {"serials": list(serial_numbers)})}


def key_is_taken(tx: Tx, merchant_id: str, key: str) -> bool:
    """Say whether a card of the merchant has or had the key."""
    found = tx.execute(
        select(card_keys.c.serial_number).where(card_keys.c.merchant_id == merchant_id, card_keys.c.key == key)
    )
    return found.first() is not None


def change_status(tx: Tx, serial_number: str, status: CardStatus, *, among: Sequence[CardStatus]) -> bool:
    """Give a card another status if its present one is among those named; True where it changed."""
    changed = tx.execute(
        update(cards)
        .where(cards.c.serial_number == serial_number, cards.c.status.in_(list(among)), cards.c.status != status)
        .values(status=status)
    )
    return changed.rowcount == 1


def set_message(tx: Tx, serial_number: str, message: str) -> None:
    """Store the newest message to the holder of a card."""
    tx.execute(update(cards).where(cards.c.serial_number == serial_number).values(message=message))


def revoke(tx: Tx, serial_number: str) -> bool:
    """Revoke a card and keep the state it had; True where it was not revoked before."""
    changed = tx.execute(
        update(cards)
        .where(cards.c.serial_number == serial_number, cards.c.status != CardStatus.REVOKED)
        .values(status=CardStatus.REVOKED, status_before=cards.c.status)
    )
    return changed.rowcount == 1


def delete(tx: Tx, serial_number: str) -> bool:
    """Delete a card for good; True where it was not deleted before."""
    changed = tx.execute(
        update(cards)
        .where(cards.c.serial_number == serial_number, cards.c.status != CardStatus.DELETED)
        .values(status=CardStatus.DELETED, message=None)
    )
    return changed.rowcount == 1


def reinstate(tx: Tx, serial_number: str) -> bool:
    """Give a revoked card the state back that it had; True where it was revoked."""
    changed = tx.execute(
        update(cards)
        .where(cards.c.serial_number == serial_number, cards.c.status == CardStatus.REVOKED)
        .values(status=func.coalesce(cards.c.status_before, CardStatus.ISSUED), status_before=None)
    )
    return changed.rowcount == 1


def page(tx: Tx, merchant_id: str, request: PageRequest) -> Page[CardInContext]:
    """Return a page of a merchant's cards."""
    query = _in_context().where(cards.c.merchant_id == merchant_id)
    sorts = {"created_at": cards.c.created_at, "number": customers.c.number, "status": cards.c.status}
    return fetch_page(tx, query, request, Listing(sorts, cards.c.serial_number, _context, search=_held_or_keyed))


def _held_or_keyed(text: str) -> ColumnElement[bool]:
    return contains(customers.c.search_text, text) | (cards.c.key == text.strip())


def to_card(row: Row[Any]) -> Card:
    """Return the card of a row that has all columns of the table."""
    return Card(
        serial_number=row.serial_number,
        merchant_id=row.merchant_id,
        program_id=row.program_id,
        customer_id=row.customer_id,
        account_id=row.account_id,
        key=row.key,
        holder_name=row.holder_name,
        status=CardStatus(row.status),
        token_version=row.token_version,
        created_at=from_milliseconds(row.created_at),
        merged_into=row.merged_into,
        message=row.message,
    )


def _context(row: Row[Any], known: dict[str, Program] | None = None) -> CardInContext:
    """Return a card in its context; many cards share the programs that are known already."""
    program = None if known is None else known.get(row.program_id)
    if program is None:
        program = _program(row)
        if known is not None:
            known[program.id] = program
    customer = CardHolder(
        id=row.customer_id,
        number=row.number,
        name=name_of(row.first_name, row.last_name, row.company, row.number),
        loyalty_status=LoyaltyStatus(row.loyalty_status),
        redeem_blocked=row.redeem_blocked,
    )
    return CardInContext(to_card(row), program, customer, to_account(row), row.merchant_name)


def _program(row: Row[Any]) -> Program:
    return Program(
        id=row.program_id,
        merchant_id=row.merchant_id,
        kind=row.kind,
        name=row.program_name,
        unit=row.unit,
        currency=row.currency,
        template=row.template,
        rules=json.loads(row.rules_text),
        created_at=from_milliseconds(row.program_created_at),
    )


def _bookable(row: Row[Any]) -> BookableCard:
    return BookableCard(
        serial_number=row.serial_number,
        merchant_id=row.merchant_id,
        account_id=row.account_id,
        status=CardStatus(row.status),
        loyalty_status=LoyaltyStatus(row.loyalty_status),
        redeem_blocked=row.redeem_blocked,
        merged_into=row.merged_into,
    )
