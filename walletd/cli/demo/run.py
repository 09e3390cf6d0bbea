"""A running demo: the shop, the world outside it, and what a person is told about both."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from walletd.bootstrap import Application, application, intermediates_pem, make_demo_credentials, qr_terminal, utc_now
from walletd.cli.demo.check import main_job
from walletd.cli.demo.client import Till
from walletd.cli.demo.google import use_fake_google, where_google_is
from walletd.cli.demo.shop import ANDROIDS, HISTORY, PHONES, SHOP_NAME, MovedClock, make_history
from walletd.cli.demo.state import DemoState
from walletd.cli.operations.process import Shutdown, parts_of, run_together, say
from walletd.demo.google.android import VirtualAndroid
from walletd.demo.iphone.iphone import VirtualIPhone
from walletd.demo.world import DemoWorld, WorldSettings
from walletd.services.merchants.merchants import NewMerchant, shell
from walletd.settings import load

_BURST: Final = 100.0
"""So generous that a person who books again and again sees each change within a second."""
_GOODBYE_SECONDS: Final = 3.0
_READY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line said; `settings` are all of walletd's but the address of the fake Apple."""

    settings: Mapping[str, object]
    folder: Path
    listener: socket.socket
    world_host: str
    page_port: int | None
    is_check: bool


class Demo:
    """One run of the demo."""

    def __init__(self, options: DemoOptions) -> None:
        self._settings = load({}, options.settings)
        self._options = options
        self._succeeded = True

    async def run(self) -> bool:
        """Run until a signal comes, or once with `--check`; says whether all went well."""
        kept = DemoState.read(self._options.folder) or await self._open_shop()
        world = await self._start_world(kept)
        try:
            await self._serve(kept, world)
        finally:
            await world.close()
        return self._succeeded

    async def _open_shop(self) -> DemoState:
        """Make the shop with its history; the clock of the services begins two months ago."""
        say(f"Opening {SHOP_NAME} with two months of history …")
        clock = MovedClock(utc_now() - HISTORY)
        credentials = make_demo_credentials(utc_now(), organization=SHOP_NAME)
        async with application(self._settings, clock=clock, serving=False) as app:
            services = app.services
            merchants = await services.merchants.list()
            merchant = merchants[0] if merchants else await services.merchants.create(NewMerchant(SHOP_NAME))
            by = shell(merchant.id)
            await services.merchants.set_credentials(
                merchant.id,
                "apple",
                credentials.pass_type_identifier,
                credentials.to_bytes(),
                credentials.not_valid_after,
            )
            issued = await make_history(app, by, clock)
            _, secret = await services.api_keys.create(by, "demo", ("admin",))
        cards = {
            name: [card.serial_number for card in issued if card.first_name == name and card.kind in kinds]
            for name, kinds in PHONES.items()
        }
        kept = DemoState(secret, intermediates_pem(credentials).decode("ascii"), cards)
        kept.write(self._options.folder)
        return kept

    async def _start_world(self, kept: DemoState) -> DemoWorld:
        authority = kept.authority_pem.encode("ascii")
        port = self._options.page_port
        wanted = self._settings.port + 1 if port is None and not self._options.is_check else port or 0
        for page_port in (wanted, 0):
            world = DemoWorld(
                WorldSettings(
                    directory=self._options.folder,
                    client_ca_pem=authority,
                    trust_roots_pem=authority,
                    phone_names=tuple(PHONES),
                    android_names=tuple(ANDROIDS),
                    host=self._options.world_host,
                    page_port=page_port,
                )
            )
            try:
                await world.start()
            except OSError:
                await world.close()
                if page_port == 0 or port is not None:
                    raise
                continue
            # Phones of an earlier run that was killed are still registered; nobody holds them any more.
            world.apns.strict = False
            return world
        raise OSError("no port is free for the page with the phones")

    async def _serve(self, kept: DemoState, world: DemoWorld) -> None:
        apns = {
            "apns_url": f"https://127.0.0.1:{world.apns.port}",
            "apns_ca_file": str(world.apns_ca_file),
            "apns_burst": _BURST,
            **where_google_is(world),
        }
        settings = load({}, {**self._options.settings, **apns})
        asked, shutdown = Shutdown(), Shutdown()
        asked.watch_signals()
        async with application(settings) as app:
            shutdown.watch_storage(app)
            await use_fake_google(app, world)
            parts = parts_of(app, "all", self._options.listener, shutdown)
            await run_together([*parts, lambda: self._show(app, kept, world, asked.stop, shutdown.stop)], shutdown)

    async def _show(
        self, app: Application, kept: DemoState, world: DemoWorld, asked: asyncio.Event, stop: asyncio.Event
    ) -> None:
        """Put the cards on the phones, tell the person, and wait; at the end take the phones' registrations back."""
        till = Till(self._settings.public_url, kept.api_key)
        await _ready(till)
        if self._options.is_check:
            self._succeeded = await main_job(till, world, say)
            return
        for phone in world.phones:
            for serial in kept.cards.get(phone.name, []):
                await self._add(app, phone, serial)
        for android in world.androids:
            for serial in kept.cards.get(android.name, kept.cards.get(ANDROIDS[android.name], [])):
                await self._add(app, android, serial)
        await self._show_addresses(app, kept, world)
        waits = [asyncio.create_task(event.wait()) for event in (asked, stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        kept.cards = {phone.name: [key.serial for key in phone.cards] for phone in world.phones}
        kept.cards |= {phone.name: [name.partition(".demo-")[2] for name in phone.cards] for phone in world.androids}
        kept.write(self._options.folder)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                for phone in world.phones:
                    for key in list(phone.cards):
                        phone.delete_card(key)
                await world.until_idle(_GOODBYE_SECONDS)

    async def _add(self, app: Application, phone: VirtualIPhone | VirtualAndroid, serial: str) -> None:
        try:
            await phone.add_from_url(app.services.links.url(serial))
            await phone.until_idle()
        except Exception as error:  # noqa: BLE001 - the demo goes on with a card less
            say(f"{phone.name} could not add a card: {error}")

    async def _show_addresses(self, app: Application, kept: DemoState, world: DemoWorld) -> None:
        serial = next(iter(world.phones[0].cards)).serial
        merchant = await app.services.merchants.get(None)
        card = await app.services.cards.get(shell(merchant.id), serial)
        url, shown = self._settings.public_url, card.program.name
        say("")
        say(f"  The phones        {world.page_url}   ← open this, and watch them")
        say(f"  walletd           {url}")
        say(f"  API description   {url}/api/v1/openapi.json")
        say(f"  API key           {kept.api_key}")
        say("")
        say(f"  Book 10 points on {card.customer.name}'s {shown}; both her phones show it at once:")
        say("")
        say(f"curl {url}/api/v1/transactions -H 'Authorization: Bearer {kept.api_key}' \\")
        say('  -H "Idempotency-Key: $(uuidgen 2>/dev/null || echo $$-$RANDOM-$(date +%s%N))" \\')
        say(f"""  -H 'Content-Type: application/json' -d '{{"card":"{card.card.key}","type":"credit","amount":10}}'""")
        say("")
        say(f"  Add the same card to a phone of your own: {card.add_url}")
        say(qr_terminal(card.add_url))
        if urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}:
            say("  This address is known to this machine alone. For a phone in the same network start with:")
            say(f"  walletd demo --public-url http://<address of this machine>:{urlsplit(url).port}")
        say("  iPhones refuse passes that are signed with a demo certificate; Android wallets take them.")
        say("")
        say("  Ctrl-C ends the demo; its data stays in " + str(self._options.folder))


async def _ready(till: Till) -> None:
    """Wait until the server answers; raises TimeoutError."""
    ends_at = asyncio.get_running_loop().time() + _READY_SECONDS
    while not await till.is_ready():
        if asyncio.get_running_loop().time() > ends_at:
            raise TimeoutError(f"nothing answers at {till.url}; is that an address of this machine?")
        await asyncio.sleep(0.05)
