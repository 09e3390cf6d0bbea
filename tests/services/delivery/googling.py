"""A shop that gives cards into Google Wallet, and the fake Google that keeps them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.builders import Clock, Shop, templates
from tests.wallets.google.serving import ISSUER, Served, a_fake_google
from walletd.demo.google.fake_google import FakeGoogle
from walletd.demo.google.store import Stored
from walletd.wallets.google.credentials import read_key_file
from walletd.wallets.google.platform import GoogleAddresses, GooglePlatform

NEVER_ENDS = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(slots=True)
class GoogleShop:
    """A shop with its fake Google."""

    shop: Shop
    served: Served

    @property
    def google(self) -> FakeGoogle:
        """The fake."""
        return self.served.google

    def object_of(self, serial: str) -> Stored:
        """What Google keeps of a card."""
        return self.google.store.items[f"{ISSUER}.demo-{serial}"]

    async def linked(self, kind: str = "loyalty", **more: Any) -> dict[str, Any]:
        """Issue a card that somebody opened a save link of."""
        card = await self.shop.card(kind, **more)
        await self.shop.services.wallet_objects.link_of_card(self.shop.principal, "google", card["serial_number"])
        return card

    async def saved(self, kind: str = "loyalty") -> dict[str, Any]:
        """Issue a card that somebody saved."""
        card = await self.linked(kind)
        await self.event(card["serial_number"], "save")
        return card

    async def event(self, serial: str, event: str) -> None:
        """Let Google tell of a save or removal."""
        name = f"{ISSUER}.demo-{serial}"
        await self.shop.services.wallet_objects.take_event("google", self.google.callback_of(name, event))

    def points(self, serial: str) -> Any:
        """The points that Google shows of a card."""
        return self.object_of(serial).body["loyaltyPoints"]["balance"]


@asynccontextmanager
async def a_google_shop(shop: Shop, *, interval: timedelta = timedelta()) -> AsyncIterator[GoogleShop]:
    """Give a shop a service account at a fake Google; `interval` is that of its rate limit."""
    async with a_fake_google(FakeGoogle(shop.clock)) as served:
        addresses = GoogleAddresses(served.url, f"{served.url}/gp/v/save", f"{served.url}/gp/m/issuer/keys")
        platform = GooglePlatform(
            templates(), "https://shop.test", "demo", addresses, shop.clock, shop.runtime.vault.rotating_secret
        )
        shop.runtime.object_platforms = {"google": platform}
        shop.runtime.call_interval = interval
        credentials = read_key_file(ISSUER, served.key_file)
        await shop.services.merchants.set_credentials(
            shop.principal.merchant_id, "google", ISSUER, credentials.to_bytes(), NEVER_ENDS
        )
        try:
            yield GoogleShop(shop, served)
        finally:
            await platform.close()


def shown(stored: Stored) -> str:
    """Everything that Google keeps of an object, as text."""
    return json.dumps(stored.body, ensure_ascii=False)


__all__ = ["Clock", "GoogleShop", "a_google_shop", "shown"]
