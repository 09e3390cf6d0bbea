"""A second opinion on what an account is worth: the rules once more (D2.3.6, D2.4), as plainly as can be.

It knows nothing of walletd's code: lots in a list, and everything worked out anew whenever somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf

HOLD = timedelta(minutes=15)
SOON = timedelta(days=30)


@dataclass
class OracleLot:
    """What is left of one credit."""

    left: int
    locked_until: datetime | None = None
    valid_until: datetime | None = None
    held: dict[str, int] = field(default_factory=dict)
    """Code of a redemption → what it holds."""

    @property
    def free(self) -> int:
        """What nothing holds."""
        return self.left - sum(self.held.values())

    def locked(self, now: datetime) -> bool:
        """Whether it cannot be redeemed yet."""
        return self.locked_until is not None and now < self.locked_until

    def ended(self, now: datetime) -> bool:
        """Whether it is over."""
        return self.valid_until is not None and now >= self.valid_until


@dataclass
class OracleAccount:
    """One account; amounts that cannot be taken are answered with False."""

    lots: list[OracleLot] = field(default_factory=list)
    holds: dict[str, datetime] = field(default_factory=dict)
    collected: int = 0
    expired: int = 0
    debt: int = 0

    def advance(self, now: datetime) -> None:
        """Let time do its work, one moment after the other, whenever somebody asks."""
        holds = [(ends, code) for code, ends in self.holds.items() if ends <= now]
        changes = (moment for lot in self.lots for moment in (lot.locked_until, lot.valid_until))
        lots = [(moment, "") for moment in changes if moment is not None and moment <= now]
        for moment, code in sorted([*holds, *lots]):
            if code in self.holds:
                self.let_go(code, moment)
            self._pay(moment)
            self._expire(moment)

    def credit(self, amount: int, locked_until: datetime | None, valid_until: datetime | None) -> OracleLot:
        """Add a lot; debt is paid first."""
        self.collected += amount
        paid = min(self.debt, amount)
        self.debt -= paid
        lot = OracleLot(amount - paid, locked_until, valid_until)
        self.lots.append(lot)
        return lot

    def redeemable(self, now: datetime) -> int:
        """What can be taken now."""
        return sum(lot.free for lot in self._in_order() if not lot.locked(now) and not lot.ended(now))

    def debit(self, amount: int, now: datetime) -> bool:
        """Take from what ends first."""
        if amount > self.redeemable(now):
            return False
        self._take(amount, [lot for lot in self._in_order() if not lot.locked(now) and not lot.ended(now)])
        return True

    def hold(self, code: str, amount: int, now: datetime) -> None:
        """Reserve of what ends first."""
        for lot in self._in_order():
            if not lot.locked(now) and not lot.ended(now):
                part = min(lot.free, amount)
                if part:
                    lot.held[code] = part
                amount -= part
        self.holds[code] = now + HOLD

    def capture(self, code: str, amount: int, now: datetime) -> None:
        """Take what is held, in the order in which it was held; the rest is free."""
        for lot in self._in_order():
            part = min(lot.held.get(code, 0), amount)
            if part:
                lot.held[code] -= part
                lot.left -= part
                amount -= part
        self.let_go(code, now)

    def let_go(self, code: str, now: datetime) -> None:
        """Free what is held; what came back too late expires, and debt is paid by the rest."""
        del self.holds[code]
        back = [lot for lot in self.lots if lot.held.pop(code, 0)]
        for lot in back:
            if lot.ended(now):
                self.expired += lot.free
                lot.left -= lot.free
        self._pay(now)

    def take_back(self, own: OracleLot, amount: int, now: datetime) -> None:
        """A credit note: its own lot, what ends first, what is locked, else debt."""
        others = [lot for lot in self._in_order() if lot is not own and not lot.ended(now)]
        open_ones = [lot for lot in others if not lot.locked(now)]
        locked = [lot for lot in others if lot.locked(now)]
        self.debt += self._take(amount, [own, *open_ones, *locked])

    def figures(self, now: datetime) -> dict[str, int]:
        """The six balances, with what is reserved and owed."""
        locked = sum(lot.left for lot in self.lots if lot.locked(now))
        redeemable = self.redeemable(now)
        expiring = sum(
            lot.left for lot in self.lots if lot.valid_until is not None and now < lot.valid_until <= now + SOON
        )
        return {
            "collected": self.collected,
            "expired": self.expired,
            "expiring_30_days": expiring,
            "total": locked + redeemable - self.debt,
            "locked": locked,
            "redeemable": redeemable,
            "reserved": sum(sum(lot.held.values()) for lot in self.lots),
            "debt": self.debt,
        }

    def _in_order(self) -> list[OracleLot]:
        return sorted(self.lots, key=lambda lot: lot.valid_until.timestamp() if lot.valid_until else inf)

    def _take(self, amount: int, lots: list[OracleLot]) -> int:
        for lot in lots:
            part = min(lot.free, amount)
            lot.left -= part
            amount -= part
        return amount

    def _pay(self, now: datetime) -> None:
        paying = min(self.debt, self.redeemable(now))
        if paying:
            self.debit(paying, now)
            self.debt -= paying

    def _expire(self, now: datetime) -> None:
        for lot in self.lots:
            if lot.ended(now) and lot.free:
                self.expired += lot.free
                lot.left -= lot.free
