"""Servers to measure, each a process of its own on the first core: walletd as it is served, and a raw ASGI application.

`python -m bench.servers raw PORT` runs the raw application on the same uvicorn, set up by walletd's own function.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn

from bench.rates import stay_on_core
from walletd.cli.operations.web import server_config

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_ROOT: Final = Path(__file__).parent.parent
_SERVE: Final = [sys.executable, "-m", "walletd.cli", "serve"]
_RAW: Final = [sys.executable, "-m", "bench.servers"]
_HEADERS: Final = [(b"cache-control", b"private, no-store"), (b"x-content-type-options", b"nosniff")]


@dataclass(slots=True)
class Server:
    """A process that serves on a port of loopback."""

    process: subprocess.Popen[bytes]
    port: int
    started_in_seconds: float
    """From the start of the process to the first readiness."""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it and wait; by SIGKILL where it does not go."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def walletd(settings: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Serve walletd with these settings (environment names) until the end of the block."""
    server = start_walletd(settings, log)
    try:
        yield server
    finally:
        server.stop()


def start_walletd(settings: Mapping[str, str], log: Path, port: int | None = None) -> Server:
    """Start `walletd serve` and wait until it is ready; raises RuntimeError with the end of its log."""
    port = port or free_port()
    address = {"WALLETD_PORT": str(port), "WALLETD_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    return _start(_SERVE, {**settings, **address}, log, port)


@contextmanager
def raw(log: Path) -> Iterator[Server]:
    """Serve the raw ASGI application until the end of the block."""
    port = free_port()
    server = _start([*_RAW, str(port)], {}, log, port)
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(command: list[str], settings: Mapping[str, str], log: Path, port: int) -> Server:
    started = time.perf_counter()
    own = {name: value for name, value in os.environ.items() if not name.startswith("WALLETD_")}
    with log.open("ab") as output:
        process = subprocess.Popen(command, env={**own, **settings}, stdout=output, stderr=output, cwd=_ROOT)
    # Threads come later and inherit it.
    stay_on_core(0, process.pid)
    ends = started + _START_SECONDS
    while not _is_ready(port):
        if process.poll() is not None or time.perf_counter() > ends:
            process.kill()
            raise RuntimeError(f"{' '.join(command[1:])} did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.005)
    return Server(process, port, time.perf_counter() - started)


def _is_ready(port: int) -> bool:
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as probe:
            probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return probe.recv(64).startswith((b"HTTP/1.1 200", b"HTTP/1.1 304"))
    except OSError:
        return False


async def _raw_application(scope: Any, _receive: Any, send: Any) -> None:
    """Answer every request with 304 and the headers that walletd sends, and do nothing else."""
    if scope["type"] == "lifespan":
        return
    await send({"type": "http.response.start", "status": 304, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _serve_raw(port: int) -> None:
    config = server_config(_raw_application)
    config.lifespan = "off"
    uvicorn.Server(config).run([socket.create_server(("127.0.0.1", port), backlog=2048)])


if __name__ == "__main__":
    _serve_raw(int(sys.argv[-1]))
