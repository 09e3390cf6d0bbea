"""`walletd serve` as a real process that a test starts, stops and kills.

Processes are forked from one that has imported walletd already, so that a test can afford twenty of them. Everything
else is the command a person types: settings in the environment, exit codes, lines on standard error.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from walletd.cli import main

_METHOD = multiprocessing.get_context("forkserver")
_METHOD.set_forkserver_preload(["walletd.cli.main"])

READY_SECONDS = 40.0


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def run_walletd(environ: Mapping[str, str], arguments: Sequence[str], output: str, under: Sequence[str]) -> None:
    """Run the command line in this process, or become it under another program; its output goes to a file.

    Called in the forked process.
    """
    for name in [name for name in os.environ if name.startswith("WALLETD_")]:
        del os.environ[name]
    os.environ.update(environ)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if under:
        os.execvp(under[0], [*under, sys.executable, "-m", "walletd.cli", *arguments])  # noqa: S606 - no shell is meant
    main(list(arguments))


@dataclass
class Served:
    """One walletd process after the other with the same settings."""

    environ: dict[str, str]
    folder: Path
    arguments: tuple[str, ...] = ("serve",)
    name: str = "walletd"
    under: tuple[str, ...] = ()
    """A command that runs it and keeps its process id, such as strace."""
    process: Any = None
    kills: int = field(default=0)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.environ['WALLETD_PORT']}"

    @property
    def output(self) -> Path:
        """Everything it printed."""
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start a process."""
        self.process = _METHOD.Process(
            target=run_walletd, args=(self.environ, self.arguments, str(self.output), self.under), name=self.name
        )
        self.process.start()

    async def ready(self) -> None:
        """Wait until it says that it is ready; fails where it ends instead."""
        ends_at = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(trust_env=False) as http:
            while time.monotonic() < ends_at:
                assert self.process.is_alive(), self.output.read_text()
                try:
                    if (await http.get(f"{self.url}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)
        raise AssertionError(f"not ready: {self.output.read_text()}")

    async def said(self, text: str) -> None:
        """Wait until it printed a text."""
        ends_at = time.monotonic() + READY_SECONDS
        while not self.output.exists() or text not in self.output.read_text():
            assert time.monotonic() < ends_at, f"{self.name} never said {text!r}"
            assert self.process.is_alive() or text in self.output.read_text(), self.output.read_text()
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self.process.kill()
        await asyncio.to_thread(self.process.join)
        self.kills += 1

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    async def ended(self, seconds: float = 25.0) -> int:
        """Wait for its end and return the exit code."""
        await asyncio.to_thread(self.process.join, seconds)
        assert self.process.exitcode is not None, f"{self.name} still runs: {self.output.read_text()}"
        return int(self.process.exitcode)

    async def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    def clear_away(self) -> None:
        """End it however it is."""
        if self.process is not None and self.process.is_alive():
            self.process.kill()
            self.process.join()
