"""The bodies that the API takes. Unknown fields are refused: a misspelt one must not be without effect in silence."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from walletd.domain.cards.cards import NewCard
from walletd.domain.cards.programs import NewProgram
from walletd.domain.customers.customers import NewCustomer
from walletd.domain.customers.merges import MergePlan
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.bookings import Booking
from walletd.services.ledger.bookings.commands import Reverse

Kind = Literal["loyalty", "stamp", "cashback", "discount", "gift", "membership", "coupon", "multipass", "reward"]
Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="A whole number in the unit of the program.")]
Total = Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="What the customer paid, in minor units of the currency.")]
Text = Annotated[str, Meta(max_length=200)]
Label = Annotated[str, Meta(min_length=1, max_length=200)]
Note = Annotated[str, Meta(max_length=200, description="Printable characters: no line breaks, no tabs.")]
RuleValue = int | str | list[dict[str, int | str]]
Rules = Annotated[
    dict[str, RuleValue], Meta(max_length=50, description="Rules of the kind; what is left out has a sensible default.")
]
Texts = Annotated[dict[Label, Text], Meta(max_length=50)]
Tags = Annotated[list[Label], Meta(max_length=50)]
Origins = Annotated[
    list[Literal["online", "till", "voucher"]],
    Meta(max_length=3, description="Where the customer came from; none where staff wrote it down."),
]
Rating = Annotated[int, Meta(ge=1, le=5, description="What the customer thinks of the shop; 5 is the best.")]


class ProgramNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """A program to create; `kind` and `name` are enough."""

    kind: Kind
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    template: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    rules: Rules = {}

    def as_domain(self) -> NewProgram:
        """Return the same as the services take it."""
        return NewProgram(kind=self.kind, name=self.name, template=self.template, rules=self.rules)


class ProgramChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """What of a program is to change; what is left out stays."""

    name: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    rules: Rules | None = None


class Address(Struct, forbid_unknown_fields=True, kw_only=True):
    """A postal address."""

    street: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    country: Text | None = None

    def given(self) -> dict[str, str]:
        """Return the lines that are there."""
        return {name: text for name, text in msgspec.structs.asdict(self).items() if text is not None}


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
        return NewCustomer(**values)


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


class CardNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """A card to issue: to a customer who exists (`customer_id`), or who is created with it (`customer`)."""

    program_id: Label
    customer_id: Label | None = None
    customer: CustomerNew | None = None
    key: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    holder_name: Annotated[str, Meta(max_length=80)] | None = None
    account_of: Annotated[str, Meta(description="Serial number of the card whose account this one shares.")] | None = (
        None
    )

    def as_domain(self) -> NewCard:
        """Return the same as the services take it."""
        return NewCard(
            program_id=self.program_id,
            customer_id=self.customer_id,
            customer=self.customer.as_domain() if self.customer is not None else None,
            key=self.key,
            holder_name=self.holder_name,
            account_of=self.account_of,
        )


class TransactionNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """A transaction to book; which types there are, and which fields belong to them, depends on the kind of card."""

    card: Annotated[str, Meta(min_length=1, max_length=90, description="Serial number or key, or what a scanner read.")]
    type: Annotated[
        Literal["credit", "debit", "purchase", "reward", "visit", "coupon", "tier"],
        Meta(description="credit and debit take amount, purchase takes purchase_total, tier takes tier."),
    ]
    amount: Amount | None = None
    purchase_total: Total | None = None
    locked_until: (
        Annotated[str, Meta(max_length=40, description="Date or instant from which it is redeemable.")] | None
    ) = None
    valid_until: Annotated[str, Meta(max_length=40, description="Date or instant at which it expires.")] | None = None
    reward: Annotated[str, Meta(max_length=40, description="Which reward; else the program's own.")] | None = None
    tier: Annotated[str, Meta(max_length=40, description="The tier a membership changes to, or renews.")] | None = None
    campaign: Note | None = None
    reference: Note | None = None
    reason: Note | None = None

    def as_domain(self) -> Booking:
        """Return the same as the services take it."""
        return Booking(**msgspec.structs.asdict(self))


class RedemptionNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """An amount of a card's account to hold for exactly 15 minutes."""

    card: Annotated[str, Meta(min_length=1, max_length=90, description="Serial number or key, or what a scanner read.")]
    amount: Amount
    reference: Note | None = None


class RedemptionCapture(Struct, forbid_unknown_fields=True, kw_only=True):
    """What of a redemption is taken; without `amount` all of it."""

    amount: Amount | None = None


class Reversal(Struct, forbid_unknown_fields=True, kw_only=True):
    """What of a transaction is taken back: all that is left of it, or a part.

    A part is named by `purchase_total` for a purchase, by `amount` for anything else.
    """

    amount: Amount | None = None
    purchase_total: Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="Value of the returned goods.")] | None = None
    reference: Note | None = None
    reason: Note | None = None

    def as_domain(self, transaction_id: str) -> Reverse:
        """Return the same as the services take it."""
        return Reverse(transaction_id, self.amount, self.purchase_total, self.reference, self.reason)


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


class CardMessageNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """A message to the holder of a card."""

    header: Annotated[str, Meta(min_length=1, max_length=60, description="Printable characters, no line breaks.")]
    body: Annotated[str, Meta(min_length=1, max_length=500, description="Printable characters, no line breaks.")]
    notify: Annotated[bool, Meta(description="Whether Google tells the holder at once; it does so 3 times a day.")] = (
        True
    )


class CardDeed(Struct, forbid_unknown_fields=True, kw_only=True):
    """Why something is done to a card; kept in the audit log."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class WebhookNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """An endpoint to tell what happens; without `events` it is told everything."""

    url: Annotated[str, Meta(min_length=1, max_length=2000, examples=["https://shop.example/hooks/walletd"])]
    events: Annotated[list[str], Meta(max_length=20)] = []
    description: Annotated[str, Meta(max_length=200)] | None = None


class Replay(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which message to send again; without one, all dead letters."""

    message_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
