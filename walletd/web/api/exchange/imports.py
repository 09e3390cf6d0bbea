"""Routes of imports and exports: customers with their balances as CSV files, in both directions."""

from __future__ import annotations

from typing import Final

from litestar import get, post
from litestar.params import FromPath

from walletd.domain import errors
from walletd.domain.exchange.import_columns import CUSTOMER, GERMAN, header
from walletd.domain.exchange.import_files import ImportFileInvalid, ImportRefused
from walletd.domain.merchants.principals import Right
from walletd.domain.validation import invalid
from walletd.services.exchange.imports.imports import ImportOptions, ImportReport
from walletd.texts.catalogues import LANGUAGES
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.exchange.import_answers import (
    COMMITTED,
    CUSTOMERS_CSV,
    IMPORT,
    IMPORT_FILE,
    ROW,
    TEMPLATE,
    TRANSACTIONS_CSV,
    ImportAnswer,
    ImportRowAnswer,
    import_answer,
    row_answer,
)
from walletd.web.api.reading import name_in_path, page_of, query_of, services_of
from walletd.web.api.replies import Reply, StreamedReply, json_reply, page_reply
from walletd.web.edge.csv_file import BYTE_ORDER_MARK, MEDIA_TYPE, attachment, csv_chunks, csv_lines
from walletd.web.edge.uploads import check_media_type, uploaded

ROWS_MAX: Final = 200_000
_CSV: Final = "text/csv"
_PROGRAM: Final = "The program whose cards the file is about; without it customers alone."
_LANGUAGE: Final = "`de` or `en`: names of columns, delimiter and decimals; without it `en`."
_UPLOAD: Final = {
    "program_id": _PROGRAM,
    "lenient": "`true`: visits that cannot be imported are warnings, not errors; without it `false`.",
    "dry_run": "`false`: commit at once where all rows are valid; without it `true`.",
}
_FILE: Final = {"program_id": _PROGRAM, "language": _LANGUAGE}
UPLOAD: Final = Endpoint(
    "Validate a file of customers",
    right=Right.CUSTOMERS_IMPORT,
    status=201,
    answer=ImportAnswer,
    upload=_CSV,
    query=_UPLOAD,
    errors=(errors.NotFound, ImportFileInvalid, ImportRefused),
    example_upload=IMPORT_FILE,
    example=IMPORT,
)
READ: Final = Endpoint("Read an import", right=Right.CUSTOMERS_IMPORT, answer=ImportAnswer, example=IMPORT)
LIST: Final = Endpoint(
    "List the rows of an import", right=Right.CUSTOMERS_IMPORT, answer=ImportRowAnswer, paged=True, example=ROW
)
COMMIT: Final = Endpoint(
    "Commit an import", right=Right.CUSTOMERS_IMPORT, answer=ImportAnswer, errors=(ImportRefused,), example=COMMITTED
)
DRAFT: Final = Endpoint(
    "Download an empty file to fill in",
    right=Right.CUSTOMERS_IMPORT,
    media_type=MEDIA_TYPE,
    query=_FILE,
    errors=(errors.NotFound,),
    example=TEMPLATE,
)
CUSTOMERS: Final = Endpoint(
    "Download all customers as CSV",
    right=Right.CUSTOMERS_EXPORT,
    media_type=MEDIA_TYPE,
    query=_FILE,
    errors=(errors.NotFound,),
    example=CUSTOMERS_CSV,
)
TRANSACTIONS: Final = Endpoint(
    "Download all transactions as CSV",
    right=Right.AUDIT_READ,
    media_type=MEDIA_TYPE,
    query=_FILE,
    errors=(errors.NotFound,),
    example=TRANSACTIONS_CSV,
)


@post("/imports", opt={OPT: UPLOAD})
async def upload_import(request: ApiRequest) -> Reply:
    """Read a CSV file whole and say what every row would do: the dry run. Nothing is booked by it.

    The body is the file itself: at most 20 MB and 200 000 rows, UTF-8 or Windows-1252, with `;` or `,`. A file with
    errors is answered as a FAILED import that lists them; with `dry_run=false` it is refused.
    """
    asked = query_of(request, _UPLOAD)
    options = ImportOptions(asked.get("program_id"), _flag(asked, "lenient", fallback=False), ROWS_MAX)
    is_dry = _flag(asked, "dry_run", fallback=True)
    headers = request.scope["headers"]
    check_media_type(headers, {_CSV, "application/csv", "application/vnd.ms-excel"})
    imports = services_of(request).imports
    async with uploaded(request.receive, headers) as file:
        form = await imports.examine(file)
        running = None if is_dry else await imports.running_with(request.auth, form, options.program_id)
        if running is not None:
            return json_reply(import_answer(await imports.get(request.auth, running.id)), 201)
        report = await imports.upload(request.auth, file, form, options)
    if not is_dry:
        _check_valid(report)
        report = await imports.commit(request.auth, report.head.id)
    return json_reply(import_answer(report), 201)


@get("/imports/{import_id:str}", opt={OPT: READ})
async def read_import(request: ApiRequest, import_id: FromPath[str]) -> Reply:
    """Return an import as it stands, with what there is to say about its rows."""
    return json_reply(import_answer(await services_of(request).imports.get(request.auth, name_in_path(import_id))))


@get("/imports/{import_id:str}/rows", opt={OPT: LIST})
async def list_import_rows(request: ApiRequest, import_id: FromPath[str]) -> Reply:
    """Return what every row of the file does to customer, card and balance, in the order of the file."""
    page = await services_of(request).imports.rows(request.auth, name_in_path(import_id), page_of(request))
    return page_reply(page, row_answer)


@post("/imports/{import_id:str}/commit", opt={OPT: COMMIT}, status_code=200)
async def commit_import(request: ApiRequest, import_id: FromPath[str]) -> Reply:
    """Begin to book a validated import; it is refused where anything changed since.

    The worker books in small batches; `done` of the import says how far it is. Committing again books nothing twice.
    """
    return json_reply(import_answer(await services_of(request).imports.commit(request.auth, name_in_path(import_id))))


@get("/imports/template.csv", opt={OPT: DRAFT})
async def download_import_template(request: ApiRequest) -> Reply:
    """Return a file with the names of all columns and nothing else."""
    asked = query_of(request, _FILE)
    language, program_id = _language(asked), asked.get("program_id")
    if program_id is not None:
        await services_of(request).programs.get(request.auth, program_id)
    names = header(language, CUSTOMER if program_id is None else tuple(GERMAN))
    body = BYTE_ORDER_MARK + csv_lines([names], ";" if language == "de" else ",")
    return Reply(body, media_type=MEDIA_TYPE, headers=attachment("import.csv"))


@get("/exports/customers.csv", opt={OPT: CUSTOMERS})
async def export_customers(request: ApiRequest) -> StreamedReply:
    """Return all customers, inactive ones too; the file can be changed and imported again."""
    asked = query_of(request, _FILE)
    export = await services_of(request).exports.customers(request.auth, asked.get("program_id"), _language(asked))
    return StreamedReply(csv_chunks(export), MEDIA_TYPE, attachment("customers.csv"))


@get("/exports/transactions.csv", opt={OPT: TRANSACTIONS})
async def export_transactions(request: ApiRequest) -> StreamedReply:
    """Return every entry of the books, of one program or of all; money in major units."""
    asked = query_of(request, _FILE)
    export = await services_of(request).exports.transactions(request.auth, asked.get("program_id"), _language(asked))
    return StreamedReply(csv_chunks(export), MEDIA_TYPE, attachment("transactions.csv"))


def _language(asked: dict[str, str]) -> str:
    language = asked.get("language", "en")
    if language not in LANGUAGES:
        raise invalid("/language", f"must be one of {', '.join(LANGUAGES)}")
    return language


def _flag(asked: dict[str, str], name: str, *, fallback: bool) -> bool:
    value = asked.get(name, str(fallback).lower())
    if value not in {"true", "false", "1", "0"}:
        raise invalid(f"/{name}", "must be true or false")
    return value in {"true", "1"}


def _check_valid(report: ImportReport) -> None:
    first = next((row for row in report.noted if any(said["level"] == "error" for said in row.findings)), None)
    if report.head.state == "FAILED":
        line = 1 if first is None else first.line
        raise ImportFileInvalid(f"Line {line}: {report.head.reason}", line=line, import_id=report.head.id)
