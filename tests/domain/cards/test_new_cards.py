"""What an idempotency key is bound to when a card is issued."""

from __future__ import annotations

import pytest

from tests.builders import new_customer
from walletd.domain.cards.cards import NewCard
from walletd.domain.ledger.entries import request_hash

_WEBER = new_customer(number=1001, last_name="Weber", tags=("vip",), address={"city": "Ulm"})


@pytest.mark.parametrize(
    ("new", "digest"),
    [
        (
            NewCard("prg_1", customer=_WEBER, key="K-1"),
            "6e7b57d8b35959b3ac568ed9f697326957b4c774ee49d338f363715c5d0ccf42",
        ),
        (
            NewCard("prg_1", customer=new_customer(last_name="Weber")),
            "7508fc0f4bd2d3949d30b44b49e100c8a3dfc710a9ca830ff7098cbfc24f1098",
        ),
        (
            NewCard("prg_1", customer_id="cus_1"),
            "e16235a4c523335ce2ed698d2b2e2e12a76d99f4298d8b1f1a06661b06854bb4",
        ),
    ],
)
def test_a_request_that_the_release_before_answered_is_the_same_request(new: NewCard, digest: str) -> None:
    """The hashes are those that earlier releases stored beside the key."""
    assert request_hash(new.asked()) == digest
