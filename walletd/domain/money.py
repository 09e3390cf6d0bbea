"""Money is a whole number of minor units beside an ISO 4217 code; floats never touch it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

_MINOR_DIGITS = {"BHD": 3, "CLP": 0, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3, "TND": 3, "VND": 0}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of a currency."""

    minor: int
    currency: str

    def decimal(self) -> Decimal:
        """Return the exact amount in major units, with as many places as the currency has."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))


def minor_digits(currency: str) -> int:
    """Return how many decimal places the currency has (ISO 4217); two unless listed."""
    return _MINOR_DIGITS.get(currency, 2)
