"""The route by which a person gets everything that is known about them, as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final, TypeVar

import msgspec
from litestar import get
from litestar.params import FromPath
from msgspec import Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.cards.cards import Card
from walletd.domain.customers.erasures import CustomerIsErased
from walletd.domain.customers.merge_requests import MergeRequest
from walletd.domain.customers.merges import CardMerged
from walletd.domain.ledger.documents import account_document, entry_document
from walletd.domain.merchants.principals import Right
from walletd.services.customers.personal_data import PersonalData
from walletd.web.api.customers.answers import CustomerAnswer, customer_answer
from walletd.web.api.customers.history import HISTORY, HistoryAnswer, history_answer, language_of
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import ACCOUNT, CARD, CUSTOMER, ENTRY
from walletd.web.api.fields import Moment
from walletd.web.api.ledger.answers import AccountAnswer, EntryAnswer
from walletd.web.api.promotions.orders import READ as READ_ORDER
from walletd.web.api.promotions.orders import OrderAnswer, order_answer
from walletd.web.api.reading import name_in_path, query_of, services_of
from walletd.web.api.replies import JSON, StreamedReply
from walletd.web.edge.csv_file import attachment

_LANGUAGE: Final = {"language": "de or en: the language of descriptions; en unless given."}
Item = TypeVar("Item")
_encode: Final = msgspec.json.Encoder().encode


class HeldCard(Struct, kw_only=True, forbid_unknown_fields=True):
    """A card of the person."""

    serial_number: str
    key: str
    status: str
    program_id: str
    program: str
    account_id: str
    holder_name: str | None
    message: str | None
    created_at: Moment


class FiledRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """A merge request by or about the person."""

    merge_request_id: str
    state: str
    requested_by: str
    requested_for: str
    created_at: Moment


class PersonalDataAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything that is known about a person."""

    exported_at: Moment
    customers: list[CustomerAnswer]
    cards: list[HeldCard]
    accounts: list[AccountAnswer]
    merge_requests: list[FiledRequest]
    entries: list[EntryAnswer]
    orders: list[OrderAnswer]
    history: list[HistoryAnswer]


EXPORT: Final = Endpoint(
    "Export what is known about a customer",
    right=Right.CUSTOMERS_PERSONAL_DATA,
    answer=PersonalDataAnswer,
    query=_LANGUAGE,
    errors=(CardMerged, CustomerIsErased),
    example={
        "exported_at": "2026-11-23T09:30:00.125Z",
        "customers": [CUSTOMER],
        "cards": [
            {
                "serial_number": CARD["serial_number"],
                "key": CARD["key"],
                "status": "issued",
                "program_id": CARD["program_id"],
                "program": "Bonuskarte",
                "account_id": CARD["account_id"],
                "holder_name": None,
                "message": None,
                "created_at": CARD["created_at"],
            }
        ],
        "accounts": [ACCOUNT],
        "merge_requests": [],
        "entries": [ENTRY],
        "orders": [READ_ORDER.example],
        "history": [HISTORY.example],
    },
)


@get("/customers/{customer_id:str}/export", opt={OPT: EXPORT})
async def export_customer(request: ApiRequest, customer_id: FromPath[str]) -> StreamedReply:
    """Return everything that is known about a person, and about customers merged into them, as a file for them.

    Who asked for it is kept in the audit log.
    """
    language = language_of(query_of(request, _LANGUAGE))
    name = name_in_path(customer_id)
    data = await services_of(request).personal_data.of_customer(request.auth, name)
    return StreamedReply(_chunks(data, language), JSON, attachment(f"{name}.json"))


async def _chunks(data: PersonalData, language: str) -> AsyncIterator[bytes]:
    """Yield the file in pieces: however long a history is, a page of it is in memory."""
    yield b'{"exported_at":' + _encode(rfc3339(data.facts.made_at))
    short: dict[str, Iterable[object]] = {
        "customers": (customer_answer(customer) for customer in data.facts.customers),
        "cards": (_held(card, program) for card, program in data.facts.cards),
        "accounts": (account_document(*account) for account in data.facts.accounts),
        "merge_requests": (_filed(filed) for filed in data.facts.merge_requests),
    }
    for section, items in short.items():
        yield b',"' + section.encode() + b'":' + _encode(list(items))
    async for chunk in _section("entries", data.entries, lambda line: entry_document(*line)):
        yield chunk
    async for chunk in _section("orders", data.orders, order_answer):
        yield chunk
    async for chunk in _section("history", data.history, lambda row: history_answer(row, language)):
        yield chunk
    yield b"}\n"


async def _section(
    name: str, pages: AsyncIterator[Sequence[Item]], answer: Callable[[Item], object]
) -> AsyncIterator[bytes]:
    yield b',"' + name.encode() + b'":['
    separator = b""
    async for page in pages:
        if page:
            yield separator + b",".join([_encode(answer(item)) for item in page])
            separator = b","
    yield b"]"


def _held(card: Card, program_name: str) -> HeldCard:
    return HeldCard(
        serial_number=card.serial_number,
        key=card.key,
        status=card.status,
        program_id=card.program_id,
        program=program_name,
        account_id=card.account_id,
        holder_name=card.holder_name,
        message=card.message,
        created_at=rfc3339(card.created_at),
    )


def _filed(filed: MergeRequest) -> FiledRequest:
    return FiledRequest(
        merge_request_id=filed.id,
        state=filed.state,
        requested_by=filed.requested_by,
        requested_for=filed.requested_for,
        created_at=rfc3339(filed.created_at),
    )
