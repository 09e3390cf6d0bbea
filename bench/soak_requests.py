"""The third part of `make soak`: requests of every route, valid and invalid, as the API's own document makes them.

The test run sends a fifth of them. The exit code is 1 for an answer that is a 5xx or that the document does not name.
"""

from __future__ import annotations

import argparse
import sys
import time

from bench.shop import database_url, folder
from tests.web.edge.fuzzing import send_examples_of_all_operations
from tests.web.serving import serving_shop
from walletd.db.engine.database import migrate

_EXAMPLES = 25


def main(arguments: list[str] | None = None) -> int:
    """Send what was asked for and return the exit code; raises where an answer is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak_requests", description="Send what a schema can make.")
    parser.add_argument("--examples", type=int, default=_EXAMPLES, help="how many of each route and kind")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    with folder() as place:
        url = database_url("sqlite", place)
        migrate(url)
        with serving_shop(url) as served:
            statuses = send_examples_of_all_operations(served, given.examples)
    print(
        f"{given.examples} valid and {given.examples} invalid requests of every route in"
        f" {time.monotonic() - began:.0f} s: answered {', '.join(map(str, sorted(statuses)))}, as the document says"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
