"""The world outside a walletd process: a fake Apple, phones, tills that never give up, and what they were told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from walletd.bootstrap import application, intermediates_pem, make_demo_credentials, prepare_database, utc_now
from walletd.demo.apns.fake_apns import FakeApns, Push
from walletd.demo.apns.tls import DemoAuthority
from walletd.demo.iphone.iphone import PhoneSettings, VirtualIPhone
from walletd.services.merchants.merchants import NewMerchant, shell
from walletd.settings import load

RETRIES = (0.1, 0.3, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 8.0)


@dataclass
class Till:
    """Books on cards and repeats each request under its key until it is answered; the oracle of what was answered."""

    http: httpx.AsyncClient
    url: str
    api_key: str
    expected: dict[str, int] = field(default_factory=dict)
    """Serial number → what all answered bookings give."""
    answered: dict[str, set[str]] = field(default_factory=dict)
    """Serial number → ids of the answered transactions."""
    held: dict[str, int] = field(default_factory=dict)
    """Serial number → what reservations hold that nobody came back to."""
    repeats: int = 0
    unanswered: list[str] = field(default_factory=list)
    """Requests that were worked on and got no answer, by kind of fault.

    That they were worked on shows in the repeat, which is answered as one. A connection that the kernel took and
    walletd never saw is reset when a listener closes, as on every server; nothing of it was accepted.
    """

    async def ask(self, method: str, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        """Send one request."""
        headers = {"authorization": f"Bearer {self.api_key}"} | ({"idempotency-key": key} if key else {})
        return await self.http.request(method, f"{self.url}{path}", json=body, headers=headers)

    async def card(self, program_id: str, name: str) -> dict[str, Any]:
        """Issue a card."""
        body = {"program_id": program_id, "customer": {"last_name": name}}
        answer = await self.ask("POST", "/api/v1/cards", body, str(uuid4()))
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        self.expected[document["serial_number"]] = 0
        self.answered[document["serial_number"]] = set()
        return document

    async def book(self, serial: str, amount: int) -> None:
        """Book until it is answered; a repeated request must get the answer of the first."""
        body = {"card": serial, "type": "credit" if amount > 0 else "debit", "amount": abs(amount)}
        booked = await self._once("/api/v1/transactions", body)
        if booked is not None:
            self._note(serial, booked["transaction_id"], amount)

    async def redeem(self, serial: str, amount: int) -> None:
        """Reserve, and then capture, capture a part, give back, or walk away."""
        held = await self._once("/api/v1/redemptions", {"card": serial, "amount": amount})
        if held is None:
            return
        path = f"/api/v1/redemptions/{held['code']}"
        match random.choice(("capture", "part", "release", "walk away")):
            case "capture":
                captured = await self._once(f"{path}/capture", {})
            case "part":
                captured = await self._once(f"{path}/capture", {"amount": (amount + 1) // 2})
            case "release":
                released = (await self._insist("DELETE", path, None, None)).json()
                assert released["state"] == "released", released
                self._note(serial, released["transaction_id"], 0)
                return
            case _:
                self.held[serial] = self.held.get(serial, 0) + amount
                return
        assert captured is not None
        self._note(serial, captured["transaction_id"], -captured["captured"])

    def _note(self, serial: str, transaction: str, amount: int) -> None:
        assert transaction not in self.answered[serial]
        self.answered[serial].add(transaction)
        self.expected[serial] += amount

    async def _once(self, path: str, body: Mapping[str, object]) -> dict[str, Any] | None:
        """Post under one key until it is answered, now and then once more; None where too little is there."""
        key = str(uuid4())
        answer = await self._insist("POST", path, body, key)
        if answer.status_code == 409:
            assert answer.json()["code"] == "insufficient_balance", answer.text
            return None
        assert answer.status_code in {200, 201}, answer.text
        document: dict[str, Any] = answer.json()
        if random.random() < 0.1:
            again = await self._insist("POST", path, body, key)
            assert again.json() == document
            assert again.headers["idempotency-replayed"] == "true"
        return document

    async def _insist(self, method: str, path: str, body: object, key: str | None) -> httpx.Response:
        fault = None
        while True:
            try:
                answer = await self.ask(method, path, body, key)
            except httpx.ConnectError:
                pass
            except httpx.TransportError as error:
                fault = type(error).__name__
            else:
                if answer.status_code < 500:
                    if fault is not None and answer.headers.get("idempotency-replayed") == "true":
                        self.unanswered.append(fault)
                    return answer
            self.repeats += 1
            await asyncio.sleep(0.05)

    async def entries(self, account_id: str) -> list[dict[str, Any]]:
        """Return the whole history of an account."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = await self.ask("GET", f"/api/v1/accounts/{account_id}/entries?page_size=100{cursor}")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"


@dataclass
class Outside:
    """A fake Apple with phones, and the settings that lead walletd to it."""

    apns: FakeApns
    environ: dict[str, str]
    phone_settings: PhoneSettings
    http: httpx.AsyncClient
    till: Till
    program_id: str
    phones: list[VirtualIPhone] = field(default_factory=list)

    async def phone_with(self, name: str, card: dict[str, Any]) -> VirtualIPhone:
        """Switch on a phone that adds a card by its link."""
        phone = VirtualIPhone(name, self.http, self.phone_settings)
        self.apns.know(phone.push_token)
        self.phones.append(phone)
        await phone.add_from_url(card["add_url"])
        await phone.until_idle(30)
        return phone

    def deliver(self, push: Push) -> None:
        """Bring a push to its phone."""
        for phone in self.phones:
            if phone.push_token == push.token:
                phone.receive_push(push.topic)

    def shown(self) -> dict[str, int]:
        """Return what each card shows on its phone."""
        return {
            key.serial: int(card.value("balance").replace(",", "").replace(".", ""))
            for phone in self.phones
            for key, card in phone.cards.items()
        }

    async def converged(self, seconds: float) -> None:
        """Wait until every phone shows what the till was answered; fails with the difference."""
        ends_at = asyncio.get_running_loop().time() + seconds
        while (shown := self.shown()) != {serial: self.till.expected[serial] for serial in shown}:
            late = {serial: (found, self.till.expected[serial]) for serial, found in shown.items()}
            assert asyncio.get_running_loop().time() < ends_at, {
                serial: pair for serial, pair in late.items() if pair[0] != pair[1]
            }
            await asyncio.sleep(0.05)


@asynccontextmanager
async def an_outside(folder: Path, database_url: str, port: int) -> AsyncIterator[Outside]:
    """Make a shop in a database, and the world around it; no process is started."""
    credentials = make_demo_credentials(utc_now())
    authority = DemoAuthority(utc_now())
    server = authority.server_certificate()
    apns = FakeApns(server.certificate_pem, server.key_pem, intermediates_pem(credentials))
    await apns.start()
    (folder / "apns-ca.pem").write_bytes(authority.certificate_pem)
    environ = {
        "WALLETD_DATA_DIR": str(folder / "data"),
        "WALLETD_DATABASE_URL": database_url,
        "WALLETD_PORT": str(port),
        "WALLETD_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WALLETD_MASTER_KEY": "42" * 32,
        "WALLETD_APNS_URL": apns.url,
        "WALLETD_APNS_CA_FILE": str(folder / "apns-ca.pem"),
        "WALLETD_APNS_BURST": "100",
        "WALLETD_LOG_FORMAT": "json",
    }
    settings = load(environ)
    prepare_database(settings)
    async with application(settings, serving=False) as app:
        merchant = await app.services.merchants.create(NewMerchant("Café Probe"))
        await app.services.merchants.set_credentials(
            merchant.id, "apple", credentials.pass_type_identifier, credentials.to_bytes(), credentials.not_valid_after
        )
        _, api_key = await app.services.api_keys.create(shell(merchant.id), "till", ("admin",))
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
    async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as http:
        phone_settings = PhoneSettings(intermediates_pem(credentials), retry_delays_seconds=RETRIES, language="en")
        till = Till(http, f"http://127.0.0.1:{port}", api_key)
        outside = Outside(apns, environ, phone_settings, http, till, "")
        apns.delivery.on_push = outside.deliver
        yield outside
        for phone in outside.phones:
            await phone.close()
        await apns.close()


async def open_program(outside: Outside) -> None:
    """Make the program that cards are issued of."""
    made = await outside.till.ask("POST", "/api/v1/programs", {"kind": "loyalty", "name": "Points"})
    assert made.status_code == 201, made.text
    outside.program_id = made.json()["id"]
