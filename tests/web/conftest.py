"""The application over stand-ins for the services, and a client that talks to it in this process."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
import pytest_asyncio
import structlog

from tests.fakes import NOW, FakeServices
from walletd import telemetry
from walletd.web.app import create_app
from walletd.web.edge import Edge

PUBLIC_URL = "https://cards.example"


def an_application(
    services: FakeServices,
    *,
    trusted_proxies: tuple[str, ...] = (),
    environment: str = "production",
    public_url: str = PUBLIC_URL,
) -> Edge:
    """The application as bootstrap makes it, with a clock that stands still."""
    return create_app(
        services.bundle(),
        public_url=public_url,
        environment=environment,
        trusted_proxies=trusted_proxies,
        clock=lambda: NOW,
    )


def a_client(application: Edge, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """A client at some address; faults of the application become answers, as they do behind a server."""
    transport = httpx.ASGITransport(application, raise_app_exceptions=False, client=(address, 50_000))  # type: ignore[arg-type]  # httpx types ASGI's dictionaries more loosely
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL)


@pytest.fixture
def services() -> FakeServices:
    """Stand-ins whose answers a test can set."""
    return FakeServices()


@pytest_asyncio.fixture
async def client(services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application over the stand-ins."""
    async with a_client(an_application(services)) as connected:
        yield connected


@pytest.fixture
def key() -> Callable[..., dict[str, str]]:
    """Make the header of an API key with some scopes."""
    return lambda *scopes: {"authorization": f"Bearer key:{','.join(scopes or ('admin',))}"}


@pytest.fixture
def log_lines_written(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Log as production does, and return what was written; everything is as before afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    telemetry.set_up_logging("json")
    yield lambda: capsys.readouterr().err
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
