"""The second part of `make soak`: merges, undoings, new keys, blocks and bookings in any order, tens of thousands.

The test run does a twenty-fifth of it. In the end every balance and chain is proved; the exit code is 1 for anything
that does not hold, after the shortest way that leads to it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import AsyncExitStack

from bench.figures import thousands
from bench.shop import ENGINES, database_url, folder
from tests.builders import open_in
from tests.services.customers.merging_machine import run_merges
from walletd.db.engine.database import migrate

_STEPS = 50_000
_SHARES = {"sqlite": 0.8, "postgres": 0.2}
"""PostgreSQL takes thrice as long for a step."""


def soak(engine: str, steps: int) -> str:
    """Run on one engine, and return what it came to; raises where something does not hold."""
    began = time.monotonic()
    with folder() as place, asyncio.Runner() as runner:
        url = database_url(engine, place)
        migrate(url)
        stack = AsyncExitStack()
        try:
            shop = runner.run(open_in(stack, url))
            done = run_merges(runner, shop, steps, steps_at_once=80)
            accounts, entries = runner.run(shop.services.proof.verify())
        finally:
            runner.run(stack.aclose())
    return (
        f"{engine}: {thousands(done)} steps of merging in {time.monotonic() - began:.0f} s: "
        f"{thousands(accounts)} accounts and {thousands(entries)} entries hold"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run on the engines that were asked for and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.customers.soak_merges", description="Merge and part in any order."
    )
    parser.add_argument("--steps", type=int, default=_STEPS, help="how many, on all engines together")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="on this engine; may be repeated")
    given = parser.parse_args(arguments)
    for engine in given.engine or ENGINES:
        share = 1.0 if given.engine and len(given.engine) == 1 else _SHARES[engine]
        print(soak(engine, int(given.steps * share)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
