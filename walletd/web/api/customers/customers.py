"""Routes of customers: the persons and companies in a merchant's master data."""

from __future__ import annotations

from typing import Final

from litestar import get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from walletd.domain import errors
from walletd.domain.customers.customers import LoyaltyStatus
from walletd.domain.customers.merges import CardMerged
from walletd.domain.merchants.principals import Right
from walletd.web.api.customers.answers import CustomerAnswer, customer_answer
from walletd.web.api.customers.examples import CUSTOMER_CHANGE, CUSTOMER_NEW
from walletd.web.api.customers.requests import CustomerChange, CustomerNew
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CUSTOMER
from walletd.web.api.reading import body_of, name_in_path, services_of
from walletd.web.api.replies import Reply, json_reply

CREATE: Final = Endpoint(
    "Create a customer",
    right=Right.CUSTOMERS_WRITE,
    status=201,
    body=CustomerNew,
    answer=CustomerAnswer,
    errors=(errors.CustomerNumberTaken,),
    example_body=CUSTOMER_NEW,
    example=CUSTOMER,
)
READ: Final = Endpoint("Read a customer", right=Right.CUSTOMERS_READ, answer=CustomerAnswer, example=CUSTOMER)
CHANGE: Final = Endpoint(
    "Change a customer",
    right=Right.CUSTOMERS_WRITE,
    body=CustomerChange,
    answer=CustomerAnswer,
    errors=(CardMerged,),
    example_body=CUSTOMER_CHANGE,
    example=CUSTOMER,
)


@post("/customers", opt={OPT: CREATE})
async def create_customer(request: ApiRequest) -> Reply:
    """Take a person or company into the master data; a last name or a company is needed."""
    new = (await body_of(request, CustomerNew)).as_domain()
    customer = await services_of(request).customers.create(request.auth, new)
    return json_reply(customer_answer(customer), 201)


@get("/customers/{customer_id:str}", opt={OPT: READ})
async def read_customer(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
    """Return one customer."""
    customer = await services_of(request).customers.get(request.auth, name_in_path(customer_id))
    return json_reply(customer_answer(customer))


@patch("/customers/{customer_id:str}", opt={OPT: CHANGE})
async def change_customer(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
    """Change what is known about a customer: what is left out stays, null takes a value away."""
    change = await body_of(request, CustomerChange)
    customer = await services_of(request).customers.update(request.auth, name_in_path(customer_id), change.changes())
    return json_reply(customer_answer(customer))


def _flag_route(path: str, summary: str, flag: str, value: bool | LoyaltyStatus) -> HTTPRouteHandler:  # noqa: FBT001
    endpoint = Endpoint(
        summary, right=Right.CUSTOMERS_WRITE, answer=CustomerAnswer, errors=(CardMerged,), example=CUSTOMER
    )

    async def change_flag(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
        customer = await services_of(request).customers.set_flag(request.auth, name_in_path(customer_id), flag, value)
        return json_reply(customer_answer(customer))

    change_flag.__doc__ = f"{summary}; doing it again changes nothing."
    name = path.replace("-", "_")
    change_flag.__name__ = name
    route = post(f"/customers/{{customer_id:str}}/{path}", status_code=200, opt={OPT: endpoint}, operation_id=name)
    return route(change_flag)


FLAG_ROUTES: Final = tuple(
    _flag_route(path, summary, flag, value)
    for path, summary, flag, value in (
        ("deactivate", "Take a customer out of lists and newsletters", "crm_active", False),
        ("reactivate", "Take a customer into lists and newsletters again", "crm_active", True),
        (
            "suspend-loyalty",
            "Turn collecting, redeeming and asking for balances off",
            "loyalty_status",
            LoyaltyStatus.SUSPENDED,
        ),
        (
            "resume-loyalty",
            "Turn collecting, redeeming and asking for balances on",
            "loyalty_status",
            LoyaltyStatus.ACTIVE,
        ),
        ("block-redemption", "Block redeeming; collecting goes on", "redeem_blocked", True),
        ("unblock-redemption", "Let a customer redeem again", "redeem_blocked", False),
    )
)
"""The three independent notions of an inactive customer (D-16)."""
