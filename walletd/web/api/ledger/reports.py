"""Routes of reports: what a merchant owes to holders of cards, as JSON and as CSV."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from litestar import get

from walletd.domain.calendar import rfc3339
from walletd.domain.merchants.principals import Right
from walletd.domain.money import Money
from walletd.services.ledger.reports import Liability, LiabilityReport
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.fields import moment
from walletd.web.api.ledger.answers import LiabilityAnswer
from walletd.web.api.ledger.examples import LIABILITY, LIABILITY_CSV
from walletd.web.api.reading import query_of, services_of
from walletd.web.api.replies import Reply, json_reply
from walletd.web.edge.csv_file import BYTE_ORDER_MARK, MEDIA_TYPE, Cell, attachment, csv_lines

_PERIOD: Final = {
    "as_of": "End of the period: an instant, or a day, which is included; without it now.",
    "from": "Beginning of the period: an instant or a day; without it the first entry.",
}
READ: Final = Endpoint(
    "Report what is owed to holders of cards",
    right=Right.AUDIT_READ,
    answer=LiabilityAnswer,
    query=_PERIOD,
    example=LIABILITY,
)
FILE: Final = Endpoint(
    "Download what is owed to holders of cards as CSV",
    right=Right.AUDIT_READ,
    media_type=MEDIA_TYPE,
    query=_PERIOD,
    example=LIABILITY_CSV,
)
_SUMS: Final = ("opening", "credited", "redeemed", "expired", "reversed", "closing", "debt", "owed")


@get("/reports/liability", opt={OPT: READ})
async def read_liability(request: ApiRequest) -> Reply:
    """Return per program what is owed at the end of a period and what moved in it; money in minor units.

    `closing` is `opening` + `credited` - `redeemed` - `expired` + `reversed`; `owed` is `closing` + `debt`.
    """
    report = await _report(request)
    return json_reply({**_period(report), "items": [_document(line) for line in report.lines]})


@get("/reports/liability.csv", opt={OPT: FILE})
async def download_liability(request: ApiRequest) -> Reply:
    """Return the same for a spreadsheet, a line per program: comma, decimal point, money in major units."""
    report = await _report(request)
    header: list[Cell] = ["from", "as_of", "program_id", "program", "kind", "unit", "accounts", *_SUMS]
    period: list[Cell] = list(_period(report).values())
    rows = [[*period, *_cells(line)] for line in report.lines]
    body = BYTE_ORDER_MARK + csv_lines([header, *rows], ",")
    return Reply(body, media_type=MEDIA_TYPE, headers=attachment("liability.csv"))


async def _report(request: ApiRequest) -> LiabilityReport:
    asked = query_of(request, _PERIOD)
    return await services_of(request).reports.liability(request.auth, asked.get("from"), asked.get("as_of"))


def _period(report: LiabilityReport) -> dict[str, str | None]:
    return {"from": moment(report.since), "as_of": rfc3339(report.until)}


def _document(line: Liability) -> dict[str, object]:
    document = {item.name: getattr(line, item.name) for item in fields(line)}
    if line.currency is None:
        del document["currency"]
    return document


def _cells(line: Liability) -> list[Cell]:
    currency = line.currency
    sums: list[int] = [getattr(line, name) for name in _SUMS]
    shown: list[Cell] = [*sums] if currency is None else [str(Money(value, currency).decimal()) for value in sums]
    return [line.program_id, line.name, line.kind, currency or line.unit, line.accounts, *shown]
