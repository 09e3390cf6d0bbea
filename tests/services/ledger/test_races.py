"""Requests that meet: whoever comes second sees the first one's work, whichever engine stores it."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.builders import Shop, new_customer
from walletd.domain.cards.cards import NewCard
from walletd.domain.errors import CardKeyTaken, CustomerNumberTaken

_ROUNDS = 20


async def test_changes_of_different_fields_of_a_customer_all_count(shop: Shop) -> None:
    """Two tills that change two fields at once lose neither."""
    by, customers = shop.principal, shop.services.customers
    made = await customers.create(by, new_customer(last_name="Muster"))
    for number in range(_ROUNDS):
        changes = [{"first_name": f"A{number}"}, {"company": f"B{number}"}, {"source": f"C{number}"}]
        await asyncio.gather(*(customers.update(by, made.id, change) for change in changes))
        found = (await customers.get(by, made.id)).details
        assert (found.first_name, found.company, found.source) == (f"A{number}", f"B{number}", f"C{number}")


async def test_changes_of_different_rules_of_a_program_all_count(shop: Shop) -> None:
    """A new name and a new rule at once are both there afterwards."""
    by, programs = shop.principal, shop.services.programs
    program_id = await shop.program("stamp")
    for number in range(1, _ROUNDS + 1):
        await asyncio.gather(
            programs.update(by, program_id, name=f"Stamps {number}"),
            programs.update(by, program_id, rules={"slots": 5 + number % 2}),
            programs.update(by, program_id, rules={"reward_name": f"Coffee {number}"}),
        )
        found = await programs.get(by, program_id)
        assert (found.name, found.rules["slots"], found.rules["reward_name"]) == (
            f"Stamps {number}",
            5 + number % 2,
            f"Coffee {number}",
        )


async def _at_once(*requests: Any) -> list[type]:
    """Return the types of what requests at the same moment give, sorted by name."""
    results = await asyncio.gather(*requests, return_exceptions=True)
    return sorted((type(result) for result in results), key=lambda kind: kind.__name__)


async def test_a_card_key_that_is_sent_twice_at_once_is_refused_by_its_name(shop: Shop) -> None:
    """One request gets the key, the other ones learn that it is taken, and not only that something conflicts."""
    program_id = await shop.program()
    for number in range(_ROUNDS):
        new = NewCard(program_id, customer=new_customer(last_name="M"), key=f"KEY-{number}")
        kinds = await _at_once(*(shop.services.cards.issue(shop.principal, new, None) for _ in range(3)))
        assert [kind.__name__ for kind in kinds] == ["Answer", CardKeyTaken.__name__, CardKeyTaken.__name__]


async def test_a_customer_number_that_is_sent_twice_at_once_is_refused_by_its_name(shop: Shop) -> None:
    """One request gets the number, the others learn that it is taken; the merchant's own count goes on after it."""
    for number in range(1000, 1000 + _ROUNDS):
        new = new_customer(number=number, last_name="M")
        kinds = await _at_once(
            *(shop.services.customers.create(shop.principal, new) for _ in range(3)),
            shop.services.customers.create(shop.principal, new_customer(last_name="N")),
        )
        names = [kind.__name__ for kind in kinds]
        # The one without a number may have been given this very number first; then all three are refused.
        taken = CustomerNumberTaken.__name__
        assert names in (["Customer", "Customer", taken, taken], ["Customer", taken, taken, taken])
