"""The demo's shop: Café Morgenrot with a program of each kind, its regulars, and two months of history in the books.

Everything is made through the services, with a clock that starts two months ago, so that the ledger is a real one.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from walletd.bootstrap import Application
from walletd.domain.cards.cards import NewCard
from walletd.domain.cards.programs import NewProgram
from walletd.domain.customers.customers import CustomerDetails, NewCustomer
from walletd.domain.ledger.movements import Booking
from walletd.domain.merchants.principals import Principal

SHOP_NAME: Final = "Café Morgenrot"
HISTORY: Final = timedelta(days=60)

_PROGRAMS: Final[tuple[tuple[str, str, dict[str, object]], ...]] = (
    ("loyalty", "Bonuskarte", {"cents_per_point": 10}),
    ("stamp", "Stempelkarte", {"slots": 10, "reward_name": "1 × Cappuccino"}),
    ("cashback", "Cashback", {"rate": 300}),
    ("discount", "Rabattkarte", {"rate": 500, "threshold": 10_000}),
    ("gift", "Geschenkkarte", {}),
    ("membership", "Stammgäste", {"tier": "Silber"}),
    ("coupon", "Gutschein", {"reward_name": "1 × Croissant"}),
    ("multipass", "Kaffee-Abo", {"pack": 10}),
    ("reward", "Prämienkarte", {"cents_per_point": 10, "reward_name": "1 × Frühstück", "reward_price": 500}),
)
_ANNA: Final = ("Anna", "Berger")
_BEN: Final = ("Ben", "Yilmaz")
_HOLDERS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    _ANNA: ("loyalty", "stamp", "gift", "coupon", "reward"),
    _BEN: ("cashback", "discount", "membership", "multipass"),
    ("Clara", "Schmidt"): ("loyalty", "stamp"),
    ("David", "Nguyen"): ("stamp",),
    ("Elif", "Kaya"): ("loyalty", "multipass"),
    ("Felix", "Bauer"): ("cashback",),
    ("Greta", "Lindqvist"): ("gift", "stamp"),
    ("Hannes", "Vogel"): ("loyalty",),
    ("Irina", "Petrova"): ("membership", "stamp"),
    ("Jonas", "Weber"): ("discount", "coupon"),
    ("Katharina", "Groß"): ("loyalty", "gift"),
    ("Luis", "García"): ("stamp", "reward"),
}
PHONES: Final = {"Anna": _HOLDERS[_ANNA], "Ben": _HOLDERS[_BEN]}
"""Name of a phone → kinds of the cards that its owner holds."""
ANDROIDS: Final = {"Anna · Android": "Anna", "Ben · Android": "Ben"}
"""Name of an Android phone → the phone whose owner it is: the same cards in both wallets."""
_PRICES: Final = (280, 320, 390, 450, 580, 740, 890, 1240, 1650)
_VISITS_MAX: Final = 9


class MovedClock:
    """A clock that a history can be told with."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment the history has come to."""
        return self.now


@dataclass(frozen=True, slots=True)
class Issued:
    """A card of the demo: who holds it, its kind, and its serial number."""

    first_name: str
    kind: str
    serial_number: str


async def make_history(app: Application, by: Principal, clock: MovedClock) -> list[Issued]:
    """Make programs, customers, cards and two months of visits, the clock ending now; returns the cards."""
    chance = random.Random(20)  # noqa: S311 - the same history in every demo
    end = clock.now + HISTORY
    programs = {
        kind: (await app.services.programs.create(by, NewProgram(kind, name, None, rules))).id
        for kind, name, rules in _PROGRAMS
    }
    issued = []
    for first_name, last_name in _HOLDERS:
        customer = await app.services.customers.create(by, _customer(first_name, last_name))
        for kind in _HOLDERS[first_name, last_name]:
            answer = await app.services.cards.issue(by, NewCard(programs[kind], customer_id=customer.id), None)
            document: dict[str, Any] = json.loads(answer.body)
            issued.append(Issued(first_name, kind, document["serial_number"]))
    moments = sorted(
        (
            (clock.now + HISTORY * chance.random(), card)
            for card in issued
            for _ in range(chance.randint(3, _VISITS_MAX))
        ),
        key=lambda visit: visit[0],
    )
    gifts = {card.serial_number for card in issued if card.kind == "gift"}
    for number, (moment, card) in enumerate(moments):
        clock.now = min(moment, end)
        booking = _visit(card, chance, is_first=card.serial_number in gifts)
        gifts.discard(card.serial_number)
        if booking is not None:
            await app.services.ledger.book(by, booking, f"demo-history-{number}")
    return issued


def _customer(first_name: str, last_name: str) -> NewCustomer:
    email = f"{first_name.lower()}@example.com"
    details = CustomerDetails(first_name=first_name, last_name=last_name, email=email, locale="de", source="demo")
    return NewCustomer(details)


def _visit(card: Issued, chance: random.Random, *, is_first: bool) -> Booking | None:
    """Return what a visit books on a card; a gift card is charged first and paid with later."""
    price = chance.choice(_PRICES)
    reference = f"Bon {chance.randint(1000, 9999)}"
    if card.kind == "gift":
        if is_first:
            return Booking(card.serial_number, "credit", 10_000, reference=reference, reason="Aufladung")
        return Booking(card.serial_number, "debit", price, reference=reference)
    if card.kind == "multipass":
        # Nobody has used up the whole pack: nine visits at the most.
        return Booking(card.serial_number, "debit", 1, reference=reference)
    if card.kind == "coupon":
        return None
    return Booking(card.serial_number, "purchase", purchase_total=price, reference=reference)
