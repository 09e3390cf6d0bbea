"""Balances: the stored state of an account and the figures shown of it (domain.md 2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AMOUNT_MAX: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact; no amount and no balance goes beyond."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """One customer's account in one program, with the head of its chain of entries."""

    id: str
    merchant_id: str
    program_id: str
    customer_id: str
    unit: str
    currency: str | None
    balance: int
    collected: int
    sequence: int
    head_hash: str


def balances(account: AccountState) -> dict[str, int | str]:
    """Return the balances under their API names.

    Until credits carry locks and validity of their own, all that is held is redeemable.
    """
    figures: dict[str, int | str] = {
        "collected": account.collected,
        "expired": 0,
        "expiring_30_days": 0,
        "total": account.balance,
        "locked": 0,
        "redeemable": account.balance,
        "reserved": 0,
        "debt": 0,
        "unit": account.unit,
    }
    if account.currency is not None:
        figures["currency"] = account.currency
    return figures
