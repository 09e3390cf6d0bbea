"""The route that erases a person."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import delete
from litestar.params import FromPath
from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.customers.erasures import CardIsInstalled, CustomerIsErased
from walletd.domain.customers.merges import CardMerged
from walletd.domain.merchants.principals import Right
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CUSTOMER
from walletd.web.api.fields import Moment
from walletd.web.api.reading import name_in_path, services_of
from walletd.web.api.replies import Reply, json_reply


class ErasureAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A person who was erased; the books keep the number and the amounts."""

    customer_id: str
    customers: Annotated[list[str], Meta(description="The customer, and those that had been merged into it.")]
    cards: Annotated[list[str], Meta(description="Serial numbers of the cards, all deleted.")]
    erased_at: Moment


ERASE: Final = Endpoint(
    "Erase a customer",
    right=Right.CUSTOMERS_ERASE,
    answer=ErasureAnswer,
    errors=(CardIsInstalled, CardMerged, CustomerIsErased),
    example={
        "customer_id": CUSTOMER["customer_id"],
        "customers": [CUSTOMER["customer_id"]],
        "cards": ["mfrggzdfmztwq2lknnwg23tpob"],
        "erased_at": "2026-11-23T09:30:00.125Z",
    },
)


@delete("/customers/{customer_id:str}", status_code=200, opt={OPT: ERASE})
async def erase_customer(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
    """Take a person out of everything but the books; refused while a card is on a phone."""
    erased = await services_of(request).erasures.erase(request.auth, name_in_path(customer_id))
    answer = ErasureAnswer(
        customer_id=erased.customer_id,
        customers=list(erased.customer_ids),
        cards=list(erased.serial_numbers),
        erased_at=rfc3339(erased.erased_at),
    )
    return json_reply(answer)
