"""Routes that end cards and customers for good."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from litestar import delete, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.customers.erasures import CardInstalled, CustomerErased
from walletd.domain.customers.merges import CardMerged
from walletd.domain.ledger.documents import card_document
from walletd.web.api.answers import Moment
from walletd.web.api.cards.cards import REVOKE
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CARD, CUSTOMER
from walletd.web.api.reading import body_of, name_in_path, services_of
from walletd.web.api.replies import Reply, json_reply
from walletd.web.api.requests import CardDeed


class ErasureAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A person who was erased; the books keep the number and the amounts."""

    customer_id: str
    customers: Annotated[list[str], Meta(description="The customer, and those that had been merged into it.")]
    cards: Annotated[list[str], Meta(description="Serial numbers of the cards, all deleted.")]
    erased_at: Moment


DELETE: Final = replace(
    REVOKE, summary="Delete a card for good", errors=(CardMerged,), example={**CARD, "status": "deleted"}
)
ERASE: Final = Endpoint(
    "Erase a customer",
    scope="admin",
    answer=ErasureAnswer,
    errors=(CardInstalled, CardMerged, CustomerErased),
    example={
        "customer_id": CUSTOMER["customer_id"],
        "customers": [CUSTOMER["customer_id"]],
        "cards": ["mfrggzdfmztwq2lknnwg23tpob"],
        "erased_at": "2026-11-23T09:30:00.125Z",
    },
)


@post("/cards/{serial_number:str}/delete", status_code=200, opt={OPT: DELETE})
async def delete_card(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """End a card: nothing is booked by it again, its pass is void. Its holder still has to remove it from the phone."""
    deed = await body_of(request, CardDeed)
    view = await services_of(request).cards.delete(request.auth, name_in_path(serial_number), deed.reason)
    return json_reply(card_document(view))


@delete("/customers/{customer_id:str}", status_code=200, opt={OPT: ERASE})
async def erase_customer(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
    """Take a person out of everything but the books; refused while a card is on a phone."""
    erased = await services_of(request).erasing.erase(request.auth, name_in_path(customer_id))
    answer = ErasureAnswer(
        customer_id=erased.customer_id,
        customers=list(erased.customers),
        cards=list(erased.cards),
        erased_at=rfc3339(erased.erased_at),
    )
    return json_reply(answer)


ROUTES: Final = (delete_card, erase_customer)
