"""Routes of what happened: between a customer and the shop, and who did what to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from litestar import get
from litestar.params import FromPath
from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.merchants.audit import AuditFilter, AuditRow, HistoryRow
from walletd.domain.merchants.principals import PrincipalKind, Right
from walletd.domain.validation import invalid
from walletd.texts.catalogues import LANGUAGES
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CUSTOMER
from walletd.web.api.fields import Moment, moment
from walletd.web.api.reading import name_in_path, narrowed_page_of, services_of
from walletd.web.api.replies import Reply, json_reply, page_reply
from walletd.web.pages.names import event_name

_LANGUAGE: Final = {"language": "`de` or `en` (default) for the descriptions."}
_CHOICE: Final = {
    "subject": "The id of a customer, a merge and so on, or the serial number of a card.",
    "actor": "The id of an API key, or cli, phone, holder.",
    "action": "Such as card.revoked.",
}
_AT: Final = "2026-11-23T09:30:00.125Z"


class HistoryAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """One thing that happened between a customer and the shop."""

    id: str
    at: Moment
    source: Annotated[
        str,
        Meta(description="The name of the API key, or cli, phone, holder; walletd for what time brought."),
    ]
    event: Annotated[str, Meta(description="Stable: the kind of a ledger entry, or an action such as card.issued.")]
    description: str
    subject: Annotated[str, Meta(description="The account, card or customer it happened to.")]
    turnover: Annotated[int, Meta(description="What was bought, in minor units; negative where it was taken back.")]
    amount: int | None
    unit: str | None
    reference: str | None
    reason: str | None


class QuickInfosAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A customer at a glance; money in minor units of the currency."""

    customer_id: str
    registered_at: Moment
    last_visit: Moment | None
    contacts: Annotated[int, Meta(description="How many rows the history has.")]
    last_turnover: int
    total_turnover: int
    currency: str


class AuditAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who did what to whom."""

    id: str
    at: Moment
    actor: str
    actor_kind: Annotated[str, Meta(description=f"One of {', '.join(PrincipalKind)}.")]
    action: str
    subject: str
    details: dict[str, Any]


HISTORY: Final = Endpoint(
    "Read what happened to a customer",
    right=Right.CUSTOMERS_READ,
    answer=HistoryAnswer,
    paged=True,
    query=_LANGUAGE,
    example={
        "id": "aud_01KB3Z9R2N6W8Y0Z3D5F7H9M2Q",
        "at": _AT,
        "source": "till",
        "event": "customer.created",
        "description": "Taken into the master data",
        "subject": CUSTOMER["customer_id"],
        "turnover": 0,
        "amount": None,
        "unit": None,
        "reference": None,
        "reason": None,
    },
)
GLANCE: Final = Endpoint(
    "See a customer at a glance",
    right=Right.CUSTOMERS_READ,
    answer=QuickInfosAnswer,
    example={
        "customer_id": CUSTOMER["customer_id"],
        "registered_at": _AT,
        "last_visit": None,
        "contacts": 1,
        "last_turnover": 0,
        "total_turnover": 0,
        "currency": "EUR",
    },
)
AUDIT: Final = Endpoint(
    "Read who did what",
    right=Right.AUDIT_READ,
    answer=AuditAnswer,
    paged=True,
    query=_CHOICE,
    example={
        "id": "aud_01KB3Z9R2N6W8Y0Z3D5F7H9M2Q",
        "at": _AT,
        "actor": "key_01KB3Z7Q0M4S6U8W1B3D5F7H9K",
        "actor_kind": "api_key",
        "action": "customer.created",
        "subject": CUSTOMER["customer_id"],
        "details": {},
    },
)


@get("/customers/{customer_id:str}/history", opt={OPT: HISTORY})
async def read_history(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
    """Return purchases, cards, consents and all else that happened, the newest first; of merged customers too."""
    wanted, chosen = narrowed_page_of(request, _LANGUAGE)
    language = language_of(chosen)
    page = await services_of(request).history.of_customer(request.auth, name_in_path(customer_id), wanted)
    return page_reply(page, lambda row: history_answer(row, language))


@get("/customers/{customer_id:str}/quick-infos", opt={OPT: GLANCE})
async def read_quick_infos(request: ApiRequest, customer_id: FromPath[str]) -> Reply:
    """Return since when the customer is known, the last visit, the contacts, and what was bought."""
    name = name_in_path(customer_id)
    infos = await services_of(request).history.quick_infos(request.auth, name)
    return json_reply(
        QuickInfosAnswer(
            customer_id=name,
            registered_at=rfc3339(infos.registered_at),
            last_visit=moment(infos.last_visit),
            contacts=infos.contacts,
            last_turnover=infos.last_turnover,
            total_turnover=infos.total_turnover,
            currency=infos.currency,
        )
    )


@get("/audit", opt={OPT: AUDIT})
async def read_audit(request: ApiRequest) -> Reply:
    """Return the audit log, the newest first; bookings stand in the ledger instead, with who booked them."""
    wanted, chosen = narrowed_page_of(request, _CHOICE)
    page = await services_of(request).history.audit(request.auth, wanted, AuditFilter(**chosen))
    return page_reply(page, _audit_answer)


def language_of(chosen: Mapping[str, str]) -> str:
    """Return the language of descriptions that a query asks for; raises ValidationFailed."""
    language = chosen.get("language") or "en"
    if language not in LANGUAGES:
        raise invalid("/language", f"must be one of {', '.join(LANGUAGES)}")
    return language


def history_answer(row: HistoryRow, language: str) -> HistoryAnswer:
    """Return what happened as it is answered, described in a language."""
    return HistoryAnswer(
        id=row.id,
        at=rfc3339(row.at),
        source=row.source,
        event=row.event,
        description=event_name(row.event, language),
        subject=row.subject,
        turnover=row.turnover,
        amount=row.amount,
        unit=row.unit,
        reference=row.reference,
        reason=row.reason,
    )


def _audit_answer(row: AuditRow) -> AuditAnswer:
    return AuditAnswer(
        id=row.id,
        at=rfc3339(row.at),
        actor=row.actor,
        actor_kind=row.actor_kind,
        action=row.action,
        subject=row.subject,
        details=dict(row.details),
    )
