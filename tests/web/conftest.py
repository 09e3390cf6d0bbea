"""The application over stand-ins for the services, and over the real ones; clients that talk to it in this process."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
import structlog

from tests.builders import Shop, open_shop
from tests.fakes import NOW, FakeServices
from walletd import telemetry
from walletd.db.engine.database import Database
from walletd.web.app import WebOptions, create_routes, serve_by
from walletd.web.guard import Edge

PUBLIC_URL = "https://cards.example"
SHOP_URL = "https://shop.test"

# Made once per process; each test has services of its own behind them.
routes_at = functools.cache(create_routes)


def an_application(
    services: FakeServices,
    *,
    trusted_proxies: tuple[str, ...] = (),
    environment: str = "production",
    public_url: str = PUBLIC_URL,
) -> Edge:
    """The application as bootstrap makes it, with a clock that stands still."""
    options = WebOptions(public_url, environment, trusted_proxies)
    return serve_by(routes_at(public_url), services.bundle(), options, lambda: NOW)


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


@dataclass(slots=True)
class Till:
    """A client of the real services of a shop, with the keys of two merchants."""

    shop: Shop
    client: httpx.AsyncClient
    headers: dict[str, str]
    stranger: dict[str, str]

    async def book(self, card: str, key: str, **fields: object) -> httpx.Response:
        """Post a transaction under an idempotency key."""
        headers = self.headers | {"idempotency-key": key}
        return await self.client.post("/api/v1/transactions", headers=headers, json={"card": card} | fields)

    async def post(self, path: str, key: str | None, body: object | None) -> httpx.Response:
        """Post to a route of the API, with or without an idempotency key and a body."""
        headers = self.headers | ({} if key is None else {"idempotency-key": key})
        if body is None:
            return await self.client.post(f"/api/v1{path}", headers=headers)
        return await self.client.post(f"/api/v1{path}", headers=headers, json=body)


@pytest_asyncio.fixture
async def till(database: Database) -> AsyncIterator[Till]:
    """A till over the real services, once on each engine."""
    async with open_shop(database) as shop:
        application = serve_by(routes_at(SHOP_URL), shop.services, WebOptions(SHOP_URL, "demo"), shop.clock)
        stranger = await shop.stranger()
        keys = [(await shop.services.api_keys.create(by, "till", ("admin",)))[1] for by in (shop.principal, stranger)]
        mine, theirs = ({"authorization": f"Bearer {key}"} for key in keys)
        async with a_client(application) as connected:
            yield Till(shop, connected, mine, theirs)


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
