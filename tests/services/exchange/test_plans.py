"""What a row was planned against, as a later release recognises it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from walletd.db.cards.batches import HeldCard
from walletd.domain.cards.cards import CardStatus
from walletd.domain.customers.consent import OptIn, OptInState
from walletd.domain.customers.customers import Customer, CustomerDetails, LoyaltyStatus
from walletd.services.exchange.imports.plans import digest_of

_MOMENT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
_CUSTOMER = Customer(
    id="cus_1",
    merchant_id="mer_1",
    number=1001,
    details=CustomerDetails(
        first_name="Mia",
        last_name="O'Hara",
        email="mia@example.org",
        address={"city": "Ulm"},
        tags=("vip",),
        origins=("till",),
        feedback_rating=5,
    ),
    crm_active=True,
    loyalty_status=LoyaltyStatus.SUSPENDED,
    redeem_blocked=False,
    created_at=_MOMENT,
    opt_in=OptIn(OptInState.CONFIRMED, sent_at=_MOMENT, confirmed_at=_MOMENT),
)
_CARD = HeldCard("mfrggzdfmztwq2lknnwg23tpob", "cus_1", "acc_1", "1001", CardStatus.INSTALLED)


@pytest.mark.parametrize(
    ("card", "account", "digest"),
    [
        (None, None, "12edce710b4afbb567c4dda02d8aba4f"),
        (_CARD, ("acc_1", 7, 10), "7e332d4a06e12444fe902f99eba89aaf"),
    ],
)
def test_a_row_that_the_release_before_validated_is_recognised(
    card: HeldCard | None, account: tuple[str, int, int] | None, digest: str
) -> None:
    """The digest is the one that earlier releases stored, made of the text that Python showed them."""
    assert digest_of(_CUSTOMER, card, account) == digest
