"""The bodies that the API answers about programs and cards.

A test reads every answer back through these structs, so they are what is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from walletd.domain.calendar import rfc3339
from walletd.domain.cards.kinds import RuleValue
from walletd.domain.cards.programs import Program
from walletd.services.delivery.objects.objects import ObjectStatus
from walletd.services.delivery.targets import PhoneDelivery
from walletd.web.api.fields import Currency, Moment, Unit, moment
from walletd.web.api.ledger.answers import Balances


class ProgramAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """One kind of card that the merchant offers; `id` and `program_id` are the same."""

    id: str
    program_id: str
    kind: str
    name: str
    unit: Unit
    currency: Currency | UnsetType = UNSET
    template: str
    rules: dict[str, int | str | list[dict[str, int | str]]]
    created_at: Moment


class Holder(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a till needs to know about the customer of a card."""

    number: int
    name: str
    loyalty_status: str
    redeem_blocked: bool


class CardAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A card with its balances and the link that brings it onto a phone."""

    serial_number: str
    key: str
    status: Annotated[str, Meta(description="issued, installed, uninstalled, revoked or deleted.")]
    customer_id: str
    account_id: str
    program_id: str
    merged_into: Annotated[str | None, Meta(description="Serial number of the card that goes on after a merge.")]
    holder_name: str
    kind: str
    balance: Balances
    customer: Holder
    add_url: str
    add_qr_svg_url: str
    created_at: Moment


class CardMessageAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A message that is on its way to the holder of a card."""

    message_id: str
    serial_number: str
    header: str
    body: str
    notify: bool
    wallets: Annotated[list[str], Meta(description="Wallets that show it.")]
    created_at: Moment


class GoogleAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """How a card comes into Google Wallet, and how it stands there."""

    save_url: Annotated[str, Meta(description="Opens Google Wallet with this card; good for a click, not to be kept.")]
    saved: Annotated[bool, Meta(description="Whether anybody has the card in Google Wallet, as far as Google told.")]
    is_current: Annotated[bool, Meta(description="Whether Google shows what the books say.")]
    told_at: Moment | None
    due_at: Moment | None
    last_reason: Annotated[str, Meta(description="What Google answered where it was not yes.")]


class DeliveryAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """What one phone was told about a card. Tags rise with every change; equal tags mean that the phone is current."""

    device: Annotated[str, Meta(description="Shortened: the whole identifier is the device's secret.")]
    wallet: Annotated[str, Meta(description="ApplePass, or the scheme of another wallet that reads Apple's passes.")]
    state: Annotated[str, Meta(description="current, waiting, announced or stale.")]
    published: str | None
    accepted: str | None
    listed: str | None
    fetched: str | None
    due_at: Moment | None
    last_reason: str
    registered_at: Moment


class DeliveriesAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """All phones that hold a card."""

    items: list[DeliveryAnswer]


def rules_answer(rules: Mapping[str, RuleValue]) -> dict[str, int | str | list[dict[str, int | str]]]:
    """Return the rules of a program as JSON holds them."""
    return {
        name: value if isinstance(value, int | str) else [dict(row) for row in value] for name, value in rules.items()
    }


def program_answer(program: Program) -> ProgramAnswer:
    """Return what the API says about a program."""
    return ProgramAnswer(
        id=program.id,
        program_id=program.id,
        kind=program.kind,
        name=program.name,
        unit=program.unit,
        currency=program.currency if program.currency is not None else UNSET,
        template=program.template,
        rules=rules_answer(program.rules),
        created_at=rfc3339(program.created_at),
    )


def delivery_answer(delivery: PhoneDelivery) -> DeliveryAnswer:
    """Return what the API says about one phone."""
    return DeliveryAnswer(
        device=delivery.device,
        wallet=delivery.wallet,
        state=delivery.state,
        published=delivery.published,
        accepted=delivery.accepted,
        listed=delivery.listed,
        fetched=delivery.fetched,
        due_at=moment(delivery.due_at),
        last_reason=delivery.last_reason,
        registered_at=rfc3339(delivery.registered_at),
    )


def google_answer(link: str, status: ObjectStatus) -> GoogleAnswer:
    """Return what the API says about a card at Google."""
    return GoogleAnswer(
        save_url=link,
        saved=status.saved,
        is_current=status.is_current,
        told_at=moment(status.sent_at),
        due_at=moment(status.due_at),
        last_reason=status.last_reason,
    )
