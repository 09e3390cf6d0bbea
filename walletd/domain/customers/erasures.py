"""Erasing a person: the books stay, nothing names the person any more (D-14, D-15, I-13, I-14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from walletd.domain.errors import Conflict


class CardIsInstalled(Conflict):
    """A card of this customer is on a phone; delete the cards that `cards` names first, then the customer."""

    code = "card_installed"


class CustomerIsErased(Conflict):
    """This customer was erased: nothing is known of the person, and nothing can be added."""

    code = "customer_erased"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: the customers that were one person, their cards, and the moment."""

    customer_id: str
    customer_ids: tuple[str, ...]
    """The customer, and those that had been merged into it."""
    serial_numbers: tuple[str, ...]
    erased_at: datetime
