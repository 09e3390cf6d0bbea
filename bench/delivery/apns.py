"""Fake APNs in a process of its own, which says when each push reached it: all processes share one monotonic clock."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from walletd.demo.apns.fake_apns import FakeApns, Push
from walletd.demo.apns.tls import DemoAuthority
from walletd.demo.clock import utc_now
from walletd.wallets.apple.credentials import PassCredentials

_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ApnsProcess:
    """Where it listens, whom to trust, and the pipe through which `(token, monotonic nanoseconds)` come."""

    url: str
    ca_file: Path
    arrivals: Connection

    async def arrival_of(self, token: str) -> int:
        """Return when the next push for a token came; others before it are dropped."""
        loop = asyncio.get_running_loop()
        while True:
            found = asyncio.Event()
            loop.add_reader(self.arrivals.fileno(), found.set)
            try:
                while not self.arrivals.poll():
                    found.clear()
                    await found.wait()
            finally:
                loop.remove_reader(self.arrivals.fileno())
            told, moment = self.arrivals.recv()
            if told == token:
                return int(moment)


@contextmanager
def fake_apns(place: Path, credentials: PassCredentials) -> Iterator[ApnsProcess]:
    """Run a fake APNs that takes pushes with these credentials until the end of the block."""
    authority = DemoAuthority(utc_now())
    server = authority.server_certificate()
    ca_file = place / "apns-ca.pem"
    ca_file.write_bytes(authority.certificate_pem)
    issuers = b"".join(each.public_bytes(Encoding.PEM) for each in credentials.chain)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, server.certificate_pem, server.key_pem, issuers), daemon=True
    )
    process.start()
    try:
        yield ApnsProcess(str(ours.recv()), ca_file, ours)
    finally:
        ours.close()
        process.join(_STOP_SECONDS)
        process.kill()


def _serve(pipe: Connection, certificate_pem: bytes, key_pem: bytes, issuers_pem: bytes) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_listen(pipe, certificate_pem, key_pem, issuers_pem))


async def _listen(pipe: Connection, certificate_pem: bytes, key_pem: bytes, issuers_pem: bytes) -> None:
    def tell(push: Push) -> None:
        pipe.send((push.token, time.monotonic_ns()))

    service, over = FakeApns(certificate_pem, key_pem, issuers_pem, tell), asyncio.Event()
    await service.start()
    pipe.send(service.url)
    # Nothing is ever sent to this side, so what can be read is the end of the pipe.
    asyncio.get_running_loop().add_reader(pipe.fileno(), over.set)
    await over.wait()
    await service.close()
