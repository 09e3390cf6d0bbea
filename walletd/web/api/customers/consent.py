"""Routes of the consent to newsletters: invite, confirm, revoke (D-48)."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Meta, Struct

from walletd.domain import errors
from walletd.domain.customers.consent import MailUnavailable, OptInRefused, OptInState
from walletd.domain.customers.merges import CardMerged
from walletd.domain.merchants.principals import Right
from walletd.web.api.customers.answers import CustomerAnswer, customer_answer
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CUSTOMER, Example
from walletd.web.api.reading import name_in_path, optional_body_of, services_of
from walletd.web.api.replies import Reply, json_reply


class InvitationNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """How the invitation reaches the customer."""

    by_mail: Annotated[bool, Meta(description="false notes only that it was handed over some other way.")] = True


def _customer(**opt_in: object) -> Example:
    steps = {"state": "none", "sent_at": None, "confirmed_at": None, "revoked_at": None}
    return {**CUSTOMER, "opt_in": steps | opt_in}


_AT: Final = "2026-11-23T09:30:00.125Z"
INVITE: Final = Endpoint(
    "Invite a customer to the newsletter",
    right=Right.CUSTOMERS_WRITE,
    body=InvitationNew,
    answer=CustomerAnswer,
    errors=(CardMerged, MailUnavailable),
    example_body={"by_mail": False},
    example=_customer(state="sent", sent_at=_AT),
)


@post("/customers/{customer_id:str}/opt-in/send", status_code=200, opt={OPT: INVITE})
async def send_opt_in(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
    """Mail the customer a link to a page with two buttons, or note that the question was put otherwise."""
    by_mail = (await optional_body_of(request, InvitationNew)).by_mail
    consent = services_of(request).consent
    return json_reply(customer_answer(await consent.invite(request.auth, name_in_path(customer_id), by_mail=by_mail)))


def _note_route(
    path: str, summary: str, state: OptInState, refusals: tuple[type[errors.WalletdError], ...]
) -> HTTPRouteHandler:
    example = _customer(state=state, **{"sent_at": _AT, f"{state}_at": _AT})
    endpoint = Endpoint(summary, right=Right.CUSTOMERS_WRITE, answer=CustomerAnswer, errors=refusals, example=example)

    async def note(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
        customer = await services_of(request).consent.note(request.auth, name_in_path(customer_id), state)
        return json_reply(customer_answer(customer))

    note.__doc__ = f"{summary}; doing it again changes nothing."
    note.__name__ = f"{path}_opt_in"
    route = post(
        f"/customers/{{customer_id:str}}/opt-in/{path}",
        status_code=200,
        opt={OPT: endpoint},
        operation_id=note.__name__,
    )
    return route(note)


NOTES: Final = (
    _note_route("confirm", "Note that a customer consented", OptInState.CONFIRMED, (CardMerged, OptInRefused)),
    _note_route("revoke", "Note that a customer revoked the consent", OptInState.REVOKED, (CardMerged,)),
)
"""What staff note when the answer came some other way."""
