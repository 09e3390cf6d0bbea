"""Whatever is merged, undone, rewritten, revoked, booked and spent in whatever order: no value is made or lost.

P19; I-05 to I-09, I-13, I-14. Both engines; a longer run is part of `make soak`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.builders import open_in
from tests.services.customers.merging_machine import run_merges
from tests.services.customers.merging_world import CUSTOMERS

STEPS = {"sqlite": 1_600, "postgresql": 400}
"""A twenty-fifth of the soak, together."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_merges_and_their_undoing_keep_all_value_whatever_is_done(database_url: str) -> None:
    """Random merges, undoings, new keys, blocks, bookings, returns, holds and days; in the end the books are proved."""
    steps = STEPS[database_url.partition("+")[0].partition(":")[0]]
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            shop = runner.run(open_in(stack, database_url))
            done = run_merges(runner, shop, steps)
            proved, _ = runner.run(shop.services.proof.verify())
        finally:
            runner.run(stack.aclose())
    assert done >= steps
    assert proved >= steps // 50 * CUSTOMERS
