"""The demo's way into the fake Google Wallet: a service account whose key is made at each start and leaves nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from walletd.bootstrap import Application, demo_service_account, read_key_file
from walletd.demo.world import DemoWorld

_ISSUER: Final = "3388000000000000001"
_EMAIL: Final = "walletd@demo.iam.gserviceaccount.example"
_NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)


def where_google_is(world: DemoWorld) -> dict[str, object]:
    """Return the settings that lead walletd to the fake."""
    return {
        "google_api_url": world.google_url,
        "google_save_url": f"{world.google_url}/gp/v/save",
        "google_callback_keys_url": f"{world.google_url}/gp/m/issuer/keys",
    }


async def use_fake_google(app: Application, world: DemoWorld) -> None:
    """Make a service account, let the fake know it, and give it to the demo's merchant."""
    key_file, public_key = demo_service_account(_EMAIL, f"{world.google_url}/token")
    world.google.accounts.register(_EMAIL, public_key)
    world.google.permit(_ISSUER, _EMAIL)
    credentials = read_key_file(_ISSUER, key_file)
    for merchant in await app.services.merchants.list():
        await app.services.merchants.set_credentials(merchant.id, "google", _ISSUER, credentials.to_bytes(), _NEVER)
