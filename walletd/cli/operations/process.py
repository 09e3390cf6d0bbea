"""The parts of a running process, and how they end together: by a signal, by a fault, or because the disk failed."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scheduler.loop import Scheduler
from walletd.bootstrap import Application
from walletd.cli.merchants.google_buttons import read_google_buttons
from walletd.cli.operations.heartbeat import heartbeat_file, keep_beating
from walletd.cli.operations.web import serve_http
from walletd.domain.errors import StorageUnavailable
from walletd.telemetry import logger
from walletd.web.app import WebOptions, create_app
from walletd.worker import CredentialsWatch, Worker

ROLES: Final = ("all", "web", "worker", "scheduler")
STOP_SECONDS: Final = 20.0
NOTICE_SECONDS: Final = 1.0
_OBJECTS_BETWEEN: Final = 10_000
"""So many objects come to be, less those that went, before Python looks for garbage among them."""
_POLL_SECONDS: Final = 1.0
_POLL_ALONE_SECONDS: Final = 5.0

log = logger(__name__)

Part = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Shutdown:
    """Whether the process is to end, and why."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    is_broken: bool = False
    notice_seconds: float = 0.0
    """How long readiness says no before anything else ends; nobody who presses Ctrl-C waits for a load balancer."""

    def watch_signals(self) -> None:
        """Let the first SIGTERM or SIGINT end the process in order, and the second one at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def watch_storage(self, app: Application) -> None:
        """End the process when the disk fails under a commit (B34)."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(self._on_broken)

        app.runtime.database.on_broken(tell)

    def _on_signal(self, number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        self.notice_seconds = NOTICE_SECONDS if number is signal.SIGTERM else 0.0
        self.stop.set()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    def _on_broken(self) -> None:
        if not self.is_broken:
            log.critical("the disk failed while storing; stopping")
        self.is_broken = True
        self.stop.set()


def parts_of(app: Application, role: str, listener: socket.socket | None, shutdown: Shutdown) -> list[Part]:
    """Return what a process of this role runs."""
    credentials = CredentialsWatch(app.services, app.runtime.database.subscribe)
    parts: list[Part] = [lambda: credentials.run(shutdown.stop)]
    lags: dict[str, Callable[[], float]] = {}
    if role in {"all", "web"} and listener is not None:
        settings = app.settings
        options = WebOptions(
            settings.public_url,
            settings.environment,
            settings.trusted_proxies,
            read_google_buttons(settings.google_button_dir),
        )
        application = create_app(app.services, options, app.clock)
        parts.append(lambda: serve_http(application, listener, shutdown.stop, lambda: shutdown.notice_seconds))
    if role in {"all", "worker"}:
        database = app.runtime.database
        poll = _POLL_ALONE_SECONDS if database.exclusive else _POLL_SECONDS
        worker = Worker(app.services, database.subscribe, poll)
        parts.append(lambda: worker.run(shutdown.stop))
        lags["worker"] = worker.lag_seconds
    if role in {"all", "scheduler"}:
        scheduler = Scheduler(app.services, app.clock)
        parts.append(lambda: scheduler.run(shutdown.stop))
        lags["scheduler"] = scheduler.lag_seconds
    if role in lags:
        file = heartbeat_file(app.settings.data_dir, role)
        parts.append(lambda: keep_beating(file, lags[role], shutdown.stop))
    return parts


async def run_together(parts: Sequence[Part], shutdown: Shutdown) -> None:
    """Run all parts until one of them ends or a signal comes, and let the others finish.

    Raises what a part failed with, and StorageUnavailable where the disk had failed.
    """
    tasks = [asyncio.create_task(part()) for part in parts]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    shutdown.stop.set()
    _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
    for task in late:
        log.error("a part did not end in time and is given up; nothing of it is lost")
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    if shutdown.is_broken:
        raise StorageUnavailable("The disk failed while storing. Check the disk, then start walletd again.")


def collect_seldom() -> None:
    """Let Python look for circles of garbage seldom, and never again among what lives as long as the process.

    Requests leave hardly any circles behind, but thousands of objects for a moment; by its own measure Python went
    through them, and through all modules, so often that it took an eighth of a booking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN, 20, 50)


def say(line: str) -> None:
    """Print a line for people at once, also where standard output is a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
