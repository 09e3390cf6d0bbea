"""Changes of accounts, and what was booked."""

from __future__ import annotations

from dataclasses import dataclass

from walletd.domain.changes import Change
from walletd.domain.ledger.balances import AccountState


@dataclass(frozen=True, slots=True)
class AccountChanged(Change):
    """An account has other figures."""

    state: AccountState
    urgency: int
    watched: bool = True
    """False where the merchant is known to have no endpoint for webhooks, which saves the look."""

    @property
    def account_id(self) -> str:
        """Return which account."""
        return self.state.id


@dataclass(frozen=True, slots=True)
class ExpiryNear(Change):
    """Something of an account expires within 30 days."""

    account_id: str


@dataclass(frozen=True, slots=True)
class TransactionBooked(Change):
    """A till booked on a card."""

    transaction_id: str
    type: str


@dataclass(frozen=True, slots=True)
class TransactionReversed(Change):
    """A transaction, or a part of one, was taken back by another."""

    transaction_id: str
    corrects: str


@dataclass(frozen=True, slots=True)
class RedemptionReserved(Change):
    """An amount is held."""

    code: str
    amount: int


@dataclass(frozen=True, slots=True)
class RedemptionCaptured(Change):
    """What was held is taken."""

    transaction_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class RedemptionReleased(Change):
    """What was held is free again."""

    code: str
    amount: int


@dataclass(frozen=True, slots=True)
class CheckpointMade(Change):
    """How far the books have come was signed."""

    number: int
    checkpoint: str
