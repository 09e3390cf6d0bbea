"""Operations: what a booking of each type does on each kind of card (D-45)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from walletd.domain.calendar import in_days, moment_of, rfc3339
from walletd.domain.cards.kinds import DESCRIPTIONS
from walletd.domain.cards.programs import Program, Reward, rewards_of, tiers_of
from walletd.domain.errors import AmountInvalid, MembershipEnded, OperationNotAllowed
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.earning import earn
from walletd.domain.ledger.movements import AccountStatus, Booking, Movement
from walletd.domain.validation import invalid

TYPES: Final = ("credit", "debit", "purchase", "reward", "visit", "coupon", "tier")

ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {name: kind.operations for name, kind in DESCRIPTIONS.items()}
"""kind → types of transactions that it knows."""

_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "credit": frozenset({"amount", "locked_until", "valid_until"}),
    "debit": frozenset({"amount"}),
    "purchase": frozenset({"purchase_total", "locked_until", "valid_until"}),
    "reward": frozenset({"reward"}),
    "visit": frozenset({"amount"}),
    "coupon": frozenset(),
    "tier": frozenset({"tier"}),
}
_ALL_FIELDS: Final = ("amount", "purchase_total", "locked_until", "valid_until", "reward", "tier")


@dataclass(frozen=True, slots=True)
class _Case:
    """One booking with all that is looked at."""

    program: Program
    booking: Booking
    status: AccountStatus
    now: datetime
    zone: tzinfo


def decide(program: Program, booking: Booking, status: AccountStatus, now: datetime, zone: tzinfo) -> Movement:
    """Return what a booking moves; `zone` is the merchant's.

    Raises AmountInvalid, OperationNotAllowed, ValidationFailed, MembershipEnded.
    """
    allowed = ALLOWED[program.kind]
    if booking.type not in TYPES:
        raise invalid("/type", f"must be one of {', '.join(TYPES)}")
    if booking.type not in allowed:
        raise OperationNotAllowed(
            f"A {program.kind} card knows no transaction of type {booking.type}; it knows: {', '.join(allowed)}.",
            errors=[{"pointer": "/type", "detail": f"must be one of {', '.join(allowed)} for a {program.kind} card"}],
        )
    for name in _ALL_FIELDS:
        if getattr(booking, name) is not None and name not in _FIELDS[booking.type]:
            raise invalid(f"/{name}", f"does not belong to a transaction of type {booking.type}")
    return _DECIDE[booking.type](_Case(program, booking, status, now, zone))


def opening(program: Program, now: datetime, zone: tzinfo) -> Movement | None:
    """Return what a new card of this kind starts with: a pack of visits, the coupon, a period; else nothing."""
    if program.kind == "membership" and program.number("period_days"):
        until = in_days(now, zone, program.number("period_days"))
        return Movement("opening", 0, "issued", member_until=until)
    amount = _start_of(program)
    if not amount:
        return None
    return Movement("opening", amount, "issued", valid_until=_validity(program, now, zone))


def member_until(program: Program, until: datetime | None, now: datetime) -> datetime | None:
    """Return when a membership ends; one that renews itself goes on by whole periods."""
    days = program.number("period_days")
    if until is None or not days or program.text("renewal") == "manual" or now < until:
        return until
    period = timedelta(days=days)
    return until + period * ((now - until) // period + 1)


def check_amount(amount: int | None, pointer: str) -> int:
    """Return an amount that is a whole number from 1 on; raises AmountInvalid."""
    if amount is None or isinstance(amount, bool) or not 1 <= amount <= AMOUNT_MAX:
        raise AmountInvalid(errors=[{"pointer": pointer, "detail": f"must be a whole number from 1 to {AMOUNT_MAX}"}])
    return amount


def _start_of(program: Program) -> int:
    start = DESCRIPTIONS[program.kind].starts_with
    return program.number(start) if isinstance(start, str) else start


def _credit(case: _Case) -> Movement:
    amount = case.booking.amount
    if amount is None:
        amount = _start_of(case.program) or None
    locked_until, valid_until = _terms(case, lock_days=0)
    return Movement(
        "manual_credit",
        check_amount(amount, "/amount"),
        "stored_value" if case.program.kind == "gift" else "issued",
        locked_until=locked_until,
        valid_until=valid_until,
    )


def _debit(case: _Case) -> Movement:
    amount = check_amount(case.booking.amount, "/amount")
    return Movement("manual_debit", -amount, "stored_value" if case.program.kind == "gift" else "redeemed")


def _purchase(case: _Case) -> Movement:
    _check_membership(case)
    total = check_amount(case.booking.purchase_total, "/purchase_total")
    if case.status.turnover + total > AMOUNT_MAX:
        raise AmountInvalid("The turnover of the account would be more than an account may hold.")
    earned = earn(case.program, total, turnover=case.status.turnover, carry=case.status.carry)
    if earned is None or earned.amount > AMOUNT_MAX:
        raise AmountInvalid("The purchase would earn more than an account may hold.")
    locked_until, valid_until = _terms(case, lock_days=case.program.number("lock_days"))
    return Movement(
        "earn",
        earned.amount,
        "issued",
        turnover=total,
        carry=earned.carry,
        locked_until=locked_until,
        valid_until=valid_until,
        terms=earned.terms,
    )


def _reward(case: _Case) -> Movement:
    rewards, wanted = rewards_of(case.program), case.booking.reward
    if not rewards:
        raise OperationNotAllowed(
            "This program has no rewards; give it some in its rule rewards.",
            errors=[{"pointer": "/type", "detail": "needs a program with rewards"}],
        )
    reward = _main_reward(case.program, rewards) if wanted is None else _named(rewards, wanted)
    if reward is None:
        offered = ", ".join(reward.name for reward in rewards)
        raise invalid("/reward", f"must be one of {offered}")
    return Movement("reward", -reward.price, "redeemed")


def _visit(case: _Case) -> Movement:
    _check_membership(case)
    visits = 1 if case.booking.amount is None else check_amount(case.booking.amount, "/amount")
    if case.program.kind == "multipass":
        return Movement("visit", -visits, "redeemed")
    each = case.program.number("stamps_per_visit") if case.program.kind == "stamp" else 1
    _, valid_until = _terms(case, lock_days=0)
    return Movement("visit", check_amount(visits * each, "/amount"), "issued", valid_until=valid_until)


def _coupon(_case: _Case) -> Movement:
    return Movement("coupon", -1, "redeemed")


def _tier(case: _Case) -> Movement:
    names = [tier.name for tier in tiers_of(case.program)]
    if case.booking.tier not in names:
        raise invalid("/tier", f"must be one of {', '.join(names)}")
    until, days = None, case.program.number("period_days")
    if days:
        running = member_until(case.program, case.status.member_until, case.now)
        try:
            until = in_days(max(running or case.now, case.now), case.zone, days)
        except OverflowError:
            raise OperationNotAllowed("The membership already lasts as long as a calendar can say.") from None
    return Movement("tier", 0, "issued", tier=case.booking.tier, member_until=until)


_DECIDE: Final[Mapping[str, Callable[[_Case], Movement]]] = {
    "credit": _credit,
    "debit": _debit,
    "purchase": _purchase,
    "reward": _reward,
    "visit": _visit,
    "coupon": _coupon,
    "tier": _tier,
}


def _check_membership(case: _Case) -> None:
    until = member_until(case.program, case.status.member_until, case.now)
    if until is not None and until <= case.now:
        raise MembershipEnded


def _terms(case: _Case, *, lock_days: int) -> tuple[datetime | None, datetime | None]:
    """Return lock and end of validity: as the booking says, else as the program says (D-25)."""
    booking, now = case.booking, case.now
    locked_until = _moment(case, booking.locked_until, "/locked_until")
    if locked_until is None and booking.locked_until is None and lock_days:
        locked_until = in_days(now, case.zone, lock_days)
    if locked_until is not None and locked_until <= now:
        locked_until = None
    valid_until = _moment(case, booking.valid_until, "/valid_until")
    if valid_until is None:
        valid_until = _validity(case.program, now, case.zone)
    elif valid_until <= now:
        raise invalid("/valid_until", "must lie in the future")
    if locked_until is not None and valid_until is not None and valid_until <= locked_until:
        if booking.valid_until is None:
            raise invalid("/locked_until", f"must come before the validity ends, which is {rfc3339(valid_until)}")
        raise invalid("/valid_until", "must come after locked_until, or nothing could ever be redeemed")
    return locked_until, valid_until


def _moment(case: _Case, text: str | None, pointer: str) -> datetime | None:
    if text is None:
        return None
    found = moment_of(text, case.now, case.zone)
    if found is None:
        raise invalid(pointer, "must be a date such as 2027-01-31 or an instant such as 2027-01-31T18:00:00+01:00")
    return found


def _validity(program: Program, now: datetime, zone: tzinfo) -> datetime | None:
    days = program.number("validity_days")
    return in_days(now, zone, days) if days else None


def _main_reward(program: Program, rewards: list[Reward]) -> Reward:
    """Return the reward that is meant where none is named: the full card, the named one, else the cheapest."""
    own = program.text("reward_name")
    return next((reward for reward in rewards if own and reward.name == own), rewards[0])


def _named(rewards: list[Reward], name: str) -> Reward | None:
    return next((reward for reward in rewards if reward.name == name), None)
