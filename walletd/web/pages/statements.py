"""An account's statement as a page to read or print, and as rows for a spreadsheet, columns as in S4-038 to S4-046.

Both say the same in the same language: instants on the shop's clock, money with the decimals of its currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal

from walletd.domain.ledger.entries import Entry, EntryStatus, Transaction
from walletd.domain.money import Money
from walletd.services.ledger.statements import Statement
from walletd.texts.catalogues import gettext_noop, spoken, translations
from walletd.web.edge.csv_file import Cell
from walletd.web.pages.names import event_name, unit_name
from walletd.web.pages.templates import template_in

_COLUMNS: Final[Mapping[str, str]] = {
    "sequence": gettext_noop("ID"),
    "created_at": gettext_noop("Created at"),
    "event": gettext_noop("Event"),
    "campaign": gettext_noop("Campaign"),
    "reference": gettext_noop("Order"),
    "amount": gettext_noop("Amount"),
    "locked_until": gettext_noop("Locked until"),
    "valid_until": gettext_noop("Valid until"),
    "status": gettext_noop("Status"),
    "balance_after": gettext_noop("Balance"),
}
"""column → its heading in English."""
_FIGURES: Final[Mapping[str, str]] = {
    "redeemable": gettext_noop("Redeemable"),
    "total": gettext_noop("Total"),
    "locked": gettext_noop("Locked"),
    "reserved": gettext_noop("Reserved"),
    "expiring_30_days": gettext_noop("Expiring within 30 days"),
    "collected": gettext_noop("Collected"),
    "expired": gettext_noop("Expired"),
    "debt": gettext_noop("Owed"),
}
"""figure of the balances → its name in English."""
_STATES: Final[Mapping[str, str]] = {
    EntryStatus.ACTIVE: gettext_noop("Active"),
    EntryStatus.DISCARDED: gettext_noop("Discarded"),
}
"""state of an entry → its name in English."""
_OF_CSV: Final = "yyyy-MM-dd HH:mm:ss"


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
        unit, with_unit = self._unit(), {"amount", "balance_after"}
        return [f"{label} ({unit})" if name in with_unit else label for name, label in self._columns()]

    def rows(self, lines: Sequence[tuple[Entry, Transaction]]) -> list[list[Cell]]:
        """Return entries as rows of the CSV file."""
        return [
            [
                entry.sequence,
                self._moment(entry.created_at, _OF_CSV),
                event_name(entry.kind, self.language),
                transaction.campaign,
                transaction.reference,
                self._plain(entry.amount),
                self._moment(entry.locked_until, _OF_CSV),
                self._moment(entry.valid_until, _OF_CSV),
                self._text(_STATES[entry.status]),
                self._plain(entry.balance_after),
            ]
            for entry, transaction in lines
        ]

    def page(self, lines: Sequence[tuple[Entry, Transaction]], *, more: bool, nonce: str) -> bytes:
        """Return the page; `more` says that older entries are left out."""
        statement = self.statement
        figures = [
            (self._text(label), self.amount(getattr(statement.balances, name)))
            for name, label in _FIGURES.items()
            if name != "debt" or statement.balances.debt
        ]
        shown = [
            [
                (name, value, name in {"amount", "balance_after"})
                for name, value in zip(_COLUMNS, self._shown(entry, transaction), strict=True)
            ]
            for entry, transaction in lines
        ]
        text = template_in(self.language, "statement.html").render(
            language=self.language,
            nonce=nonce,
            statement=statement,
            made_at=self._moment(statement.made_at),
            figures=figures,
            columns=self._columns(),
            lines=list(zip((entry.status for entry, _ in lines), shown, strict=True)),
            more=more,
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
            event_name(entry.kind, self.language),
            transaction.campaign or "",
            transaction.reference or "",
            self.amount(entry.amount),
            self._moment(entry.locked_until),
            self._moment(entry.valid_until),
            self._text(_STATES[entry.status]),
            self.amount(entry.balance_after),
        ]

    def _plain(self, value: int) -> Cell:
        currency = self.statement.account.currency
        if currency is None:
            return value
        text = str(Money(value, currency).decimal())
        return text.replace(".", ",") if self.language == "de" else text

    def _columns(self) -> list[tuple[str, str]]:
        return [(name, self._text(label)) for name, label in _COLUMNS.items()]

    def _text(self, english: str) -> str:
        return translations(self.language).gettext(english)

    def _unit(self) -> str:
        account = self.statement.account
        return account.currency or unit_name(account.unit, self.language)

    def _moment(self, moment: datetime | None, form: str = "medium") -> str:
        if moment is None:
            return ""
        return format_datetime(moment, form, tzinfo=ZoneInfo(self.statement.timezone), locale=self.language)


def language_of(statement: Statement, asked: str | None) -> str:
    """Return the language asked for, else the customer's, else the shop's first; English where none is spoken here."""
    return spoken((asked, statement.customer.details.locale, *statement.languages))
