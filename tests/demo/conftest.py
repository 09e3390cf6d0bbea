"""What the tests of the demo world share: certificates, a shop, a phone with a clock that can be moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.demo.certificates import Leaf, PassAuthority
from tests.demo.iphone.passes import PASS_TYPE
from tests.demo.shop import Shop
from walletd.demo.iphone.iphone import PhoneSettings, VirtualIPhone


@dataclass
class MovableClock:
    """A clock that stands still until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the present instant."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def pass_authority() -> PassAuthority:
    """A certificate authority for passes."""
    return PassAuthority(datetime.now(UTC))


@pytest.fixture(scope="session")
def leaf(pass_authority: PassAuthority) -> Leaf:
    """The certificate of the shop."""
    return pass_authority.leaf(PASS_TYPE)


@pytest.fixture
def clock() -> MovableClock:
    """A clock that only the test moves."""
    return MovableClock(datetime.now(UTC))


@pytest.fixture
def shop(leaf: Leaf) -> Shop:
    """A shop with one published card."""
    shop = Shop(leaf)
    shop.publish("serial-0001", 10)
    return shop


@pytest.fixture
async def phone(shop: Shop, pass_authority: PassAuthority, clock: MovableClock) -> AsyncIterator[VirtualIPhone]:
    """A phone that reaches the shop."""
    settings = PhoneSettings(pass_authority.root_pem, clock, retry_delays_seconds=(0.0, 0.0))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shop)) as http:
        phone = VirtualIPhone("Anna", http, settings)
        yield phone
        await phone.close()
