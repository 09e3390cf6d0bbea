"""One of two customers, as staff compare them: in the inbox of duplicates and in merge requests."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.customers.customers import Customer
from walletd.web.api.examples import CUSTOMER, Example
from walletd.web.api.fields import Moment

TWIN_ID: Final = "cus_01KB3ZA9T4R8Y0A2B5F7H9M1P3"


class SideAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """One of two customers, as staff compare them."""

    customer_id: str
    number: int
    name: str
    email: str | None
    phone: str | None
    address: dict[str, str]
    birth_date: str | None
    merged_into: str | None
    created_at: Moment


def side_example(customer_id: object, number: int) -> Example:
    """Return an example of one of the two."""
    names = ("name", "email", "phone", "address", "birth_date", "merged_into", "created_at")
    return {"customer_id": customer_id, "number": number, **{name: CUSTOMER[name] for name in names}}


def side_answer(customer: Customer) -> SideAnswer:
    """Return a customer as one of the two."""
    details = customer.details
    return SideAnswer(
        customer_id=customer.id,
        number=customer.number,
        name=customer.name,
        email=details.email,
        phone=details.phone,
        address=dict(details.address),
        birth_date=details.birth_date,
        merged_into=customer.merged_into,
        created_at=rfc3339(customer.created_at),
    )
