"""A client for load over HTTP/1.1: several kept-alive connections in one plain epoll loop.

It does as little per answer as Python can, because a slower client would flatter the server: two system calls and a
search for the end of the headers.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_MODIFIED = re.compile(rb"\r\nlast-modified: *([^\r]+)", re.IGNORECASE)
_RECEIVED_AT_ONCE = 1 << 18
_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Load:
    """What a run of requests gave."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """How many requests were answered."""
        return self.statuses.total()

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds if self.seconds else 0.0


class Connection:
    """One kept-alive connection with at most one request under way."""

    __slots__ = ("left", "sent_at", "socket", "status")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(_PATIENCE_SECONDS)
        self.left = 0
        self.status = 0
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        """Send one request."""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def take(self, buffer: bytearray) -> int | None:
        """Read what has arrived; return the status once the answer is whole. Raises ConnectionError."""
        count = self.socket.recv_into(buffer)
        if count == 0:
            raise ConnectionError("the server closed a connection")
        if self.left:
            self.left -= count
            return self.status if self.left == 0 else None
        end = buffer.find(b"\r\n\r\n", 0, count)
        if end < 0:
            raise ConnectionError("the headers of an answer came in pieces")
        self.status = int(buffer[9:12])
        length = _LENGTH.search(buffer, 0, end)
        self.left = (int(length[1]) if length else 0) - (count - end - 4)
        return self.status if self.left == 0 else None


def run(port: int, requests: Sequence[bytes], *, connections: int, count: int) -> Load:
    """Send `count` requests, cycling through the given ones, and wait for all answers; raises TimeoutError."""
    load, buffer = Load(), bytearray(_RECEIVED_AT_ONCE)
    with select.epoll() as poll:
        open_ones = {each.socket.fileno(): each for each in (Connection(port) for _ in range(min(connections, count)))}
        for number in open_ones:
            poll.register(number, select.EPOLLIN)
        start = time.perf_counter()
        for sent, connection in enumerate(open_ones.values()):
            connection.send(requests[sent % len(requests)])
        _keep_busy(poll, open_ones, (requests, count), load, buffer)
        load.seconds = time.perf_counter() - start
    for connection in open_ones.values():
        connection.socket.close()
    return load


def _keep_busy(
    poll: select.epoll,
    open_ones: Mapping[int, Connection],
    wanted: tuple[Sequence[bytes], int],
    load: Load,
    buffer: bytearray,
) -> None:
    requests, count = wanted
    sent, left, length = len(open_ones), count, len(requests)
    statuses, latencies = load.statuses, load.latencies
    while left:
        ready = poll.poll(_PATIENCE_SECONDS)
        if not ready:
            raise TimeoutError(f"{left} requests were not answered")
        for number, _ in ready:
            connection = open_ones[number]
            status = connection.take(buffer)
            if status is None:
                continue
            left -= 1
            statuses[status] += 1
            latencies.append(time.perf_counter() - connection.sent_at)
            if sent < count:
                connection.send(requests[sent % length])
                sent += 1


def get(path: str, **headers: str) -> bytes:
    """Return the bytes of a GET; header names are written with underscores."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path: str, body: bytes, **headers: str) -> bytes:
    """Return the bytes of a POST of JSON; header names are written with underscores."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(connection: Connection, request: bytes) -> tuple[int, bytes]:
    """Send one request and return status and body of its answer."""
    connection.send(request)
    buffer, received = bytearray(_RECEIVED_AT_ONCE), bytearray()
    while True:
        before = connection.left
        status = connection.take(buffer)
        # The first piece is headers and the beginning of the body; each further one shortens what is missing.
        if before:
            received += buffer[: before - connection.left]
        else:
            end = buffer.index(b"\r\n\r\n") + 4
            length = _LENGTH.search(buffer, 0, end)
            received += buffer[end : end + (int(length[1]) if length else 0) - connection.left]
        if status is not None:
            return status, bytes(received)


def last_modified(port: int, request: bytes) -> str:
    """Return the Last-Modified header of an answer; raises AssertionError where it has none."""
    connection, buffer = Connection(port), bytearray(_RECEIVED_AT_ONCE)
    connection.send(request)
    status = connection.take(buffer)
    found = _LAST_MODIFIED.search(buffer)
    while status is None:
        status = connection.take(bytearray(_RECEIVED_AT_ONCE))
    connection.socket.close()
    assert found is not None, bytes(buffer[:200])
    return found[1].decode()
