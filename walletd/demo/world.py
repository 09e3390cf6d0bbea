"""The outside world in one object: a push service, some phones, and the page that shows them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

import httpx
import uvicorn

from walletd.demo.apns.fake_apns import FakeApns, Push
from walletd.demo.apns.tls import DemoAuthority
from walletd.demo.clock import Clock, utc_now
from walletd.demo.google.android import VirtualAndroid
from walletd.demo.google.fake_google import FakeGoogle
from walletd.demo.iphone.iphone import Card, PhoneSettings, VirtualIPhone
from walletd.demo.page import PhonePage, phone_app

_APNS_CA_FILE: Final = "demo-apns-ca.pem"
_STOP_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What a demo world is made of. Ports of 0 take free ones."""

    directory: Path
    """Where the certificate authority of the push service is written, for walletd to trust."""
    client_ca_pem: bytes
    """What the certificates of walletd chain to when it connects to the push service."""
    trust_roots_pem: bytes
    """What the signatures of passes chain to."""
    phone_names: Sequence[str] = ("Anna", "Ben")
    android_names: Sequence[str] = ()
    """Phones with Google Wallet; with any of them the fake Google serves too."""
    host: str = "127.0.0.1"
    page_port: int = 0
    apns_port: int = 0
    google_port: int = 0
    clock: Clock = utc_now


class _PageServer(uvicorn.Server):
    """A server inside a process that has its own mind about signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when it is up."""
        await super().startup(sockets)
        self.is_up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process that runs the demo."""
        yield


@dataclass(slots=True)
class _Reached:
    """What the push service knows of a phone."""

    push_token: str
    is_online: bool


class DemoWorld:
    """Bundles the fake push service, the phones and their page."""

    def __init__(self, settings: WorldSettings) -> None:
        self.phones: list[VirtualIPhone] = []
        self.androids: list[VirtualAndroid] = []
        self.google = FakeGoogle(settings.clock)
        self._settings = settings
        authority = DemoAuthority(settings.clock())
        server = authority.server_certificate()
        self._authority = authority
        self.apns = FakeApns(
            server.certificate_pem,
            server.key_pem,
            settings.client_ca_pem,
            self._deliver,
            settings.clock,
        )
        self.apns.strict = True
        self._reached: dict[str, _Reached] = {}
        self._http: httpx.AsyncClient | None = None
        self._page: PhonePage | None = None
        self._servers: list[tuple[_PageServer, asyncio.Task[None], socket.socket]] = []
        self._page_port: int | None = None
        self._google_port: int | None = None

    @property
    def apns_url(self) -> str:
        """The address of the push service."""
        return self.apns.url

    @property
    def apns_ca_file(self) -> Path:
        """The certificate authority walletd must trust to talk to it; written by `start`."""
        return self._settings.directory / _APNS_CA_FILE

    @property
    def page_url(self) -> str:
        """The address of the page with the phones; raises RuntimeError before `start`."""
        if self._page_port is None:
            raise RuntimeError("the demo world is not started")
        return f"http://{self._settings.host}:{self._page_port}/"

    @property
    def google_url(self) -> str:
        """The address of the fake Google; raises RuntimeError before `start`."""
        if self._google_port is None:
            raise RuntimeError("the demo world is not started")
        return f"http://{self._settings.host}:{self._google_port}"

    async def start(self) -> None:
        """Start everything; afterwards the addresses are known. Raises OSError where a port is taken."""
        settings = self._settings
        await asyncio.to_thread(self._write_certificate)
        await self.apns.start(settings.host, settings.apns_port)
        self._http = httpx.AsyncClient(trust_env=False)
        phone_settings = PhoneSettings(settings.trust_roots_pem, settings.clock)
        for name in settings.phone_names:
            phone = VirtualIPhone(name, self._http, phone_settings)
            phone.listeners.append(self._keep_reachable)
            self._keep_reachable(phone)
            self.phones.append(phone)
        self._google_port = await self._serve(self.google, settings.google_port)
        self.androids = [
            VirtualAndroid(name, self.google, self._http, settings.clock) for name in settings.android_names
        ]
        beside = [phone for pair in zip_longest(self.phones, self.androids) for phone in pair if phone is not None]
        self._page = phone_app(beside)
        self._page_port = await self._serve(self._page, settings.page_port)

    async def add_card(self, phone: VirtualIPhone, url: str) -> Card:
        """Add the card behind an add link to a phone and wait until it is registered.

        Raises PassRefused, httpx.TransportError or TimeoutError.
        """
        card = await phone.add_from_url(url)
        await phone.until_idle()
        return card

    async def until_idle(self, timeout_seconds: float = 10.0) -> None:
        """Wait until no push is under way and no phone has anything left to do; raises TimeoutError."""
        await self.apns.until_idle()
        await asyncio.gather(*(phone.until_idle(timeout_seconds) for phone in self.phones))
        await asyncio.gather(*(phone.until_idle() for phone in self.androids))

    async def close(self) -> None:
        """Stop everything that was started."""
        if self._page is not None:
            self._page.close()
        for android in self.androids:
            await android.close()
        for server, serving, listener in self._servers:
            server.should_exit = True
            await serving
            listener.close()
        for phone in self.phones:
            await phone.close()
        await self.apns.close()
        if self._http is not None:
            await self._http.aclose()

    def _write_certificate(self) -> None:
        self._settings.directory.mkdir(parents=True, exist_ok=True)
        self.apns_ca_file.write_bytes(self._authority.certificate_pem)

    async def _serve(self, application: PhonePage | FakeGoogle, port: int) -> int:
        """Serve an application and return its port; raises OSError where the port is taken."""
        listener = socket.create_server((self._settings.host, port))
        config = uvicorn.Config(
            application,
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        server = _PageServer(config)
        serving = asyncio.get_running_loop().create_task(server.serve([listener]))
        self._servers.append((server, serving, listener))
        await server.is_up.wait()
        found: int = listener.getsockname()[1]
        return found

    def _deliver(self, push: Push) -> None:
        for phone in self.phones:
            if phone.push_token == push.token:
                phone.receive_push(push.topic)

    def _keep_reachable(self, phone: VirtualIPhone) -> None:
        """Tell the push service of a new token, and whether the phone has a network."""
        reached = self._reached.get(phone.device_library_identifier)
        if reached is None:
            reached = _Reached(phone.push_token, is_online=True)
            self._reached[phone.device_library_identifier] = reached
            self.apns.know(phone.push_token)
        if reached.push_token != phone.push_token:
            self.apns.unregister(reached.push_token)
            self.apns.know(phone.push_token)
            reached.push_token = phone.push_token
        if reached.is_online != phone.is_online:
            reached.is_online = phone.is_online
            if phone.is_online:
                self.apns.come_online(phone.push_token)
            else:
                self.apns.go_offline(phone.push_token)
