"""Routes of lists of customers: narrowed, with tiles above them, and deactivated together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from litestar import get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.customers.lists import CustomerFilter, DeactivationNotUndoable
from walletd.domain.merchants.principals import Right
from walletd.domain.validation import invalid
from walletd.web.api.customers.answers import CustomerAnswer, customer_answer
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CUSTOMER, Example
from walletd.web.api.fields import Moment
from walletd.web.api.reading import body_of, name_in_path, narrowed_page_of, query_of, services_of
from walletd.web.api.replies import Reply, json_reply, page_reply

_FILTERS: Final = {
    "crm_active": "true for customers in lists and newsletters, false for the others.",
    "loyalty_status": "active or suspended.",
    "redeem_blocked": "true or false.",
    "opt_in": "none, sent, confirmed or revoked.",
    "origin": "online, till or voucher.",
    "tag": "A tag, as it is written.",
}
_TRUTH: Final = {"true": True, "false": False}
_DEACTIVATION_ID: Final = "dea_01KB3ZDW6S0A2C4D7H9K1N3Q5S"


class TilesAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """What stands above a list of customers, counted over all of them."""

    customers: int
    transactions: int
    reviews: int
    overall_rating: Annotated[float | None, Meta(description="From 1 to 5, with one decimal; null without reviews.")]


class DeactivationNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether to deactivate, or only to count."""

    dry_run: bool = False


class DeactivationAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Customers without consent who were, or would be, taken out of lists and newsletters."""

    deactivation_id: Annotated[str | None, Meta(description="By which it can be undone; null after a dry run.")]
    customers: int
    undo_until: Moment | None


class DeactivationUndone(Struct, kw_only=True, forbid_unknown_fields=True):
    """Customers who came back; those whom somebody changed meanwhile stay as they are."""

    deactivation_id: str
    customers: int


LIST: Final = Endpoint(
    "List customers", right=Right.CUSTOMERS_READ, answer=CustomerAnswer, paged=True, query=_FILTERS, example=CUSTOMER
)
TILES_EXAMPLE: Final[Example] = {"customers": 1, "transactions": 0, "reviews": 0, "overall_rating": None}
TILES: Final = Endpoint(
    "Count customers",
    right=Right.CUSTOMERS_READ,
    answer=TilesAnswer,
    query={"search": "As in the list of customers.", **_FILTERS},
    example=TILES_EXAMPLE,
)
DEACTIVATE: Final = Endpoint(
    "Deactivate customers without consent",
    right=Right.CUSTOMERS_WRITE,
    body=DeactivationNew,
    answer=DeactivationAnswer,
    example_body={"dry_run": False},
    example={"deactivation_id": _DEACTIVATION_ID, "customers": 1, "undo_until": "2026-11-24T09:30:00.125Z"},
)
UNDO: Final = Endpoint(
    "Undo a deactivation",
    right=Right.CUSTOMERS_WRITE,
    answer=DeactivationUndone,
    errors=(DeactivationNotUndoable,),
    example={"deactivation_id": _DEACTIVATION_ID, "customers": 1},
)


@get("/customers", opt={OPT: LIST})
async def list_customers(request: ApiRequest) -> Reply:
    """Return the merchant's customers, page by page; sorted by number, created_at or name."""
    page, chosen = narrowed_page_of(request, _FILTERS)
    found = await services_of(request).customer_lists.page(request.auth, page, _filter_of(chosen))
    return page_reply(found, customer_answer)


@get("/customers/tiles", opt={OPT: TILES})
async def count_customers(request: ApiRequest) -> Reply:
    """Return how many customers a list holds, their transactions, reviews and mean rating."""
    values = query_of(request, {"search", *_FILTERS})
    search, chosen = values.pop("search", "") or None, {name: value for name, value in values.items() if value}
    tiles = await services_of(request).customer_lists.tiles(request.auth, search, _filter_of(chosen))
    rating = None if tiles.overall_rating is None else round(tiles.overall_rating, 1)
    answer = TilesAnswer(
        customers=tiles.customers, transactions=tiles.transactions, reviews=tiles.reviews, overall_rating=rating
    )
    return json_reply(answer)


@post("/customers/deactivate-without-opt-in", status_code=200, opt={OPT: DEACTIVATE})
async def deactivate_without_opt_in(request: ApiRequest) -> Reply:
    """Take everybody who did not consent, or revoked it, out of lists and newsletters; loyalty goes on."""
    lists = services_of(request).customer_lists
    if (await body_of(request, DeactivationNew)).dry_run:
        count = await lists.count_without_opt_in(request.auth)
        return json_reply(DeactivationAnswer(deactivation_id=None, customers=count, undo_until=None))
    made, count = await lists.deactivate_without_opt_in(request.auth)
    return json_reply(DeactivationAnswer(deactivation_id=made.id, customers=count, undo_until=rfc3339(made.undo_until)))


@post("/customers/deactivations/{deactivation_id:str}/undo", status_code=200, opt={OPT: UNDO})
async def undo_deactivation(request: ApiRequest, deactivation_id: FromPath[str]) -> Reply:
    """Take them back into lists and newsletters, within 24 hours; doing it again brings back nobody else."""
    lists, name = services_of(request).customer_lists, name_in_path(deactivation_id)
    back = await lists.undo_deactivation(request.auth, name)
    return json_reply(DeactivationUndone(deactivation_id=name, customers=back))


def _filter_of(chosen: Mapping[str, str]) -> CustomerFilter:
    given: dict[str, Any] = dict(chosen)
    for name in ("crm_active", "redeem_blocked"):
        if name in given:
            if given[name] not in _TRUTH:
                raise invalid(f"/{name}", "must be true or false")
            given[name] = _TRUTH[given[name]]
    return CustomerFilter(**given)
