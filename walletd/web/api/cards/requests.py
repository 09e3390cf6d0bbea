"""The bodies that the API takes about programs and cards.

Unknown fields are refused: a misspelt one must not be without effect in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from walletd.domain.cards.cards import NewCard
from walletd.domain.cards.kinds import KINDS
from walletd.domain.cards.programs import NewProgram
from walletd.web.api.customers.requests import CustomerNew
from walletd.web.api.fields import Label

if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[KINDS]

RuleValue = int | str | list[dict[str, int | str]]

Rules = Annotated[
    dict[str, RuleValue], Meta(max_length=50, description="Rules of the kind; what is left out has a sensible default.")
]


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


class CardMessageNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """A message to the holder of a card."""

    header: Annotated[str, Meta(min_length=1, max_length=60, description="Printable characters, no line breaks.")]
    body: Annotated[str, Meta(min_length=1, max_length=500, description="Printable characters, no line breaks.")]
    notify: Annotated[bool, Meta(description="Whether Google tells the holder at once; it does so 3 times a day.")] = (
        True
    )


class CardReason(Struct, forbid_unknown_fields=True, kw_only=True):
    """Why something is done to a card; kept in the audit log."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]
