"""The bodies that the API answers. A test reads every answer back through these structs, so they are what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from walletd.domain.calendar import rfc3339
from walletd.domain.cards.programs import Program, RuleValue
from walletd.domain.customers.customers import Customer
from walletd.services.delivery.objects.saving import ObjectStanding
from walletd.services.delivery.targets import PhoneDelivery

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Currency = Annotated[str, Meta(description="ISO 4217. There where the unit is money; amounts are minor units then.")]
Unit = Annotated[str, Meta(description="points, stamps, visits, coupons, or money beside a currency.")]


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


class Balances(Struct, kw_only=True, forbid_unknown_fields=True):
    """The balances of an account, all in one unit."""

    collected: int
    expired: int
    expiring_30_days: int
    total: int
    locked: int
    redeemable: int
    reserved: int
    debt: int
    unit: Unit
    currency: Currency | UnsetType = UNSET


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


class AccountAnswer(Balances, kw_only=True, forbid_unknown_fields=True):
    """The balance of one customer in one program."""

    account_id: str
    customer_id: str
    program_id: str
    merged_into: Annotated[str | None, Meta(description="The account that goes on for this one after a merge.")]
    turnover: Annotated[int, Meta(description="Purchases less returns, in minor units of the currency.")]
    tier: Annotated[str | None, Meta(description="The membership tier that was set by hand.")]
    member_until: Moment | None


class LiabilityLine(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is owed in one program, in its unit; money in minor units."""

    program_id: str
    name: str
    kind: str
    unit: Unit
    currency: Currency | UnsetType = UNSET
    accounts: int
    opening: int
    credited: int
    redeemed: int
    expired: int
    reversed: Annotated[int, Meta(description="What reversals gave back, less what they took back.")]
    closing: Annotated[int, Meta(description="opening + credited - redeemed - expired + reversed.")]
    debt: Annotated[int, Meta(description="What holders owe, because a return took back what was spent already.")]
    owed: Annotated[int, Meta(description="closing + debt: the liability.")]


class LiabilityAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a merchant owes to holders of cards, per program, and what moved in the period."""

    from_: Annotated[Moment | None, Meta(description="Null: from the first entry.")] = field(name="from")
    as_of: Annotated[Moment, Meta(description="Up to this instant, without it.")]
    items: list[LiabilityLine]


class EntryAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """One line of the ledger: positive amounts came in, negative ones went out."""

    entry_id: str
    transaction_id: str
    account_id: str
    kind: str
    status: Annotated[str, Meta(description="active, or discarded: a reservation that changed no balance.")]
    amount: int
    unit: Unit
    currency: Currency | UnsetType = UNSET
    sequence: Annotated[int, Meta(description="1 is the first entry of the account; none is left out.")]
    balance_after: Annotated[int, Meta(description="Below zero only by the debt that a return left.")]
    debt_after: int
    locked_until: Moment | None
    valid_until: Moment | None
    corrects: Annotated[str | None, Meta(description="The entry that this one takes back.")]
    campaign: str | None
    reference: str | None
    created_at: Moment


class TransactionAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A transaction that was booked, with what it moved and the account after it."""

    transaction_id: str
    type: str
    card: Annotated[str | None, Meta(description="Serial number of the card; null for what time did.")]
    purchase_total: int | None
    corrects: Annotated[str | None, Meta(description="The transaction that this one takes back.")]
    reference: str | None
    reason: str | None
    campaign: str | None
    entries: list[EntryAnswer]
    account: AccountAnswer
    created_at: Moment


class RedemptionAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """An amount that is held for a till, and what became of it."""

    code: Annotated[str, Meta(description="What the till captures or releases it by.")]
    state: Annotated[str, Meta(description="reserved, captured, released or discarded.")]
    card: Annotated[str, Meta(description="Serial number of the card.")]
    amount: int
    captured: int
    unit: Unit
    currency: Currency | UnsetType = UNSET
    reference: str | None
    created_at: Moment
    expires_at: Annotated[Moment, Meta(description="From this instant on it can no longer be captured.")]
    closed_at: Moment | None
    transaction_id: Annotated[str | None, Meta(description="The transaction that captured, released or discarded it.")]
    entries: list[EntryAnswer]
    account: AccountAnswer


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
            sent_at=_moment(customer.opt_in.sent_at),
            confirmed_at=_moment(customer.opt_in.confirmed_at),
            revoked_at=_moment(customer.opt_in.revoked_at),
        ),
        crm_active=customer.crm_active,
        loyalty_status=customer.loyalty_status,
        redeem_blocked=customer.redeem_blocked,
        merged_into=customer.merged_into,
        erased_at=_moment(customer.erased_at),
        created_at=rfc3339(customer.created_at),
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
        due_at=_moment(delivery.due_at),
        last_reason=delivery.last_reason,
        registered_at=rfc3339(delivery.registered_at),
    )


def google_answer(link: str, standing: ObjectStanding) -> GoogleAnswer:
    """Return what the API says about a card at Google."""
    return GoogleAnswer(
        save_url=link,
        saved=standing.saved,
        is_current=standing.is_current,
        told_at=_moment(standing.told_at),
        due_at=_moment(standing.due_at),
        last_reason=standing.last_reason,
    )


def _moment(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(instant)
