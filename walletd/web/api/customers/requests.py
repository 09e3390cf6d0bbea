"""The bodies that the API takes about customers.

Unknown fields are refused: a misspelt one must not be without effect in silence.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from walletd.domain.customers.customers import CustomerDetails, NewCustomer
from walletd.domain.customers.merges import MergePlan
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.web.api.fields import Address, Label, Note, Text, Texts

Tags = Annotated[list[Label], Meta(max_length=50)]

Origins = Annotated[
    list[Literal["online", "till", "voucher"]],
    Meta(max_length=3, description="Where the customer came from; none where staff wrote it down."),
]

Rating = Annotated[int, Meta(ge=1, le=5, description="What the customer thinks of the shop; 5 is the best.")]


class CustomerNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """A person or company to take into the master data; a last name or a company is needed."""

    number: Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="Your own number; else the next free one.")] | None = (
        None
    )
    ref_id: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    company: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    birth_date: Annotated[str, Meta(extra_json_schema={"format": "date"})] | None = None
    address: Address | None = None
    locale: Text | None = None
    tags: Tags = []
    custom_fields: Texts = {}
    source: Text | None = None
    utm: Texts = {}
    origins: Origins = []
    feedback_rating: Rating | None = None

    def as_domain(self) -> NewCustomer:
        """Return the same as the services take it."""
        values = msgspec.structs.asdict(self)
        values["address"] = self.address.given() if self.address is not None else {}
        values["tags"], values["origins"] = tuple(self.tags), tuple(self.origins)
        number = values.pop("number")
        return NewCustomer(CustomerDetails(**values), number)


class CustomerChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """What of a customer is to change; what is left out stays, null takes a value away. The number never changes."""

    ref_id: Text | UnsetType | None = UNSET
    first_name: Text | UnsetType | None = UNSET
    last_name: Text | UnsetType | None = UNSET
    company: Text | UnsetType | None = UNSET
    email: Text | UnsetType | None = UNSET
    phone: Text | UnsetType | None = UNSET
    birth_date: Annotated[str, Meta(extra_json_schema={"format": "date"})] | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET
    locale: Text | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET
    custom_fields: Texts | UnsetType = UNSET
    source: Text | UnsetType | None = UNSET
    utm: Texts | UnsetType = UNSET
    origins: Origins | UnsetType = UNSET
    feedback_rating: Rating | UnsetType | None = UNSET

    def changes(self) -> dict[str, object]:
        """Return the fields that were given, under their names."""
        given: dict[str, object] = {
            name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET
        }
        if "address" in given:
            given["address"] = self.address.given() if isinstance(self.address, Address) else {}
        if "tags" in given:
            given["tags"] = tuple(self.tags) if isinstance(self.tags, list) else ()
        if isinstance(self.origins, list):
            given["origins"] = tuple(self.origins)
        return given


class MergeNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which two customers are one, who of them goes on, and whose card number goes on."""

    identity_survivor: Annotated[str, Meta(min_length=1, max_length=64, description="The customer that goes on.")]
    number_survivor: Annotated[
        str, Meta(min_length=1, max_length=64, description="Whose card number goes on: one of the two customers.")
    ]
    absorbed: Annotated[str, Meta(min_length=1, max_length=64, description="The customer that ends.")]
    reason: Note | None = None

    def as_domain(self) -> MergePlan:
        """Return the same as the services take it."""
        return MergePlan(self.identity_survivor, self.number_survivor, self.absorbed, self.reason)
