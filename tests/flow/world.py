"""A whole world in one process: walletd over real HTTP with its worker, a push service, and phones."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding

from tests.builders import TEMPLATES, demo_credentials, templates
from walletd.bootstrap import build_runtime
from walletd.db.engine.database import Database
from walletd.demo.apns.fake_apns import FakeApns, Push
from walletd.demo.apns.tls import DemoAuthority
from walletd.demo.iphone.iphone import PhoneSettings, VirtualIPhone
from walletd.domain.merchants.principals import SCOPES
from walletd.services import Services, build_services
from walletd.services.merchants.merchants import NewMerchant, shell
from walletd.services.runtime import Runtime
from walletd.settings import Settings
from walletd.web.app import WebOptions, create_app
from walletd.worker import Worker


class ShiftedClock:
    """The real time, moved on by what a test wants to skip."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def __call__(self) -> datetime:
        """Return the shifted present."""
        return datetime.now(UTC) + self.shift


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the test run."""
        yield


@dataclass(slots=True)
class World:
    """What a test of the whole flow holds in its hands."""

    url: str
    services: Services
    runtime: Runtime
    api_key: str
    clock: ShiftedClock
    apns: FakeApns
    till: httpx.AsyncClient
    phone_settings: PhoneSettings
    phones: list[VirtualIPhone] = field(default_factory=list)

    def phone(self, name: str) -> VirtualIPhone:
        """Switch a new phone on that pushes reach."""
        phone = VirtualIPhone(name, self.till, self.phone_settings)
        self.apns.know(phone.push_token)
        self.phones.append(phone)
        return phone

    async def arrive(self, push: Push) -> None:
        """Bring a push to its phone."""
        for phone in self.phones:
            if phone.push_token == push.token:
                phone.receive_push(push.topic)

    async def post(self, path: str, body: dict[str, object], key: str | None = None) -> httpx.Response:
        """Call the API as a till does: where an idle connection ended as it was used, again with the same key."""
        headers = {"authorization": f"Bearer {self.api_key}"} | ({"idempotency-key": key} if key else {})
        url = f"{self.url}/api/v1{path}"
        try:
            return await self.till.post(url, json=body, headers=headers)
        except (httpx.ReadError, httpx.RemoteProtocolError):
            if key is None:
                raise
            return await self.till.post(url, json=body, headers=headers)

    async def until_idle(self) -> None:
        """Let phones and server come to rest: nothing dirty, nothing due now, no phone at work."""
        for _ in range(500):
            await asyncio.gather(*(phone.until_idle(60) for phone in self.phones))
            ready = await self.services.health.ready()
            if not ready["dirty_cards"] and not ready["due_targets"]:
                return
            await asyncio.sleep(0.02)
        raise TimeoutError("the world did not come to rest")


@asynccontextmanager
async def open_world(database: Database, directory: Path) -> AsyncIterator[World]:
    """Give a running world on a started, migrated database."""
    clock = ShiftedClock()
    chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in demo_credentials().chain)
    worlds: list[World] = []

    async def arrive(push: Push) -> None:
        await worlds[0].arrive(push)

    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with _push_service(directory, chain, arrive, clock) as (apns, ca_file):
        settings = Settings(
            environment="demo",
            database_url="sqlite:///unused",
            public_url=url,
            master_key="42" * 32,
            templates_dir=TEMPLATES,
            apns_url=apns.url,
            apns_ca_file=ca_file,
        )
        runtime, apple, _ = build_runtime(settings, database, templates(), clock)
        services = build_services(runtime)
        api_key = await _open_merchant(services)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as till,
            _running(services, database, url, listening),
        ):
            phone_settings = PhoneSettings(chain, clock, (0.1, 0.5, 2.0))
            world = World(url, services, runtime, api_key, clock, apns, till, phone_settings)
            worlds.append(world)
            yield world
            for phone in world.phones:
                await phone.close()
        await apple.close()


@asynccontextmanager
async def _push_service(
    directory: Path, client_ca: bytes, arrive: Callable[[Push], Awaitable[None]], clock: ShiftedClock
) -> AsyncIterator[tuple[FakeApns, Path]]:
    authority = DemoAuthority(datetime.now(UTC))
    server = authority.server_certificate()
    apns = FakeApns(server.certificate_pem, server.key_pem, client_ca, arrive, clock)
    apns.strict = True
    await apns.start()
    ca_file = directory / "apns-ca.pem"
    ca_file.write_bytes(authority.certificate_pem)
    yield apns, ca_file
    await apns.close()


async def _open_merchant(services: Services) -> str:
    credentials = demo_credentials()
    merchant = await services.merchants.create(NewMerchant("Café Morgenrot"))
    await services.merchants.set_credentials(
        merchant.id, "apple", credentials.pass_type_identifier, credentials.to_bytes(), credentials.not_valid_after
    )
    return (await services.api_keys.create(shell(merchant.id), "till", tuple(SCOPES)))[1]


@asynccontextmanager
async def _running(services: Services, database: Database, url: str, listening: socket.socket) -> AsyncIterator[None]:
    app = create_app(services, WebOptions(url, "demo"), ShiftedClock())
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False))
    stop = asyncio.Event()
    serving = asyncio.create_task(server.serve([listening]))
    working = asyncio.create_task(Worker(services, database.subscribe, 1.0).run(stop))
    try:
        yield
    finally:
        stop.set()
        server.should_exit = True
        await asyncio.gather(working, serving)
