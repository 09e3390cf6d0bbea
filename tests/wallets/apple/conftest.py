"""What the tests of Apple Wallet share: an instant, demo credentials made once, and a push service to push to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.wallets.apple.pushing import fake_apns, utc_now
from walletd.demo.apns.fake_apns import FakeApns
from walletd.demo.apns.tls import DemoAuthority
from walletd.wallets.apple.certificates import PassCredentials, make_demo_credentials
from walletd.wallets.apple.push import ApnsServer, PushClient


@pytest.fixture(scope="session")
def now() -> datetime:
    """The instant at which these tests take place."""
    return datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def credentials(now: datetime) -> PassCredentials:
    """Demo credentials that are valid for a year."""
    return make_demo_credentials(now)


@pytest.fixture(scope="session")
def fresh() -> PassCredentials:
    """Credentials that are valid by the real clock, which TLS goes by."""
    return make_demo_credentials(utc_now())


@pytest.fixture(scope="session")
def authority() -> DemoAuthority:
    """The authority of the fake service's own certificate."""
    return DemoAuthority(utc_now())


@pytest.fixture
def server_ca(authority: DemoAuthority, tmp_path: Path) -> Path:
    """Its certificate as a file, as settings name it."""
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.certificate_pem)
    return file


@pytest_asyncio.fixture
async def apns(authority: DemoAuthority, fresh: PassCredentials) -> AsyncIterator[FakeApns]:
    """A running fake push service that trusts our credentials."""
    fake = fake_apns(authority, fresh)
    await fake.start()
    yield fake
    await fake.close()


@pytest_asyncio.fixture
async def client(apns: FakeApns, fresh: PassCredentials, server_ca: Path) -> AsyncIterator[PushClient]:
    """A client so patient that a slow machine alone never makes it give up on a request."""
    opened = PushClient(fresh, ApnsServer.from_url(apns.url, server_ca), utc_now, request_seconds=60.0)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def hasty_client(apns: FakeApns, fresh: PassCredentials, server_ca: Path) -> AsyncIterator[PushClient]:
    """A client that gives up on a request after a second: for answers that never come."""
    opened = PushClient(fresh, ApnsServer.from_url(apns.url, server_ca), utc_now, request_seconds=1.0)
    yield opened
    await opened.close()
