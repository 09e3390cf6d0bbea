"""Importing: what a row of a file means for a customer, and for a card of each kind (D2.2.1, D-19 to D-21).

A blank cell keeps what is known, `-` clears it (D-50). An import opens balances; it never corrects one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Any, Final

from walletd.domain.calendar import from_milliseconds, in_days, milliseconds, moment_of, on_wall
from walletd.domain.cards.kinds import DESCRIPTIONS
from walletd.domain.cards.programs import Program, reached, tiers_of
from walletd.domain.customers.consent import NOT_ASKED, OptInRefused
from walletd.domain.customers.customers import Customer, CustomerDetails, check_details
from walletd.domain.errors import ValidationFailed
from walletd.domain.exchange.import_columns import disarmed
from walletd.domain.exchange.import_consent import COLUMNS as CONSENT
from walletd.domain.exchange.import_consent import imported
from walletd.domain.identifiers import is_card_key
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.movements import Movement
from walletd.domain.money import minor_digits

_ADDRESS: Final = frozenset({"street", "postal_code", "city", "country"})
_MAPS: Final = frozenset({"custom_fields", "utm"})
_LISTS: Final = frozenset({"tags", "origins"})
_ORIGINS: Final = {"kasse": "till", "gutschein": "voucher"}
_YES: Final = frozenset({"1", "ja", "yes", "true", "wahr", "aktiv", "active"})
_NO: Final = frozenset({"0", "nein", "no", "false", "falsch", "inaktiv", "inactive"})
_FLAGS: Final[Mapping[str, str]] = {"active": "crm_active", "loyalty": "loyalty_active", "blocked": "redeem_blocked"}
_GERMAN_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T](\d{1,2}):(\d\d)(?::(\d\d))?)?", re.ASCII)
_ISO_MOMENT: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?", re.ASCII)
_NUMBER: Final = re.compile(r"(-?)(\d{1,16}|\d{1,3}(?:([.,])\d{3})+)(?:([.,])(\d+))?", re.ASCII)


class FindingLevel(StrEnum):
    """How serious a finding is: an error stops the import, a warning or information does not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said about a cell."""

    level: FindingLevel
    column: str
    detail: str


class _CellRefused(Exception):
    """A cell cannot be read; the text says what it must be."""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """What a row asks for."""

    number: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """Field of the customer → its value, None where it is cleared; blank cells are not in it."""
    address: Mapping[str, str | None] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    consent: Mapping[str, datetime | None] = field(default_factory=dict)
    """Step of the consent → its moment, None where it is cleared."""
    created_at: datetime | None = None
    card_key: str | None = None
    amount: int | None = None
    """What the card is to hold, in the unit of the program; None where nothing is said."""

    @property
    def email(self) -> str | None:
        """Return the e-mail address that a row without a number is found by."""
        value = self.details.get("email")
        return value if isinstance(value, str) else None

    def merged_with(self, present: CustomerDetails | None) -> CustomerDetails:
        """Return the customer as it is to be, checked; raises ValidationFailed."""
        known = present or CustomerDetails()
        values: dict[str, Any] = {name: value for name, value in self.details.items() if name not in {*_LISTS, *_MAPS}}
        values |= {name: tuple(self.details[name] or ()) for name in _LISTS if name in self.details}
        values |= {name: self.details[name] or {} for name in _MAPS if name in self.details}
        if self.address:
            address = {**known.address, **self.address}
            values["address"] = {name: value for name, value in address.items() if value is not None}
        return check_details(replace(known, **values))

    def to_json(self) -> dict[str, Any]:
        """Return the row as it is stored and hashed: instants in milliseconds, without cells that say nothing."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["consent"] = {name: None if at is None else milliseconds(at) for name, at in self.consent.items()}
        values["created_at"] = None if self.created_at is None else milliseconds(self.created_at)
        return {name: value for name, value in values.items() if value is not None and value != {}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ImportRow:
        """Return the row of what `to_json` returned."""
        values = dict(stored)
        values["consent"] = {name: _instant(value) for name, value in values.get("consent", {}).items()}
        values["created_at"] = _instant(values.get("created_at"))
        return cls(**values)


def _instant(value: int | None) -> datetime | None:
    return None if value is None else from_milliseconds(value)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the records of one file."""

    columns: Sequence[str]
    program: Program | None
    lenient: bool
    now: datetime
    zone: tzinfo
    """The merchant's clock: what day and time in a cell mean."""

    def read(self, cells: Sequence[str]) -> tuple[ImportRow, tuple[Finding, ...]]:
        """Return what a record asks for, and what is to be said about it."""
        parts, findings = _Parts(), list[Finding]()
        if len(cells) > len(self.columns) and any(cell.strip() for cell in cells[len(self.columns) :]):
            findings.append(
                Finding(FindingLevel.ERROR, "", f"has {len(cells)} cells, the first line {len(self.columns)}")
            )
        for column, cell in zip(self.columns, cells, strict=False):
            text = cell.strip()
            if not text:
                continue
            try:
                self._take(parts, column, None if text == "-" else disarmed(text), findings)
            except _CellRefused as error:
                findings.append(Finding(FindingLevel.ERROR, column, str(error)))
        given = parts.row()
        if given.number is None and given.email is None:
            findings.append(Finding(FindingLevel.WARNING, "", "has neither number nor e-mail: always a new customer"))
        return given, tuple(findings)

    def _take(self, parts: _Parts, column: str, text: str | None, findings: list[Finding]) -> None:
        if column == "balance":
            parts.amount = None if text is None else self._amount(text, findings)
        elif column in _FLAGS:
            parts.flags[_FLAGS[column]] = _flag(text)
        elif column in _ADDRESS:
            parts.address[column] = text
        elif column in CONSENT:
            parts.consent[CONSENT[column]] = None if text is None else self._moment(text)
        elif text is None:
            if column in {"number", "card_key", "registered"}:
                raise _CellRefused("cannot be cleared")
            parts.details[column] = None
        else:
            self._take_text(parts, column, text)

    def _take_text(self, parts: _Parts, column: str, text: str) -> None:
        if column == "number":
            parts.number = _customer_number(text)
        elif column == "card_key":
            if not is_card_key(text):
                raise _CellRefused("must be 1 to 64 printable ASCII characters")
            parts.card_key = text
        elif column == "registered":
            parts.created_at = self._moment(text)
        elif column == "birth_date":
            parts.details[column] = _day(text).isoformat()
        elif column == "tags":
            parts.details[column] = _tags(text)
        elif column == "origins":
            parts.details[column] = [_ORIGINS.get(name.casefold(), name.casefold()) for name in _tags(text)]
        elif column == "feedback_rating":
            parts.details[column] = decimal_of(text, 0)
        elif column in _MAPS:
            parts.details[column] = _map(text)
        else:
            parts.details[column] = text

    def _moment(self, text: str) -> datetime:
        found = moment_of(text, self.now, self.zone) if "T" in text else None
        if found is None:
            found = self._wall(text)
        if found > self.now or found.year < 1970:
            raise _CellRefused("must lie between 1970 and now")
        return found

    def _wall(self, text: str) -> datetime:
        day, clock = _day_and_clock(text)
        try:
            return on_wall(datetime(day.year, day.month, day.day, *clock), self.zone)  # noqa: DTZ001 - a wall time
        except (ValueError, OverflowError):
            raise _CellRefused(_NO_DAY) from None

    def _amount(self, text: str, findings: list[Finding]) -> int | None:
        """Return what the cell of the balance stands for by the kind of card (D2.2.1)."""
        program = self.program
        if program is None or DESCRIPTIONS[program.kind].imported == "ignored":
            findings.append(Finding(FindingLevel.WARNING, "balance", "is ignored for this kind of card"))
            return None
        if DESCRIPTIONS[program.kind].imported == "zero":
            if decimal_of(text, 2) != 0:
                level = FindingLevel.WARNING if self.lenient else FindingLevel.ERROR
                findings.append(Finding(level, "balance", "visits cannot be imported; leave it blank"))
            return None
        digits = 0 if DESCRIPTIONS[program.kind].imported == "number" else minor_digits(program.currency or "")
        amount = decimal_of(text, digits)
        if program.kind == "discount" and amount >= 0 and reached(tiers_of(program), amount) is None:
            findings.append(Finding(FindingLevel.INFO, "balance", "is below the first tier: 0 %"))
        return amount


@dataclass(slots=True)
class _Parts:
    """A row while it is being read."""

    number: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    address: dict[str, str | None] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    consent: dict[str, datetime | None] = field(default_factory=dict)
    created_at: datetime | None = None
    card_key: str | None = None
    amount: int | None = None

    def row(self) -> ImportRow:
        return ImportRow(**{name: getattr(self, name) for name in _Parts.__slots__})


def movement_of(program: Program, amount: int, now: datetime, zone: tzinfo) -> Movement | None:
    """Return what an imported balance books; None where it is nothing."""
    if not amount:
        return None
    if program.kind == "discount":
        return Movement("import", amount, "imported", turnover=amount)
    days = program.number("validity_days")
    return Movement("import", amount, "imported", valid_until=in_days(now, zone, days) if days else None)


def decimal_of(text: str, digits: int) -> int:
    """Return a number with `,` or `.` in its smallest unit of so many decimals; raises what reading a cell raises."""
    match = _NUMBER.fullmatch(text.replace(" ", "").replace("\N{NO-BREAK SPACE}", ""))
    if match is None:
        raise _CellRefused("must be a number such as 12 or 12,50")
    sign, whole, grouped, mark, decimals = match.groups()
    could_group = grouped is None and mark is not None and len(decimals) == 3 != digits
    if could_group or (grouped is not None and (mark is None or mark == grouped)):
        raise _CellRefused("can be read in two ways; write it without a separator of thousands")
    kept = (decimals or "").rstrip("0")
    if len(kept) > digits:
        raise _CellRefused("must be a whole number" if digits == 0 else f"must have at most {digits} decimals")
    value = int(re.sub(r"\D", "", whole) + kept.ljust(digits, "0"))
    if value > AMOUNT_MAX:
        raise _CellRefused("is more than an account may hold")
    return -value if sign else value


def merged(given: ImportRow, present: Customer | None) -> tuple[CustomerDetails | None, tuple[Finding, ...]]:
    """Return the customer as the row would have it, or what stands against that."""
    try:
        imported(NOT_ASKED if present is None else present.opt_in, given.consent)
        return given.merged_with(None if present is None else present.details), ()
    except OptInRefused:
        return None, (
            Finding(FindingLevel.ERROR, "opt_in", "was revoked by the customer, who has to be invited again"),
        )
    except ValidationFailed as error:
        found = error.facts.get("errors")
        first = found[0] if isinstance(found, list) and found else {"pointer": "", "detail": error.detail}
        return None, (Finding(FindingLevel.ERROR, str(first["pointer"]).rpartition("/")[2], str(first["detail"])),)


_NO_DAY: Final = "must be a day such as 31.12.1980 or 1980-12-31"


def _day_and_clock(text: str) -> tuple[date, tuple[int, int, int]]:
    german, iso = _GERMAN_DAY.fullmatch(text), _ISO_MOMENT.fullmatch(text)
    match = german or iso
    if match is None:
        raise _CellRefused(_NO_DAY)
    first, month, last, *clock = (int(part or 0) for part in match.groups())
    try:
        day = date(last, month, first) if german else date(first, month, last)
    except ValueError:
        raise _CellRefused(_NO_DAY) from None
    return day, (clock[0], clock[1], clock[2])


def _day(text: str) -> date:
    return _day_and_clock(text)[0]


def _customer_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and 1 <= int(text) < 2**53):
        raise _CellRefused("must be a whole number from 1 on")
    return int(text)


def _flag(text: str | None) -> bool:
    word = (text or "").casefold()
    if word not in _YES | _NO:
        raise _CellRefused("must be 1 or 0")
    return word in _YES


def _tags(text: str) -> list[str]:
    parts = _strings(text) if text.startswith("[") else text.split(",")
    return [part.strip() for part in parts if part.strip()]


def _strings(text: str) -> list[str]:
    value = _json(text)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _CellRefused("must be words between commas")
    return value


def _map(text: str) -> dict[str, str]:
    value = _json(text)
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise _CellRefused('must be a JSON object of texts such as {"size": "42"}')
    return value


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _CellRefused("must be valid JSON") from None
