"""Short stand-ins for the services, for tests of the web floor alone: what they answer is set by the test.

They keep state where a protocol has to be walked through, and raise what a test tells them to; they record no calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from walletd.domain.errors import LinkExpired, LinkInvalid, PushTokenInvalid, Unauthenticated, WalletdError
from walletd.domain.merchants.principals import GRANTS, Principal, PrincipalKind, rights_of
from walletd.services import Services
from walletd.services.delivery.links import LinkView
from walletd.services.delivery.passes import PassFile

PASS_TYPE = "pass.example.loyalty"
SERIAL = "abcdefghijklmnopqrstuvwxyz"
TOKEN = "0123456789abcdef0123456789abcdef"
AUTHORIZATION = f"ApplePass {TOKEN}"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PUSH_TOKEN = "a1" * 32


def a_pass_file(version: int = 1) -> PassFile:
    """A pass of some version; later versions have later dates."""
    return PassFile(
        content=b"PK" + bytes([version]) * 100,
        last_modified=f"Mon, 23 Nov 2026 09:30:{version:02} GMT",
        content_hash=f"version-{version}",
        filename="loyalty.pkpass",
        serial_number=SERIAL,
        sequence=version,
        expected=True,
    )


@dataclass
class FakePasses:
    """One pass of one version."""

    version: int = 1
    fault: Exception | None = None
    delivered_versions: list[int] = field(default_factory=list)

    def unchanged(self, pass_type: str, serial: str, authorization: str, since: str | None) -> bool:
        """Say so for the one pass, its token and its date."""
        known = (pass_type, serial, authorization) == (PASS_TYPE, SERIAL, AUTHORIZATION)
        return known and self.fault is None and since == a_pass_file(self.version).last_modified

    async def fetch(self, pass_type: str, serial: str, authorization: str | None, since: str | None) -> PassFile | None:
        """Return the pass, None where it is not newer than the date."""
        if self.fault is not None:
            raise self.fault
        if (pass_type, serial, authorization) != (PASS_TYPE, SERIAL, AUTHORIZATION):
            raise Unauthenticated
        file = a_pass_file(self.version)
        return None if since == file.last_modified else file

    async def delivered(self, file: PassFile) -> None:
        """Remember which version went out."""
        self.delivered_versions.append(file.sequence)

    async def by_link(self, token: str) -> PassFile:
        """Return the pass of the one link."""
        if self.fault is not None:
            raise self.fault
        await FakeLinks().open(token)
        return a_pass_file(self.version)

    async def of_card(self, _principal: Principal, _serial: str) -> PassFile:
        """Return the pass."""
        return a_pass_file(self.version)


@dataclass
class FakeDevices:
    """Registrations and log lines, kept."""

    push_tokens: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    tags: list[str | None] = field(default_factory=list)
    fault: Exception | None = None

    async def register(self, pass_type: str, serial: str, device: str, authorization: str, push_token: object) -> bool:
        """Remember the device."""
        if self.fault is not None:
            raise self.fault
        if (pass_type, serial, authorization) != (PASS_TYPE, SERIAL, AUTHORIZATION):
            raise Unauthenticated
        if not isinstance(push_token, str) or len(push_token) != 64:
            raise PushTokenInvalid
        is_new = device not in self.push_tokens
        self.push_tokens[device] = push_token
        return is_new

    async def unregister(self, pass_type: str, serial: str, device: str, authorization: str) -> None:
        """Forget the device."""
        if (pass_type, serial, authorization) != (PASS_TYPE, SERIAL, AUTHORIZATION):
            raise Unauthenticated
        self.push_tokens.pop(device, None)

    async def changed(self, _pass_type: str, device: str, tag: str | None) -> tuple[list[str], str] | None:
        """Name the one pass to a registered device that does not hold tag 7."""
        if self.fault is not None:
            raise self.fault
        self.tags.append(tag)
        return ([SERIAL], "7") if device in self.push_tokens and tag != "7" else None

    async def log(self, lines: Sequence[str]) -> None:
        """Keep the lines."""
        if self.fault is not None:
            raise self.fault
        self.lines.extend(lines)


@dataclass
class FakeLinks:
    """One good link, one that is too old, and nothing else."""

    installable_apple: bool = True
    program_name: str = "Bonuskarte"
    background: str = "rgb(110, 52, 24)"
    fault: Exception | None = None

    async def open(self, token: str) -> LinkView:
        """Open the link `good`; `old` has expired."""
        if self.fault is not None:
            raise self.fault
        if token == "old":
            raise LinkExpired
        if token != "good":
            raise LinkInvalid
        return LinkView(
            serial_number=SERIAL,
            program_name=self.program_name,
            merchant_name="Café Morgenrot",
            kind="loyalty",
            colors={"background": self.background, "foreground": "rgb(255, 255, 255)"},
            installable_apple=self.installable_apple,
        )

    def qr_svg(self, token: str) -> bytes:
        """Return some SVG for the link."""
        if token != "good":
            raise LinkInvalid
        return b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@dataclass
class FakeApiKeys:
    """Keys whose text lists their scopes and rights: `key:cards:read,ledger:write`."""

    async def authenticate(self, presented: str) -> Principal:
        """Return the principal of a key."""
        prefix, _, scopes = presented.partition(":")
        if prefix != "key" or not set(scopes.split(",")) <= set(GRANTS):
            raise Unauthenticated
        return Principal("mer_1", PrincipalKind.API_KEY, "key_1", "till", rights_of(scopes.split(",")))


@dataclass
class FakeHealth:
    """Ready or not."""

    is_ready: bool = True
    fault: Exception | None = None

    async def ready(self) -> dict[str, object]:
        """Return the checks."""
        if self.fault is not None:
            raise self.fault
        return {"ready": self.is_ready, "database": self.is_ready}


class Refusing:
    """A service whose every method raises the same error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _name: str) -> object:
        async def refuse(*_arguments: object, **_named: object) -> object:
            raise self._error

        return refuse


@dataclass
class FakeServices:
    """The bundle that the web floor receives."""

    passes: FakePasses = field(default_factory=FakePasses)
    devices: FakeDevices = field(default_factory=FakeDevices)
    links: FakeLinks = field(default_factory=FakeLinks)
    api_keys: FakeApiKeys = field(default_factory=FakeApiKeys)
    health: FakeHealth = field(default_factory=FakeHealth)
    programs: object = field(default_factory=SimpleNamespace)
    customers: object = field(default_factory=SimpleNamespace)
    cards: object = field(default_factory=SimpleNamespace)
    ledger: object = field(default_factory=SimpleNamespace)
    accounts: object = field(default_factory=SimpleNamespace)
    checkpoints: object = field(default_factory=SimpleNamespace)
    reports: object = field(default_factory=SimpleNamespace)
    statements: object = field(default_factory=SimpleNamespace)
    webhooks: object = field(default_factory=SimpleNamespace)
    deliveries: object = field(default_factory=SimpleNamespace)
    imports: object = field(default_factory=SimpleNamespace)
    exports: object = field(default_factory=SimpleNamespace)

    def bundle(self) -> Services:
        """Return the same as the application takes it."""
        return cast("Services", self)

    def refuse_everything(self, error: WalletdError | Exception) -> None:
        """Have every service of the API raise the error."""
        books = ("ledger", "accounts", "checkpoints", "reports", "statements")
        for name in ("programs", "customers", "cards", *books, "webhooks", "deliveries", "imports", "exports"):
            setattr(self, name, Refusing(error))
