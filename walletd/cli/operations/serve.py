"""`walletd serve`: one process with everything, or one role of an installation over PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import click

from walletd.bootstrap import application, prepare_database
from walletd.cli.exits import REFUSED
from walletd.cli.operations.logs import start_logging
from walletd.cli.operations.process import ROLES, STOP_SECONDS, Shutdown, collect_seldom, parts_of, run_together
from walletd.cli.operations.serving_lock import serving_lock
from walletd.cli.operations.web import bind, server_config
from walletd.domain.errors import ConfigurationRefused
from walletd.settings import Settings, from_process
from walletd.telemetry import logger

_RESTART_PAUSE_SECONDS: Final = 1.0

log = logger(__name__)


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--role", type=click.Choice(ROLES), default="all", show_default=True, help="What this process does.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that share the port, with --role web.")
@click.option("--listen-fd", type=int, hidden=True)
def serve(host: str | None, port: int | None, role: str, workers: int | None, listen_fd: int | None) -> None:
    """Start walletd: the API, the wallets' web service, the worker and the scheduler."""
    settings = from_process({"host": host, "port": port, "workers": workers})
    start_logging(settings)
    if settings.workers > 1 and role != "web":
        raise ConfigurationRefused("Several --workers share one port only with --role web.")
    with serving_lock(settings):
        if listen_fd is None:
            prepare_database(settings)
        with _listener(settings, role, listen_fd) as listener:
            if listener is not None and settings.workers > 1 and listen_fd is None:
                sys.exit(_supervise(settings, listener))
            with asyncio.Runner(loop_factory=server_config(None).get_loop_factory()) as runner:
                runner.run(_serve(settings, role, listener))


async def _serve(settings: Settings, role: str, listener: socket.socket | None) -> None:
    shutdown = Shutdown()
    shutdown.watch_signals()
    async with application(settings, role=role) as app:
        shutdown.watch_storage(app)
        facts = {"role": role, "database": app.runtime.database.engine(), "environment": settings.environment}
        if listener is not None:
            host, port, *_ = listener.getsockname()
            facts |= {"url": settings.public_url, "listening": f"{host}:{port}"}
        collect_seldom()
        log.info("walletd is ready", **facts)
        if not await app.services.merchants.list():
            log.warning("there is no shop here yet; run: walletd init")
        await run_together(parts_of(app, role, listener, shutdown), shutdown)
    log.info("stopped")


def _listener(settings: Settings, role: str, listen_fd: int | None) -> AbstractContextManager[socket.socket | None]:
    if role not in {"all", "web"}:
        return nullcontext()
    return bind(settings.host, settings.port) if listen_fd is None else socket.socket(fileno=listen_fd)


def _supervise(settings: Settings, listener: socket.socket) -> int:
    """Keep so many web processes on one socket; one that ends is replaced. Returns the exit code.

    All share one queue of connections, so that the end of one process resets none that another could accept.
    """
    is_stopping = False
    processes: list[subprocess.Popen[bytes]] = []

    def stop(number: int, _frame: object) -> None:
        nonlocal is_stopping
        is_stopping = True
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not is_stopping:
        if REFUSED in {process.poll() for process in processes}:
            stop(signal.SIGTERM, None)
            break
        processes = [process for process in processes if process.poll() is None]
        while len(processes) < settings.workers:
            processes.append(_start(settings, listener))
        time.sleep(_RESTART_PAUSE_SECONDS)
    ends_at = time.monotonic() + STOP_SECONDS + _RESTART_PAUSE_SECONDS
    codes = [_wait(process, ends_at - time.monotonic()) for process in processes]
    return max(codes, default=0)


def _start(settings: Settings, listener: socket.socket) -> subprocess.Popen[bytes]:
    descriptor = str(listener.fileno())
    address = ["--host", settings.host, "--port", str(settings.port)]
    command = [sys.executable, "-m", "walletd.cli", "serve", "--role", "web", *address, "--listen-fd", descriptor]
    # Own group: Ctrl-C at the terminal reaches the processes through us alone, and so only once.
    return subprocess.Popen(command, pass_fds=[listener.fileno()], process_group=0)  # noqa: S603 - ourselves


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    try:
        return abs(process.wait(max(seconds, 0.1)))
    except subprocess.TimeoutExpired:
        process.kill()
        return 1
