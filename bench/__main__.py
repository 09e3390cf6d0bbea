"""`make bench`: each figure beside the limit of the same run, and all of them in a table at the end.

Benches never judge: a figure below its goal is only marked. The exit code is 0 unless a bench broke.
"""

from __future__ import annotations

import argparse
import platform
import sys
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from bench import footprint
from bench.customers import lookup
from bench.delivery import fetching, google, latency, peer, publishing, signing
from bench.exchange import beside_export, imports
from bench.figures import Figure, table
from bench.ledger import history, ledger, ledger_http
from bench.rates import Scale

BENCHES: Final[Mapping[str, Callable[[Scale], list[Figure]]]] = {
    "fresh": signing.run,
    "processes": signing.run_two_processes,
    "fetch": fetching.run_fresh,
    "unchanged": fetching.run_unchanged,
    "lookup": lookup.run,
    "push": latency.run_push,
    "new-card": latency.run_new_card,
    "ledger-sqlite": ledger.run_sqlite,
    "ledger-postgres": ledger.run_postgres,
    "ledger-http": ledger_http.run,
    "history": history.run_booking,
    "proof": history.run_proof,
    "publish": publishing.run,
    "google": google.run,
    "import": imports.run,
    "long-reads": beside_export.run,
    "memory": footprint.run_memory,
    "start": footprint.run_start,
    "peer": peer.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the benches that were asked for and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure walletd beside the machine's limits.")
    parser.add_argument("--only", action="append", choices=sorted(BENCHES), help="run this bench; may be repeated")
    parser.add_argument("--quick", action="store_true", help="measure less, for a first look")
    given = parser.parse_args(arguments)
    print(f"{_processor()}, Python {platform.python_version()}, {platform.platform()}\n", flush=True)
    figures: list[Figure] = []
    broken: list[str] = []
    for name in given.only or list(BENCHES):
        try:
            found = run_apart(name, Scale(quick=given.quick))
        except Exception:  # noqa: BLE001 - the others are worth running all the same
            traceback.print_exc()
            broken.append(name)
            continue
        figures += found
        for figure in found:
            print(f"[{name}] {figure.line()}", flush=True)
    print(f"\n{table(figures)}")
    if broken:
        print(f"\nbroken: {', '.join(broken)}")
    return 1 if broken else 0


def run_apart(name: str, scale: Scale) -> list[Figure]:
    """Run one bench in a process of its own, so that none inherits another's memory, threads or core."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(BENCHES[name], scale).result()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} × {names[0]}" if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
