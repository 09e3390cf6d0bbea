"""An account's statement as a page to read or print, and as rows for a spreadsheet, columns as in S4-038 to S4-046.

Both say the same in the same language: instants on the shop's clock, money with the decimals of its currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.money import Money
from walletd.services.ledger.statements import Statement
from walletd.web.edge.csv_file import Cell
from walletd.web.pages.statement_texts import EVENTS, TEXTS, UNITS

_COLUMNS: Final = (
    "sequence",
    "created_at",
    "event",
    "campaign",
    "reference",
    "amount",
    "locked_until",
    "valid_until",
    "status",
    "balance_after",
)
_FIGURES: Final = ("redeemable", "total", "locked", "reserved", "expiring_30_days", "collected", "expired", "debt")
_OF_CSV: Final = "yyyy-MM-dd HH:mm:ss"

_templates: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class StatementView:
    """A statement in one language."""

    statement: Statement
    language: str

    @property
    def delimiter(self) -> str:
        """Return what separates cells where the language's spreadsheets write decimals with a comma, or a point."""
        return ";" if self.language == "de" else ","

    def header(self) -> list[Cell]:
        """Return the first row of the CSV file."""
        texts, unit = TEXTS[self.language], self._unit()
        with_unit = {"amount", "balance_after"}
        return [f"{texts[name]} ({unit})" if name in with_unit else texts[name] for name in _COLUMNS]

    def rows(self, lines: Sequence[tuple[Entry, Transaction]]) -> list[list[Cell]]:
        """Return entries as rows of the CSV file."""
        return [
            [
                entry.sequence,
                self._moment(entry.created_at, _OF_CSV),
                EVENTS[self.language].get(entry.kind, entry.kind),
                transaction.campaign,
                transaction.reference,
                self._plain(entry.amount),
                self._moment(entry.locked_until, _OF_CSV),
                self._moment(entry.valid_until, _OF_CSV),
                TEXTS[self.language][entry.status],
                self._plain(entry.balance_after),
            ]
            for entry, transaction in lines
        ]

    def page(self, lines: Sequence[tuple[Entry, Transaction]], *, more: bool, nonce: str) -> bytes:
        """Return the page; `more` says that older entries are left out."""
        texts, statement = TEXTS[self.language], self.statement
        figures = [(texts[name], self.amount(getattr(statement.balances, name)), name) for name in _FIGURES]
        shown = [
            [
                (name, value, name in {"amount", "balance_after"})
                for name, value in zip(_COLUMNS, self._shown(entry, transaction), strict=True)
            ]
            for entry, transaction in lines
        ]
        text = _templates.get_template("statement.html").render(
            language=self.language,
            nonce=nonce,
            texts=texts,
            statement=statement,
            made_at=self._moment(statement.made_at),
            figures=[(label, value) for label, value, name in figures if name != "debt" or statement.balances.debt],
            columns=[(name, texts[name]) for name in _COLUMNS],
            lines=list(zip((entry.status for entry, _ in lines), shown, strict=True)),
            more=more,
            clock=texts["clock"].format(zone=statement.timezone),
        )
        return text.encode()

    def amount(self, value: int) -> str:
        """Return an amount as people write it: 12,50 €, or 120 Punkte."""
        account = self.statement.account
        if account.currency is not None:
            money = Money(value, account.currency)
            return format_currency(money.decimal(), account.currency, locale=self.language)
        return f"{format_decimal(value, locale=self.language)} {self._unit()}"

    def _shown(self, entry: Entry, transaction: Transaction) -> list[str]:
        return [
            str(entry.sequence),
            self._moment(entry.created_at),
            EVENTS[self.language].get(entry.kind, entry.kind),
            transaction.campaign or "",
            transaction.reference or "",
            self.amount(entry.amount),
            self._moment(entry.locked_until),
            self._moment(entry.valid_until),
            TEXTS[self.language][entry.status],
            self.amount(entry.balance_after),
        ]

    def _plain(self, value: int) -> Cell:
        currency = self.statement.account.currency
        if currency is None:
            return value
        text = str(Money(value, currency).decimal())
        return text.replace(".", ",") if self.language == "de" else text

    def _unit(self) -> str:
        account = self.statement.account
        return account.currency or UNITS[self.language].get(account.unit, account.unit)

    def _moment(self, moment: datetime | None, form: str = "medium") -> str:
        if moment is None:
            return ""
        return format_datetime(moment, form, tzinfo=ZoneInfo(self.statement.timezone), locale=self.language)


def language_of(statement: Statement, asked: str | None) -> str:
    """Return the language asked for, else the customer's, else the shop's first; English where none is spoken here."""
    wishes = (asked, statement.customer.details.locale, *statement.languages)
    known = (wish.partition("-")[0].lower() for wish in wishes if wish)
    return next((wish for wish in known if wish in TEXTS), "en")
