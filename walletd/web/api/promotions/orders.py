"""Routes of orders and credit notes: records of what a customer bought elsewhere, with the points of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from walletd.domain.calendar import moment_of, rfc3339
from walletd.domain.customers.erasures import CustomerIsErased
from walletd.domain.errors import CardKeyReplaced, CurrencyMismatch, NotFound
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.merchants.principals import Right
from walletd.domain.promotions.orders import NewOrder, Order, OrderExists, OrderFilter, OrderLine, OrderPoints
from walletd.domain.validation import invalid
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CUSTOMER, Example
from walletd.web.api.fields import Address, Moment, Note, Text
from walletd.web.api.reading import body_of, name_in_path, narrowed_page_of, services_of
from walletd.web.api.replies import Reply, json_reply, page_reply

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_DATE_LENGTH: Final = len("2026-02-20")
_FILTERS: Final = {
    "customer_id": "Only those of a customer, and of those merged into it.",
    "type": "order or credit_note.",
    "source": "Only those of one system.",
    "ref_id": "Only those with this id there.",
}
_Count = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
_Money = Annotated[int, Meta(ge=0, le=AMOUNT_MAX, description="In minor units of the currency.")]
_Named = Annotated[str, Meta(min_length=1, max_length=200)]
_Type = Annotated[Literal["order", "credit_note"], Meta(description="Of a credit note all figures are positive, too.")]


class OrderPointsBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """What an order earned, by kind, and what was redeemed in it; whole points."""

    order: _Count = 0
    turnover: _Count = 0
    category: _Count = 0
    variant: _Count = 0
    redeemed: _Count = 0


class OrderLineBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """A position."""

    name: _Named
    quantity: _Count = 1
    total: Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX, description="Minor units; negative for a discount.")]
    sku: Text | None = None
    category: Text | None = None
    variant: Text | None = None


class OrderNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """An order of a customer, who is named by `customer_id` or by `card`."""

    source: Annotated[_Named, Meta(description="The system that it comes from, such as a web shop.")]
    ref_id: Annotated[_Named, Meta(description="Its id there.")]
    type: _Type = "order"
    customer_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    card: Annotated[str, Meta(min_length=1, max_length=90, description="Serial number or key.")] | None = None
    total: _Money
    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    ordered_at: Annotated[str, Meta(max_length=40, description="RFC 3339 with offset.")]
    points: OrderPointsBody = msgspec.field(default_factory=OrderPointsBody)
    billing_address: Address | None = None
    delivery_address: Address | None = None
    lines: Annotated[list[OrderLineBody], Meta(max_length=500)] = []
    transactions: Annotated[
        list[Note], Meta(max_length=20, description="Ids of the transactions that booked its points.")
    ] = []


class OrderHead(Struct, kw_only=True, forbid_unknown_fields=True):
    """An order as lists show it."""

    order_id: str
    number: Annotated[int, Meta(description="Counts the orders of the shop from 1.")]
    ref_id: str
    source: str
    type: _Type
    customer_id: Annotated[str, Meta(description="Who goes on, where the customer was merged.")]
    total: int
    currency: str
    points: OrderPointsBody
    transactions: list[str]
    ordered_at: Moment
    created_at: Moment


class OrderAnswer(OrderHead, kw_only=True, forbid_unknown_fields=True):
    """An order with its addresses and positions."""

    billing_address: dict[str, str]
    delivery_address: dict[str, str]
    lines: list[OrderLineBody]


_POINTS: Final[Example] = {"order": 10, "turnover": 24, "category": 5, "variant": 0, "redeemed": 0}
_LINE: Final[Example] = {
    "name": "Röstkaffee 1 kg",
    "quantity": 1,
    "total": 2400,
    "sku": "4006381333931",
    "category": "Kaffee",
    "variant": None,
}
_NEW: Final[Example] = {
    "source": "webshop",
    "ref_id": "100045",
    "customer_id": CUSTOMER["customer_id"],
    "total": 2400,
    "currency": "EUR",
    "ordered_at": "2026-02-20T10:15:00+01:00",
    "points": _POINTS,
    "billing_address": CUSTOMER["address"],
    "lines": [_LINE],
}
_HEAD: Final[Example] = {
    "order_id": "ord_01KB3ZE8Y2V4D6F0H3M5P7R9T1",
    "number": 1,
    "ref_id": "100045",
    "source": "webshop",
    "type": "order",
    "customer_id": CUSTOMER["customer_id"],
    "total": 2400,
    "currency": "EUR",
    "points": _POINTS,
    "transactions": [],
    "ordered_at": "2026-02-20T09:15:00.000Z",
    "created_at": "2026-11-23T09:30:00.125Z",
}
_ORDER: Final[Example] = {
    **_HEAD,
    "billing_address": CUSTOMER["address"],
    "delivery_address": {},
    "lines": [_LINE],
}
REPORT: Final = Endpoint(
    "Report an order or credit note",
    right=Right.LEDGER_BOOK,
    status=201,
    body=OrderNew,
    answer=OrderAnswer,
    errors=(NotFound, CardKeyReplaced, CustomerIsErased, CurrencyMismatch, OrderExists),
    example_body=_NEW,
    example=_ORDER,
)
LIST: Final = Endpoint(
    "List orders and credit notes",
    right=Right.CUSTOMERS_READ,
    answer=OrderHead,
    paged=True,
    query=_FILTERS,
    errors=(NotFound,),
    example=_HEAD,
)
READ: Final = Endpoint("Read an order", right=Right.CUSTOMERS_READ, answer=OrderAnswer, example=_ORDER)


@post("/orders", opt={OPT: REPORT})
async def report_order(request: ApiRequest) -> Reply:
    """Store an order, once per source, reference and type; reported again it answers the same order.

    It is a record: points are booked with `POST /transactions`, and named here.
    """
    new = await body_of(request, OrderNew)
    order, orders = _as_domain(new), services_of(request).orders
    stored = await orders.report(request.auth, order, customer_id=new.customer_id, card=new.card)
    return json_reply(order_answer(stored), 201)


@get("/orders", opt={OPT: LIST})
async def list_orders(request: ApiRequest) -> Reply:
    """Return orders, the newest number first; sort by number, ordered_at, total or ref_id."""
    wanted, chosen = narrowed_page_of(request, _FILTERS)
    narrowed = OrderFilter(source=chosen.get("source"), type=chosen.get("type"), ref_id=chosen.get("ref_id"))
    found = await services_of(request).orders.page(request.auth, wanted, narrowed, chosen.get("customer_id"))
    return page_reply(found, _head)


@get("/orders/{order_id:str}", opt={OPT: READ})
async def read_order(request: ApiRequest, order_id: FromPath[str]) -> Reply:
    """Return an order with both addresses and its positions."""
    return json_reply(order_answer(await services_of(request).orders.get(request.auth, name_in_path(order_id))))


def _as_domain(new: OrderNew) -> NewOrder:
    # A date without a time would mean the time of now; of an instant with an offset neither clock nor zone matters.
    ordered_at = moment_of(new.ordered_at, _EPOCH, UTC) if len(new.ordered_at) > _DATE_LENGTH else None
    if ordered_at is None:
        raise invalid("/ordered_at", "must be an instant such as 2026-02-20T10:15:00+01:00")
    return NewOrder(
        source=new.source,
        ref_id=new.ref_id,
        type=new.type,
        total=new.total,
        currency=new.currency,
        ordered_at=ordered_at,
        points=OrderPoints(**msgspec.structs.asdict(new.points)),
        billing_address=new.billing_address.given() if new.billing_address is not None else {},
        delivery_address=new.delivery_address.given() if new.delivery_address is not None else {},
        lines=tuple(OrderLine(**msgspec.structs.asdict(line)) for line in new.lines),
        transactions=tuple(new.transactions),
    )


def _head(order: Order) -> OrderHead:
    return OrderHead(**_facts(order))


def order_answer(order: Order) -> OrderAnswer:
    """Return an order as it is answered."""
    content = order.content
    return OrderAnswer(
        **_facts(order),
        billing_address=dict(content.billing_address),
        delivery_address=dict(content.delivery_address),
        lines=[OrderLineBody(**asdict(line)) for line in content.lines],
    )


def _facts(order: Order) -> dict[str, Any]:
    content = order.content
    return {
        "order_id": order.id,
        "number": order.number,
        "ref_id": content.ref_id,
        "source": content.source,
        "type": content.type,
        "customer_id": order.customer_id,
        "total": content.total,
        "currency": content.currency,
        "points": OrderPointsBody(**asdict(content.points)),
        "transactions": list(content.transactions),
        "ordered_at": rfc3339(content.ordered_at),
        "created_at": rfc3339(order.created_at),
    }
