"""An import and its rows, as they are stored from the dry run until they are forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from walletd.domain.merchants.principals import PrincipalKind


class ImportState(StrEnum):
    """How far an import is: uploaded, validated, committing and committed in this order, or failed (D2.3.11)."""

    UPLOADED = "UPLOADED"
    VALIDATED = "VALIDATED"
    COMMITTING = "COMMITTING"
    COMMITTED = "COMMITTED"
    FAILED = "FAILED"


class CustomerAction(StrEnum):
    """What a row does to the customer whom it names."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"


class CardAction(StrEnum):
    """What a row does about the customer's card in the program of the import."""

    ISSUE = "issue"
    KEEP = "keep"
    """There is one."""
    NONE = "none"
    """The import has no program."""


@dataclass(frozen=True, slots=True)
class ImportHead:
    """An import as stored."""

    id: str
    merchant_id: str
    program_id: str | None
    actor: str
    actor_kind: PrincipalKind
    state: ImportState
    lenient: bool
    file_sha256: str
    rules_digest: str
    rows: int
    errors: int
    warnings: int
    created: int
    updated: int
    cards: int
    bookings: int
    booked: int
    """The sum of the bookings, in the unit of the program."""
    done: int
    left_out: int
    position: int
    """The line of the last row that is booked."""
    reason: str | None
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A validated row: what it does to customer, card and balance, and what there is to say about it."""

    line: int
    place: str | None
    """What makes it the same as another row: the number, else the e-mail address."""
    email: str | None
    number: int | None
    card_key: str | None
    action: CustomerAction
    card: CardAction
    customer_id: str | None
    seen: str
    """Digest of what it was validated against."""
    amount: int | None
    content: Mapping[str, Any]
    """What the row of the file asks for, as `ImportRow.from_json` reads it back."""
    findings: Sequence[Mapping[str, str]]
    level: int
    """0 nothing to say, 1 information, 2 warning, 3 error."""
    outcome: str | None = None
    """Why it was left out; None otherwise."""
    serial_number: str | None = None
    transaction_id: str | None = None
