"""A card with everything that is shown beside it."""

from __future__ import annotations

from dataclasses import dataclass

from walletd.domain.cards.cards import Card
from walletd.domain.cards.programs import Program
from walletd.domain.customers.customers import CardHolder
from walletd.domain.ledger.balances import AccountState, Balances


@dataclass(frozen=True, slots=True)
class CardView:
    """A card with everything that is shown beside it."""

    card: Card
    program: Program
    customer: CardHolder
    account: AccountState
    balances: Balances
    add_url: str
    add_qr_svg_url: str
