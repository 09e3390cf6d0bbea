"""The HTTP server: uvicorn on a socket of our own, and an end at which every accepted request is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from walletd.domain.errors import ConfigurationRefused

BACKLOG: Final = 2048
LAST_ANSWERS_SECONDS: Final = 15
_ACCEPT_ROUNDS: Final = 1000
_ACCEPTED_SECONDS: Final = 0.5
"""How long a connection that was accepted at the last moment has for its request to arrive."""
_NOT_READY: Final = json.dumps({"ready": False, "error": "stopping"}).encode()


class Stopping:
    """The application until the end: once stopping, not ready any more, and each answer ends its connection."""

    def __init__(self, application: Any) -> None:
        self.is_stopping = False
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one ASGI connection."""
        if not self.is_stopping or scope["type"] != "http":
            await self._application(scope, receive, send)
        elif scope["path"] == "/readyz":
            headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": _NOT_READY})
        else:
            await self._application(scope, receive, _closing(send))


class _Server(uvicorn.Server):
    """uvicorn, whose signals are ours: what stops the process stops more than the web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address; raises ConfigurationRefused where it is taken or not ours."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationRefused(
            f"Cannot listen on {host} port {port} ({reason}); stop what listens there, or choose another with --port."
        ) from error


def server_config(application: Any) -> uvicorn.Config:
    """Return how uvicorn runs: uvloop and httptools where they exist, quiet, and with its headers left to us."""
    return uvicorn.Config(
        application,
        loop="auto",
        http="auto",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
    )


async def serve_http(
    application: Any, listener: socket.socket, stop: asyncio.Event, notice_seconds: Callable[[], float]
) -> None:
    """Serve until `stop` is set; then say »not ready« for a notice, take nothing new, and answer the rest.

    The connections that are open learn by `Connection: close` that they end, so no request is sent into a closing one.
    """
    edge = Stopping(application)
    server = _Server(server_config(edge))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            edge.is_stopping = True
            await asyncio.sleep(notice_seconds())
            await _accept_waiting(listener)
            for listening in server.servers:
                listening.close()
            await asyncio.sleep(_ACCEPTED_SECONDS)
            server.should_exit = True
        await running
    finally:
        stopping.cancel()


async def _accept_waiting(listener: socket.socket) -> None:
    """Let the loop take what waits to be accepted: the kernel resets whatever it still holds when a listener closes."""
    listener.listen(0)  # from now on newcomers wait outside, and soon find the door closed
    for _ in range(_ACCEPT_ROUNDS):
        if not select.select([listener], [], [], 0)[0]:
            return
        await asyncio.sleep(0)


def _closing(send: Any) -> Any:
    async def send_closing(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return send_closing
