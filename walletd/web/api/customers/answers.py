"""The bodies that the API answers about customers.

A test reads every answer back through these structs, so they are what is sent.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.customers.customers import Customer
from walletd.web.api.fields import Moment, moment


class OptInAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """The consent to newsletters: how far it is, and when each step was last taken."""

    state: Annotated[str, Meta(description="none, sent, confirmed or revoked. Newsletters go out if it is confirmed.")]
    sent_at: Moment | None
    confirmed_at: Moment | None
    revoked_at: Moment | None


class CustomerAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A person or company in the master data; `id` and `customer_id` are the same."""

    id: str
    customer_id: str
    number: int
    name: str
    ref_id: str | None
    first_name: str | None
    last_name: str | None
    company: str | None
    email: str | None
    phone: str | None
    birth_date: str | None
    address: dict[str, str]
    locale: str | None
    tags: list[str]
    custom_fields: dict[str, str]
    source: str | None
    utm: dict[str, str]
    origins: list[str]
    feedback_rating: int | None
    opt_in: OptInAnswer
    crm_active: bool
    loyalty_status: str
    redeem_blocked: bool
    merged_into: Annotated[str | None, Meta(description="The customer that goes on for this one after a merge.")]
    erased_at: Annotated[Moment | None, Meta(description="Since when nothing is known of the person.")]
    created_at: Moment


def customer_answer(customer: Customer) -> CustomerAnswer:
    """Return what the API says about a customer."""
    details = customer.details
    return CustomerAnswer(
        id=customer.id,
        customer_id=customer.id,
        number=customer.number,
        name=customer.name,
        ref_id=details.ref_id,
        first_name=details.first_name,
        last_name=details.last_name,
        company=details.company,
        email=details.email,
        phone=details.phone,
        birth_date=details.birth_date,
        address=dict(details.address),
        locale=details.locale,
        tags=list(details.tags),
        custom_fields=dict(details.custom_fields),
        source=details.source,
        utm=dict(details.utm),
        origins=list(details.origins),
        feedback_rating=details.feedback_rating,
        opt_in=OptInAnswer(
            state=customer.opt_in.state,
            sent_at=moment(customer.opt_in.sent_at),
            confirmed_at=moment(customer.opt_in.confirmed_at),
            revoked_at=moment(customer.opt_in.revoked_at),
        ),
        crm_active=customer.crm_active,
        loyalty_status=customer.loyalty_status,
        redeem_blocked=customer.redeem_blocked,
        merged_into=customer.merged_into,
        erased_at=moment(customer.erased_at),
        created_at=rfc3339(customer.created_at),
    )
