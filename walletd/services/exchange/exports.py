"""Exports: customers and transactions as rows of cells, page by page; customers can be imported again as they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from walletd.db.cards import batches, programs
from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts
from walletd.db.merchants import merchants
from walletd.db.views import exports
from walletd.db.views.exports import ExportedEntry
from walletd.domain.cards.kinds import DESCRIPTIONS
from walletd.domain.cards.programs import Program
from walletd.domain.customers.customers import Customer, LoyaltyStatus
from walletd.domain.errors import NotFound
from walletd.domain.exchange.changes import ListExported
from walletd.domain.exchange.import_columns import CUSTOMER, GERMAN, armoured, header
from walletd.domain.exchange.import_consent import COLUMNS as CONSENT
from walletd.domain.merchants.principals import Principal
from walletd.domain.money import Money
from walletd.domain.validation import invalid
from walletd.services.changes.recorder import record
from walletd.services.ledger.balances import open_books
from walletd.services.runtime import Runtime
from walletd.texts.catalogues import LANGUAGES, translations

Cell = str | int | None
Pages = AsyncIterator[Sequence[Sequence[Cell]]]

_AT_ONCE: Final = 200
_WALL: Final = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is being made: its delimiter, its first row and the others."""

    delimiter: str
    header: Sequence[str]
    pages: Pages


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes cells for one merchant in one language."""

    zone: ZoneInfo
    language: str
    currency: str

    def money(self, minor: int, currency: str) -> str:
        text = str(Money(minor, currency).decimal())
        return text.replace(".", ",") if self.language == "de" else text

    def amount(self, value: int, currency: str | None) -> Cell:
        return value if currency is None else self.money(value, currency)

    def moment(self, moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(self.zone).strftime(_WALL)


class Exports:
    """Use cases about exports."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def customers(self, by: Principal, program_id: str | None, language: str) -> Export:
        """Return all customers, active or not; with a program also their card in it. Raises NotFound."""
        program, writer = await self._begin(by, program_id, language, "customers")
        names = tuple(GERMAN) if program is not None else CUSTOMER
        return Export(_delimiter(language), header(language, names), self._customers(by, program, writer))

    async def transactions(self, by: Principal, program_id: str | None, language: str) -> Export:
        """Return every entry of the books, of one program or of all (D-33). Raises NotFound."""
        _, writer = await self._begin(by, program_id, language, "transactions")
        return Export(_delimiter(language), _transaction_columns(language), self._transactions(by, program_id, writer))

    async def _begin(
        self, by: Principal, program_id: str | None, language: str, what: str
    ) -> tuple[Program | None, _Writer]:
        if language not in LANGUAGES:
            raise invalid("/language", f"must be one of {', '.join(LANGUAGES)}")
        now = self._runtime.clock()

        def write(tx: Tx) -> tuple[Program | None, _Writer]:
            program = None if program_id is None else programs.find(tx, by.merchant_id, program_id)
            if program_id is not None and program is None:
                raise NotFound(f"There is no program {program_id}.")
            merchant = merchants.get(tx, by.merchant_id)
            record(tx, by, now, ListExported(program_id or by.merchant_id, what))
            return program, _Writer(ZoneInfo(merchant.timezone), language, merchant.currency)

        return await self._runtime.database.write(write)

    async def _customers(self, by: Principal, program: Program | None, writer: _Writer) -> Pages:
        now, number = self._runtime.clock(), 0
        while True:

            def read(tx: Tx, last: int = number) -> tuple[list[Customer], list[list[Cell]]]:
                found = customers.after(tx, by.merchant_id, last, _AT_ONCE)
                rows = [_customer(customer, writer) for customer in found]
                if program is not None:
                    held = _held(tx, program, found, writer, now)
                    rows = [[*row, *held.get(one.id, (None, None))] for row, one in zip(rows, found, strict=True)]
                return found, rows

            found, rows = await self._runtime.database.long_read(read)
            yield rows
            if len(found) < _AT_ONCE:
                return
            number = found[-1].number

    async def _transactions(self, by: Principal, program_id: str | None, writer: _Writer) -> Pages:
        place = ("", 0)
        while True:

            def read(tx: Tx, after: tuple[str, int] = place) -> tuple[list[ExportedEntry], list[list[Cell]]]:
                found = exports.entries_after(tx, by.merchant_id, program_id, after, _AT_ONCE)
                return found, [_entry(item, writer) for item in found]

            found, rows = await self._runtime.database.long_read(read)
            yield rows
            if len(found) < _AT_ONCE:
                return
            place = (found[-1].entry.account_id, found[-1].entry.sequence)


def _delimiter(language: str) -> str:
    return ";" if language == "de" else ","


def _transaction_columns(language: str) -> list[str]:
    pgettext = translations(language).pgettext
    return [
        pgettext("column", "created_at"),
        pgettext("column", "transaction_id"),
        pgettext("column", "entry"),
        pgettext("column", "customer_number"),
        pgettext("column", "serial_number"),
        pgettext("column", "program"),
        pgettext("column", "type"),
        pgettext("column", "kind"),
        pgettext("column", "status"),
        pgettext("column", "amount"),
        pgettext("column", "unit"),
        pgettext("column", "balance_after"),
        pgettext("column", "purchase_total"),
        pgettext("column", "locked_until"),
        pgettext("column", "valid_until"),
        pgettext("column", "campaign"),
        pgettext("column", "reference"),
        pgettext("column", "reason"),
    ]


def _text(value: str | None) -> str | None:
    return None if value is None else armoured(value)


def _json(value: object) -> str | None:
    return json.dumps(value, ensure_ascii=False) if value else None


def _tags(tags: Sequence[str]) -> str | None:
    plain = all("," not in tag and not tag.startswith("[") for tag in tags)
    return _text(", ".join(tags)) if plain else _json(list(tags))


def _customer(customer: Customer, writer: _Writer) -> list[Cell]:
    """Return the cells of a customer, in the order of the columns."""
    details = customer.details
    cells: dict[str, Cell] = {
        "number": customer.number,
        **{name: _text(getattr(details, name)) for name in ("ref_id", "first_name", "last_name", "company", "email")},
        **{name: _text(getattr(details, name)) for name in ("phone", "birth_date", "locale", "source")},
        **{name: _text(details.address.get(name)) for name in ("street", "postal_code", "city", "country")},
        "tags": _tags(details.tags),
        "custom_fields": _json(dict(details.custom_fields)),
        "utm": _json(dict(details.utm)),
        "origins": ", ".join(details.origins) or None,
        "feedback_rating": details.feedback_rating,
        **{column: writer.moment(getattr(customer.opt_in, step)) for column, step in CONSENT.items()},
        "active": int(customer.crm_active),
        "loyalty": int(customer.loyalty_status == LoyaltyStatus.ACTIVE),
        "blocked": int(customer.redeem_blocked),
        "registered": writer.moment(customer.created_at),
    }
    return [cells[name] for name in CUSTOMER]


def _held(
    tx: Tx, program: Program, found: Sequence[Customer], writer: _Writer, now: datetime
) -> dict[str, tuple[Cell, Cell]]:
    """Return key and balance of the cards of customers; what an import would ignore is left blank."""
    cards = batches.of_customers(tx, program.id, [customer.id for customer in found])
    states = accounts.by_id(tx, {card.account_id for card in cards.values()}, lock=False)
    books = open_books(tx, states.values(), now) if states else {}
    has_amount = DESCRIPTIONS[program.kind].imported in {"number", "money"}
    return {
        name: (
            armoured(card.key),
            writer.amount(books[card.account_id].balances().total, program.currency) if has_amount else None,
        )
        for name, card in cards.items()
    }


def _entry(item: ExportedEntry, writer: _Writer) -> list[Cell]:
    entry, transaction = item.entry, item.transaction
    total = transaction.purchase_total
    return [
        writer.moment(entry.created_at),
        transaction.id,
        entry.id,
        item.customer_number,
        _text(transaction.serial_number),
        _text(item.program_name),
        transaction.type,
        entry.kind,
        entry.status,
        writer.amount(entry.amount, entry.currency),
        entry.currency or entry.unit,
        writer.amount(entry.balance_after, entry.currency),
        None if total is None else writer.money(total, writer.currency),
        writer.moment(entry.locked_until),
        writer.moment(entry.valid_until),
        _text(transaction.campaign),
        _text(transaction.reference),
        _text(transaction.reason),
    ]
