"""The bodies that the API answers about imports, with their examples, and those of the files."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.exchange.imports import CheckedRow
from walletd.services.exchange.imports.imports import ImportReport
from walletd.web.api.examples import CARD
from walletd.web.api.fields import Moment, moment

_IMPORT: Final = "imp_01KB3Z6Q9V2W4X6Y8Z0A2B4C6D"


class ImportFinding(Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that is said about a row of the file."""

    line: int
    level: Annotated[str, Meta(description="error, warning or info; one error keeps the whole file out.")]
    column: Annotated[str, Meta(description="The column, empty where it is the row.")]
    detail: str


class ImportLeftOut(Struct, kw_only=True, forbid_unknown_fields=True):
    """A row that could not be booked any more when its turn came."""

    line: int
    detail: str


class ImportAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """An import: what its file would do, or how far it is."""

    import_id: str
    state: Annotated[str, Meta(description="UPLOADED, VALIDATED, COMMITTING, COMMITTED or FAILED.")]
    program_id: str | None
    lenient: bool
    file_sha256: str
    rows: int
    errors: Annotated[int, Meta(description="Rows with an error.")]
    warnings: Annotated[int, Meta(description="Rows with a warning and no error.")]
    created: Annotated[int, Meta(description="Customers that are new.")]
    updated: Annotated[int, Meta(description="Customers that change.")]
    cards: Annotated[int, Meta(description="Cards that are issued.")]
    bookings: Annotated[int, Meta(description="Rows that book a balance.")]
    booked: Annotated[int, Meta(description="Sum of the bookings in the unit of the program, money in minor units.")]
    done: Annotated[int, Meta(description="Rows that are booked so far, with those left out.")]
    left_out: int
    reason: Annotated[str | None, Meta(description="Why it failed.")]
    created_at: Moment
    ended_at: Moment | None
    findings: Annotated[list[ImportFinding], Meta(description="What is said about the first 100 rows of which it is.")]
    left_out_rows: list[ImportLeftOut]


class ImportRowAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """What one row does."""

    line: int
    customer: Annotated[str, Meta(description="create, update or keep.")]
    card: Annotated[str, Meta(description="issue, keep or none.")]
    customer_id: str | None
    number: int | None
    amount: Annotated[int | None, Meta(description="What is booked, in the unit of the program.")]
    findings: list[ImportFinding]
    left_out: Annotated[str | None, Meta(description="Why it was left out.")]
    serial_number: str | None
    transaction_id: str | None


_COUNTS: Final = (
    *("rows", "errors", "warnings", "created", "updated", "cards", "bookings", "booked"),
    *("done", "left_out"),
)


def import_answer(report: ImportReport) -> dict[str, object]:
    """Return an import as it is answered."""
    head = report.head
    return {
        "import_id": head.id,
        **{name: getattr(head, name) for name in ("state", "program_id", "lenient", "file_sha256", *_COUNTS, "reason")},
        "created_at": rfc3339(head.created_at),
        "ended_at": moment(head.ended_at),
        "findings": [said for row in report.noted for said in _findings(row)],
        "left_out_rows": [{"line": row.line, "detail": row.outcome} for row in report.left_out],
    }


def row_answer(row: CheckedRow) -> dict[str, object]:
    """Return a row as it is answered."""
    return {
        "line": row.line,
        "customer": row.action,
        "card": row.card,
        "customer_id": row.customer_id,
        "number": row.number,
        "amount": row.amount,
        "findings": _findings(row),
        "left_out": row.outcome,
        "serial_number": row.serial_number,
        "transaction_id": row.transaction_id,
    }


def _findings(row: CheckedRow) -> list[dict[str, object]]:
    return [{"line": row.line, **said} for said in row.findings]


IMPORT_FILE: Final = "Kundennummer;Nachname;E-Mail;Saldo\r\n1001;Muster;mia@example.org;40\r\n"
IMPORT: Final[dict[str, Any]] = {
    "import_id": _IMPORT,
    "state": "VALIDATED",
    "program_id": CARD["program_id"],
    "lenient": False,
    "file_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "rows": 1,
    "errors": 0,
    "warnings": 0,
    "created": 1,
    "updated": 0,
    "cards": 1,
    "bookings": 1,
    "booked": 40,
    "done": 0,
    "left_out": 0,
    "reason": None,
    "created_at": "2026-11-27T09:30:00.000Z",
    "ended_at": None,
    "findings": [],
    "left_out_rows": [],
}
COMMITTED: Final = IMPORT | {"state": "COMMITTING"}
ROW: Final[dict[str, Any]] = {
    "line": 2,
    "customer": "create",
    "card": "issue",
    "customer_id": None,
    "number": 1001,
    "amount": 40,
    "findings": [],
    "left_out": None,
    "serial_number": None,
    "transaction_id": None,
}
TEMPLATE: Final = "Kundennummer;Vorname;Nachname;E-Mail;Saldo\r\n"
CUSTOMERS_CSV: Final = "number,first name,last name,email\r\n1001,Mia,Muster,mia@example.org\r\n"
TRANSACTIONS_CSV: Final = (
    "created_at,transaction_id,kind,amount,unit\r\n2026-11-27 10:30:00,txn_01KB,import,40,points\r\n"
)
