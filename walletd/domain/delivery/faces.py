"""The face: what a card shows, free of any wallet.

A face is made of named values. Templates place the values; wallets draw them. Which names a kind of card offers is
fixed in `FACE_VALUES`, so that a template can be checked without a card.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from walletd.domain.cards.cards import Card, CardStatus
from walletd.domain.cards.kinds import DESCRIPTIONS, FACE_VALUES
from walletd.domain.cards.programs import Program, reached, rewards_of, tiers_of
from walletd.domain.cards.rotating_codes import GOOGLE, can_rotate
from walletd.domain.ledger.balances import AccountState, Balances
from walletd.domain.ledger.bookings.operations import member_until
from walletd.domain.money import Money


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text that exists in every language of the template, named by its key in `pass.strings`."""

    key: str


@dataclass(frozen=True, slots=True)
class Percent:
    """A share in hundredths of a percent: 750 is 7.5 %."""

    basis_points: int


@dataclass(frozen=True, slots=True)
class StampRow:
    """How many of the slots of a stamp card carry a stamp; drawn as the strip image."""

    filled: int
    slots: int


FaceValue = int | Money | Percent | str | Phrase | datetime


@dataclass(frozen=True, slots=True)
class Face:
    """Everything a person can see on one card, in platform-free values."""

    kind: str
    merchant_name: str
    program_name: str
    values: Mapping[str, FaceValue]
    barcode_message: str
    barcode_text: str
    voided: bool
    expires_at: datetime | None
    stamp_row: StampRow | None
    rotates: bool = False
    """Whether wallets that can show a barcode that changes all the time, and no other."""


OPTIONAL_VALUES = frozenset({"locked", "expiring", "expires_on", "tier", "member_until", "other_rewards", "missing"})
"""Values that a card has only where there is something to say; a field of one that is absent is left out."""

NO_MESSAGE = "–"
"""What stands where a message would, in every language."""

PHRASES = ("coupon_available", "coupon_redeemed", "coupon_expired")
"""Phrases that the domain itself uses; every template whose fields show them has them in each language."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a card's account is worth now, by the rules of its program."""

    program: Program
    account: AccountState
    balances: Balances
    now: datetime

    @property
    def total(self) -> int:
        """Return what the account holds; never below zero on a card, whatever is owed."""
        return max(self.balances.total, 0)

    def amount(self, minor: int) -> FaceValue:
        """Return an amount in the unit of the program."""
        return minor if self.account.currency is None else Money(minor, self.account.currency)


def compose_face(card: Card, holding: Holding, *, holder: str, merchant_name: str) -> Face:
    """Return what the card shows now. Revoked and deleted cards are voided (W25)."""
    program = holding.program
    values: dict[str, FaceValue] = {
        "holder": card.holder_name or holder,
        "number": card.key,
        "program": program.name,
        "merchant": merchant_name,
        # Always there: a phone announces the change of a field, not that one appears.
        "message": card.message or NO_MESSAGE,
        **_OF_KIND.get(program.kind, _main_value)(holding),
    }
    known = FACE_VALUES[program.kind]
    values |= {name: value for name, value in _of_lots(holding).items() if name in known}
    return Face(
        kind=program.kind,
        merchant_name=merchant_name,
        program_name=program.name,
        values=values,
        barcode_message=card.key,
        barcode_text=card.key,
        voided=card.status in {CardStatus.REVOKED, CardStatus.DELETED},
        expires_at=holding.balances.expires_next if program.kind == "coupon" else None,
        stamp_row=_stamp_row(holding) if program.kind == "stamp" else None,
        rotates=program.text("rotating_barcode") == GOOGLE and can_rotate(card.key),
    )


def _of_lots(holding: Holding) -> dict[str, FaceValue]:
    """Return what is locked, and what ends next and when, where there is anything."""
    figures, values = holding.balances, dict[str, FaceValue]()
    if figures.locked:
        values["locked"] = holding.amount(figures.locked)
    if figures.expires_next is not None:
        values["expires_on"] = figures.expires_next
        values["expiring"] = holding.amount(figures.expiring_next)
    return values


def _stamp_row(holding: Holding) -> StampRow:
    """Return the stamps on the card in use; a full card stays visible until the next stamp (D-52)."""
    slots = holding.program.number("slots")
    filled = min(holding.total - _full_cards(holding) * slots, slots)
    return StampRow(slots if filled == 0 and holding.total > 0 else filled, slots)


def _full_cards(holding: Holding) -> int:
    """Return how many full cards can be redeemed now; locked stamps make none yet."""
    return max(min(holding.total, holding.balances.redeemable), 0) // holding.program.number("slots")


def _main_value(holding: Holding) -> dict[str, FaceValue]:
    name = DESCRIPTIONS[holding.program.kind].main_value
    return {} if name is None else {name: holding.amount(holding.total)}


def _stamp(holding: Holding) -> dict[str, FaceValue]:
    row = _stamp_row(holding)
    others = [reward for reward in rewards_of(holding.program) if reward.price != row.slots]
    values: dict[str, FaceValue] = {
        "stamps": row.filled,
        "slots": row.slots,
        "rewards": _full_cards(holding),
        "reward_name": holding.program.text("reward_name"),
    }
    return values | _present("other_rewards", ", ".join(f"{reward.price} → {reward.name}" for reward in others))


def _reward(holding: Holding) -> dict[str, FaceValue]:
    """Return the balance and the next reward: the cheapest that is not reached yet, else the dearest."""
    rewards = rewards_of(holding.program)
    aim = next((reward for reward in rewards if reward.price > holding.total), rewards[-1])
    return {
        "balance": holding.total,
        "reward_name": aim.name,
        "reward_price": aim.price,
        "missing": max(aim.price - holding.total, 0),
    }


def _cashback(holding: Holding) -> dict[str, FaceValue]:
    tier = reached(tiers_of(holding.program), holding.account.turnover)
    values: dict[str, FaceValue] = {
        "balance": holding.amount(holding.total),
        "rate": Percent(0 if tier is None else tier.rate),
    }
    return values | _present("tier", "" if tier is None else tier.name)


def _discount(holding: Holding) -> dict[str, FaceValue]:
    tiers = tiers_of(holding.program)
    tier = reached(tiers, holding.total)
    following = next((item for item in tiers if item.threshold > holding.total), None)
    values: dict[str, FaceValue] = {
        "rate": Percent(0 if tier is None else tier.rate),
        "turnover": holding.amount(holding.total),
    }
    if following is not None:
        values["missing"] = holding.amount(following.threshold - holding.total)
    return values | _present("tier", "" if tier is None else tier.name)


def _membership(holding: Holding) -> dict[str, FaceValue]:
    program, account = holding.program, holding.account
    tier = reached(tiers_of(program), holding.total)
    values: dict[str, FaceValue] = {
        "tier": account.tier or (program.text("tier") if tier is None else tier.name),
        "visits": holding.total,
    }
    until = member_until(program, account.member_until, holding.now)
    return values if until is None else {**values, "member_until": until}


def _coupon(holding: Holding) -> dict[str, FaceValue]:
    gone = "coupon_expired" if holding.account.expired else "coupon_redeemed"
    # A coupon that a till holds is not redeemed yet.
    state = "coupon_available" if holding.total or holding.balances.reserved else gone
    return {"reward_name": holding.program.text("reward_name"), "state": Phrase(state)}


def _present(name: str, text: str) -> dict[str, FaceValue]:
    return {name: text} if text else {}


_OF_KIND: Mapping[str, Callable[[Holding], Mapping[str, FaceValue]]] = {
    "reward": _reward,
    "stamp": _stamp,
    "cashback": _cashback,
    "discount": _discount,
    "membership": _membership,
    "coupon": _coupon,
}
"""kind → what its card shows, where that is more than what the account holds."""
