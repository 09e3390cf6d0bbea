"""Answers under an idempotency key: repeated byte for byte, and not to be read by a thief of the database."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from tests.builders import Shop, new_customer
from walletd.db.engine.base import Tx
from walletd.domain.cards.cards import NewCard
from walletd.domain.errors import CardKeyTaken


def _bodies(tx: Tx) -> bytes:
    """Return everything that is stored of answers."""
    rows = tx.execute(text("SELECT body FROM idempotency_records WHERE route = 'cards'"))
    return b"".join(bytes(row.body) for row in rows)


async def test_the_stored_answer_of_a_new_card_shows_neither_link_nor_holder(shop: Shop) -> None:
    """Whoever reads the database finds no add link and no name in it; the repeated answer has the same bytes."""
    new = NewCard(await shop.program(), customer=new_customer(last_name="Holder-Of-Card"))
    first = await shop.services.cards.issue(shop.principal, new, "once")
    again = await shop.services.cards.issue(shop.principal, new, "once")
    assert (again.body, again.replayed) == (first.body, True)
    stored = await shop.runtime.database.read(_bodies)
    token = json.loads(first.body)["add_url"].rpartition("/")[2]
    assert b"Holder-Of-Card" in first.body
    assert stored
    for secret in (token, "Holder-Of-Card", "add_url"):
        assert secret.encode() not in stored


async def test_a_refused_card_is_repeated_as_refused(shop: Shop) -> None:
    """A refusal is sealed like every answer of the route, and comes back with its facts."""
    await shop.card(key="TAKEN")
    new = NewCard(await shop.program(), customer=new_customer(last_name="M"), key="TAKEN")
    for replayed in (False, True):
        with pytest.raises(CardKeyTaken) as refused:
            await shop.services.cards.issue(shop.principal, new, "once")
        assert refused.value.replayed is replayed
