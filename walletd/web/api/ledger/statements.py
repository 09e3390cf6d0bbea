"""Routes of statements: an account's history as a page and as a CSV file."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Final

from litestar import get
from litestar.params import FromPath

from walletd.domain.errors import LoyaltySuspended
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.merchants.principals import Right
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.ledger.examples import STATEMENT_CSV, STATEMENT_HTML
from walletd.web.api.reading import name_in_path, query_of, services_of
from walletd.web.api.replies import Reply, StreamedReply
from walletd.web.edge.csv_file import BYTE_ORDER_MARK, MEDIA_TYPE, attachment, csv_lines
from walletd.web.pages.statements import StatementView, language_of

_HTML: Final = "text/html; charset=utf-8"
_LINES_MAX: Final = 1_000
_LANGUAGE: Final = {"language": "`de` or `en`; without it the customer's language, else the shop's."}
PAGE: Final = Endpoint(
    "Read the statement of an account",
    right=Right.CARDS_READ,
    media_type=_HTML,
    query=_LANGUAGE,
    errors=(LoyaltySuspended,),
    example=STATEMENT_HTML,
)
FILE: Final = Endpoint(
    "Download the statement of an account as CSV",
    right=Right.CARDS_READ,
    media_type=MEDIA_TYPE,
    query=_LANGUAGE,
    errors=(LoyaltySuspended,),
    example=STATEMENT_CSV,
)


@get("/accounts/{account_id:str}/statement", opt={OPT: PAGE})
async def read_statement(request: ApiRequest, account_id: FromPath[str]) -> Reply:
    """Return a page to read or to print: the balances, and the newest 1 000 entries."""
    view = await _view(request, name_in_path(account_id))
    lines: list[tuple[Entry, Transaction]] = []
    more = False
    async for page in services_of(request).statements.lines(request.auth, view.statement.account.id):
        more = len(lines) + len(page) > _LINES_MAX
        lines += page[: _LINES_MAX - len(lines)]
        if more:
            break
    nonce = secrets.token_urlsafe(16)
    headers = {
        "content-security-policy": f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'",
        "cache-control": "private, no-store",
    }
    return Reply(view.page(lines, more=more, nonce=nonce), media_type=_HTML, headers=headers)


@get("/accounts/{account_id:str}/statement.csv", opt={OPT: FILE})
async def download_statement(request: ApiRequest, account_id: FromPath[str]) -> StreamedReply:
    """Return all entries of an account, the newest first, for a spreadsheet.

    In German cells are separated by semicolons and decimals written with a comma, in English with comma and point.
    """
    view = await _view(request, name_in_path(account_id))
    pages = services_of(request).statements.lines(request.auth, view.statement.account.id)

    async def chunks() -> AsyncIterator[bytes]:
        yield BYTE_ORDER_MARK + csv_lines([view.header()], view.delimiter)
        async for page in pages:
            yield csv_lines(view.rows(page), view.delimiter)

    name = f"statement-{view.statement.customer.number}.csv"
    return StreamedReply(chunks(), MEDIA_TYPE, attachment(name))


async def _view(request: ApiRequest, account_id: str) -> StatementView:
    asked = query_of(request, _LANGUAGE).get("language")
    statement = await services_of(request).statements.head(request.auth, account_id)
    return StatementView(statement, language_of(statement, asked))
