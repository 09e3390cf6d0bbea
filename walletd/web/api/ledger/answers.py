"""The bodies that the API answers about the ledger.

A test reads every answer back through these structs, so they are what is sent.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from walletd.web.api.fields import Currency, Moment, Unit


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
