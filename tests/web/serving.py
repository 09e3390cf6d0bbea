"""A shop behind a real server, on a thread of its own, for clients that live outside an event loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn

from tests.builders import Shop, new_customer, open_shop
from walletd.channels.mail import MailSender, MailServer
from walletd.db.engine.database import open_database
from walletd.web.app import WebOptions, create_app

PUBLIC_URL = "https://shop.test"


@dataclass
class Served:
    """A shop with one stamp card; `address` is where this machine reaches it."""

    database_url: str
    address: str = ""
    api_key: str = ""
    add_url: str = ""
    invitation_url: str = ""
    confirm_url: str = ""
    ready: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    async def serve(self) -> None:
        """Serve until told to stop."""
        database = open_database(self.database_url)
        await database.start()
        async with open_shop(database) as shop:
            self.api_key = (await shop.services.api_keys.create(shop.principal, "till", ("admin",)))[1]
            card = await shop.card("stamp")
            await shop.services.consent.invite(shop.principal, card["customer_id"], by_mail=False)
            self.add_url, self.invitation_url = card["add_url"], shop.services.consent.link(card["customer_id"])
            self.confirm_url = await _ask_for_a_merge(shop)
            application = create_app(shop.services, WebOptions(PUBLIC_URL, "production"), shop.clock)
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
                config = uvicorn.Config(application, log_config=None, server_header=False, proxy_headers=False)
                server = uvicorn.Server(config)
                serving = asyncio.create_task(server.serve(sockets=[listener]))
                self.ready.set()
                await asyncio.to_thread(self.stop.wait)
                server.should_exit = True
                await serving
        await database.close()


async def _ask_for_a_merge(shop: Shop) -> str:
    """Return the address of the page that a merge request is confirmed on; its mail is never sent."""
    shop.runtime.mail_channel = MailSender(
        MailServer.from_url("smtp://127.0.0.1:9", "shop.test"), "shop.test", seconds=1
    )
    names = []
    for email in ("mia.new@example.org", "mia.old@example.org"):
        new = new_customer(first_name="Mia", last_name="Weber", email=email)
        names.append((await shop.services.customers.create(shop.principal, new)).id)
    filed = await shop.services.merge_requests.file(shop.principal, names[0], names[1], None)
    return shop.services.merge_requests.link(filed.request.id)


@contextmanager
def serving_shop(database_url: str) -> Iterator[Served]:
    """Serve a shop while the block runs."""
    shop = Served(database_url)
    thread = threading.Thread(target=lambda: asyncio.run(shop.serve()))
    thread.start()
    try:
        assert shop.ready.wait(30)
        yield shop
    finally:
        shop.stop.set()
        thread.join(30)
