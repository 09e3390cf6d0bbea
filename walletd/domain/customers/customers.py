"""Customers: persons or companies in a merchant's master data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from walletd.domain.customers.consent import NOT_ASKED, OptIn
from walletd.domain.validation import invalid

ORIGINS: Final = ("online", "till", "voucher")
"""Where a customer came from; several hold after a merge, none means that staff wrote it down (D-49)."""


class LoyaltyStatus(StrEnum):
    """Whether a customer may collect, redeem and ask for balances (D-16)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"

    @classmethod
    def of(cls, *, active: bool) -> LoyaltyStatus:
        """Return the status of a customer who may, or may not."""
        return cls.ACTIVE if active else cls.SUSPENDED


_TEXT_LONGEST = 200
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_UNPRINTABLE = re.compile("[\x00-\x1f\ud800-\udfff]")
_TEXT_FIELDS = ("ref_id", "first_name", "last_name", "company", "email", "phone", "locale", "source")


@dataclass(frozen=True, slots=True)
class CustomerDetails:
    """What may be known about a customer beside the number; all is optional but a last name or a company (D-47)."""

    ref_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    email: str | None = None
    phone: str | None = None
    birth_date: str | None = None
    address: Mapping[str, str] = field(default_factory=dict)
    locale: str | None = None
    tags: tuple[str, ...] = ()
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    utm: Mapping[str, str] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
    feedback_rating: int | None = None
    """From 1 to 5, the best."""


_FIELDS = tuple(item.name for item in fields(CustomerDetails))


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A person or company to take into the master data."""

    details: CustomerDetails
    number: int | None = None
    """None: the merchant's next one."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as stored; the number never changes."""

    id: str
    merchant_id: str
    number: int
    details: CustomerDetails
    crm_active: bool
    loyalty_status: LoyaltyStatus
    redeem_blocked: bool
    created_at: datetime
    merged_into: str | None = None
    """The customer that goes on for this one."""
    opt_in: OptIn = NOT_ASKED
    erased_at: datetime | None = None
    """Since when nothing is known of the person."""

    @property
    def name(self) -> str:
        """Return what is printed on a card: first and last name, else the company."""
        return name_of(self.details.first_name, self.details.last_name, self.details.company, self.number)


@dataclass(frozen=True, slots=True)
class CardHolder:
    """What the till and the face of a card need of its customer; whoever needs more reads the customer."""

    id: str
    number: int
    name: str
    loyalty_status: LoyaltyStatus
    redeem_blocked: bool


def holder_of(customer: Customer) -> CardHolder:
    """Return a customer as its cards know it."""
    return CardHolder(
        id=customer.id,
        number=customer.number,
        name=customer.name,
        loyalty_status=customer.loyalty_status,
        redeem_blocked=customer.redeem_blocked,
    )


def name_of(first_name: str | None, last_name: str | None, company: str | None, number: int) -> str:
    """Return what is printed on a card: first and last name, else the company, else the number."""
    person = " ".join(part for part in (first_name, last_name) if part)
    return person or company or f"#{number}"


def check_new_customer(new: NewCustomer, pointer: str = "") -> NewCustomer:
    """Return the same with spaces trimmed; raises ValidationFailed with a pointer below `pointer`."""
    if new.number is not None and not 1 <= new.number < 2**53:
        raise invalid(f"{pointer}/number", "must be a whole number from 1 to 9007199254740991")
    return replace(new, details=check_details(new.details, pointer))


def check_details(details: CustomerDetails, pointer: str = "") -> CustomerDetails:
    """Return the details with spaces trimmed; raises ValidationFailed with a pointer below `pointer`."""
    values = {name: getattr(details, name) for name in _FIELDS}
    for name in _TEXT_FIELDS:
        values[name] = _text(values[name], f"{pointer}/{name}")
    for name in ("address", "custom_fields", "utm"):
        values[name] = {
            str(_text(key, f"{pointer}/{name}")): _text(value, f"{pointer}/{name}/{key}") or ""
            for key, value in values[name].items()
        }
    values["tags"] = tuple(str(_text(tag, f"{pointer}/tags/{index}")) for index, tag in enumerate(values["tags"]))
    values["origins"] = tuple(name for name in ORIGINS if name in values["origins"])
    checked = CustomerDetails(**values)
    for name in details.origins:
        if name not in ORIGINS:
            raise invalid(f"{pointer}/origins", f"must be of {', '.join(ORIGINS)}")
    if not (checked.last_name or checked.company):
        raise invalid(f"{pointer}/last_name", "is needed, unless there is a company")
    _check_forms(checked, pointer)
    return checked


def _check_forms(details: CustomerDetails, pointer: str) -> None:
    if details.feedback_rating is not None and not 1 <= details.feedback_rating <= 5:
        raise invalid(f"{pointer}/feedback_rating", "must be a whole number from 1 to 5")
    if details.email is not None and ("@" not in details.email[1:-1] or " " in details.email):
        raise invalid(f"{pointer}/email", "must be an e-mail address")
    if details.locale is not None and not _LOCALE.match(details.locale):
        raise invalid(f"{pointer}/locale", "must be a language tag such as de or en-GB")
    if details.birth_date is not None:
        try:
            date.fromisoformat(details.birth_date)
        except ValueError as error:
            raise invalid(f"{pointer}/birth_date", "must be a date such as 1980-12-31") from error


def _text(value: str | None, pointer: str) -> str | None:
    if value is None:
        return None
    trimmed = value.strip()
    if len(trimmed) > _TEXT_LONGEST:
        raise invalid(pointer, f"must not be longer than {_TEXT_LONGEST} characters")
    if _UNPRINTABLE.search(trimmed):
        raise invalid(pointer, "must not contain control characters")
    return trimmed or None
