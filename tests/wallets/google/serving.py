"""A fake Google that serves on this machine, with a service account that may write for an issuer."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from walletd.demo.google.fake_google import FakeGoogle

ISSUER = "3388000000012345678"
EMAIL = "walletd@shop.iam.gserviceaccount.example"


@cache
def key_pair() -> tuple[str, str]:
    """A private and a public key as PEM, made once."""
    key = generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


@dataclass(slots=True)
class Served:
    """A fake Google and where it is."""

    google: FakeGoogle
    url: str

    @property
    def account(self) -> dict[str, Any]:
        """The service account as its key file says it."""
        return {
            "type": "service_account",
            "project_id": "shop",
            "private_key_id": "1234567890abcdef",
            "private_key": key_pair()[0],
            "client_email": EMAIL,
            "client_id": "100000000000000000001",
            "token_uri": f"{self.url}/token",
        }

    @property
    def key_file(self) -> bytes:
        """The key file itself."""
        return json.dumps(self.account).encode()


@asynccontextmanager
async def a_fake_google(google: FakeGoogle | None = None) -> AsyncIterator[Served]:
    """Serve a fake Google that knows our service account as a user of our issuer."""
    google = google or FakeGoogle()
    google.accounts.register(EMAIL, key_pair()[1])
    google.permit(ISSUER, EMAIL)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        server = _Server(uvicorn.Config(google, lifespan="off", log_level="critical", ws="none"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.is_up.wait()
        try:
            yield Served(google, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """A server inside of a test, which has its own mind about signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when it is up."""
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the test runner."""
        yield
