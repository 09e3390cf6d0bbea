"""What rules a program may have, and which tier a customer reached by them."""

from __future__ import annotations

import pytest

from tests.domain.ledger.test_ledger import a_program
from walletd.domain.cards.programs import complete_rules, reached, tiers_of
from walletd.domain.errors import ValidationFailed

REWARDS = [{"name": "Tea", "price": 3}]


@pytest.mark.parametrize(("total", "rate"), [(99_999, 0), (299_999, 500), (300_000, 1000), (300_001, 1000)])
def test_t06_a_discount_tier_begins_at_its_threshold_inclusive(total: int, rate: int) -> None:
    """T-06: 2999.99, 3000 and 3000.01 with tiers 1000 → 5 % and 3000 → 10 %; below the first nothing."""
    tiers = [{"name": "A", "threshold": 100_000, "rate": 500}, {"name": "B", "threshold": 300_000, "rate": 1000}]
    tier = reached(tiers_of(a_program("discount", tiers=tiers)), total)
    assert (0 if tier is None else tier.rate) == rate


@pytest.mark.parametrize(
    ("kind", "rules", "pointer"),
    [
        ("loyalty", {"rounding": "up"}, "/rules/rounding"),
        ("loyalty", {"rewards": [{"name": "Tea"}]}, "/rules/rewards/0"),
        ("loyalty", {"rewards": [{"name": "Tea", "price": 0}]}, "/rules/rewards/0/price"),
        ("loyalty", {"rewards": "Tea"}, "/rules/rewards"),
        ("cashback", {"tiers": [{"name": "A", "threshold": 0, "rate": 20_000}]}, "/rules/tiers/0/rate"),
        ("discount", {"tiers": [{"name": "A", "threshold": 5, "rate": 1}] * 2}, "/rules/tiers"),
        ("gift", {"validity_days": -1}, "/rules/validity_days"),
        ("gift", {"lock_days": 1}, "/rules/lock_days"),
        ("loyalty", {"lock_days": 14, "validity_days": 14}, "/rules/lock_days"),
        ("stamp", {"reward_name": "Tea", "rewards": REWARDS}, "/rules/rewards/0/name"),
        ("reward", {"reward_name": "Tea", "rewards": REWARDS}, "/rules/rewards/0/name"),
        ("membership", {"tier": "Gold", "tiers": [{"name": "Gold", "threshold": 5}]}, "/rules/tiers/0/name"),
    ],
)
def test_a_rule_out_of_range_is_refused_by_its_place(kind: str, rules: dict[str, object], pointer: str) -> None:
    """A list of rules is checked cell by cell."""
    with pytest.raises(ValidationFailed) as refused:
        complete_rules(kind, rules)
    assert refused.value.facts["errors"][0]["pointer"] == pointer  # type: ignore[index]
