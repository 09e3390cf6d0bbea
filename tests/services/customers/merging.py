"""Two customers with a card each, as tests of merges need them."""

from __future__ import annotations

from typing import Any

from tests.builders import Shop

Card = dict[str, Any]


async def two_cards(shop: Shop, kind: str = "loyalty", **rules: Any) -> tuple[Card, Card]:
    """Two cards of two customers in one program."""
    if rules:
        await shop.program(kind, **rules)
    return await shop.card(kind), await shop.card(kind)


async def merged(shop: Shop, one: Card, other: Card, **more: Any) -> dict[str, Any]:
    """Merge the customer of the other card into that of the first."""
    return await shop.merge(one["customer_id"], other["customer_id"], **more)


async def case_l14(shop: Shop) -> tuple[Card, Card]:
    """The applicant with 40, the other one with 25 of which 10 are locked."""
    applicant, other = await two_cards(shop)
    await shop.post(applicant["serial_number"], "credit", amount=40)
    await shop.post(other["serial_number"], "credit", amount=15, valid_until="2026-04-10")
    await shop.post(other["serial_number"], "credit", amount=10, locked_until="2026-04-01")
    return applicant, other
