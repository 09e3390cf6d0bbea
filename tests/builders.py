"""Sentences for the arrange part of tests: a shop with its services, its cards, and phones that hold them."""

from __future__ import annotations

import ipaddress
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import text

from walletd.bootstrap import build_runtime
from walletd.channels.addresses import AddressGuard
from walletd.channels.webhooks import WebhookSender
from walletd.db.delivery import publishing
from walletd.db.engine.database import Database, open_database
from walletd.domain.cards.cards import NewCard
from walletd.domain.cards.programs import NewProgram
from walletd.domain.customers.customers import CustomerDetails, NewCustomer
from walletd.domain.customers.merges import MergePlan
from walletd.domain.ledger.balances import Balances
from walletd.domain.ledger.bookings.commands import Reverse
from walletd.domain.ledger.documents import account_document, entry_document
from walletd.domain.ledger.movements import Booking
from walletd.domain.merchants.principals import SCOPES, Principal, PrincipalKind
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.pages import PageRequest
from walletd.services import Services, build_services
from walletd.services.idempotency import Answer
from walletd.services.merchants.merchants import NewMerchant
from walletd.services.runtime import Runtime
from walletd.settings import Settings
from walletd.wallets.apple.credentials import PassCredentials
from walletd.wallets.apple.demo_credentials import make_demo_credentials
from walletd.wallets.apple.platform import ApplePlatform
from walletd.wallets.templates.templates import Template, read_templates

PASS_TYPE = "pass.demo.walletd"
TEMPLATES = Path(__file__).parent.parent / "pass_templates"
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

_numbers = itertools.count(1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment it stands at."""
        return self.now

    def advance(self, **span: float) -> None:
        """Move on by a span such as `seconds=5`."""
        self.now += timedelta(**span)


class RecordedPushes(ApplePlatform):
    """Apple's platform with everything real but the way to APNs: each delivery is answered as the test says."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.pushed: list[str] = []
        self.answers: dict[str, Attempt] = {}

    async def deliver(self, merchant_id: str, addresses: Sequence[str]) -> list[Attempt]:
        """Record the addresses and answer them."""
        self.pushed += addresses
        return [self.answers.get(address, Attempt(Verdict.DONE)) for address in addresses]


def new_customer(number: int | None = None, **details: Any) -> NewCustomer:
    """Return a customer to take in, of whom these details are known."""
    return NewCustomer(CustomerDetails(**details), number)


@dataclass(slots=True)
class Shop:
    """A merchant with its services, and the shortest ways to what tests need."""

    services: Services
    runtime: Runtime
    principal: Principal
    clock: Clock
    pushes: RecordedPushes
    programs: dict[str, str] = field(default_factory=dict)

    async def program(self, kind: str = "loyalty", **rules: object) -> str:
        """Return the id of a program of this kind, made on first use."""
        if kind not in self.programs or rules:
            made = await self.services.programs.create(self.principal, NewProgram(kind, f"{kind} of ours", None, rules))
            self.programs[kind] = made.id
        return self.programs[kind]

    async def card(self, kind: str = "loyalty", **more: Any) -> dict[str, Any]:
        """Issue a card to a new customer and return its document."""
        more.setdefault("customer", new_customer(last_name="Muster", first_name="Mia"))
        answer = await self.services.cards.issue(self.principal, NewCard(await self.program(kind), **more), None)
        document: dict[str, Any] = json.loads(answer.body)
        return document

    async def stranger(self) -> Principal:
        """Return somebody with all rights at another merchant."""
        other = await self.services.merchants.create(NewMerchant("Other shop"))
        return Principal(other.id, PrincipalKind.API_KEY, "key_other", "other", SCOPES["admin"])

    async def book(self, card: str, kind: str, amount: int, key: str | None = None) -> dict[str, Any]:
        """Book a credit, debit or purchase and return the transaction."""
        booking = Booking(card, kind, None, amount) if kind == "purchase" else Booking(card, kind, amount)
        answer = await self.services.ledger.book(self.principal, booking, key or next_key())
        document: dict[str, Any] = json.loads(answer.body)
        return document

    async def post(self, card: str, kind: str, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """Book a transaction with any fields and return it."""
        booking = Booking(card, kind, **fields)
        return _document(await self.services.ledger.book(self.principal, booking, key or next_key()))

    async def reserve(self, card: str, amount: int, key: str | None = None) -> dict[str, Any]:
        """Reserve a redemption and return it."""
        return _document(await self.services.ledger.reserve(self.principal, card, amount, None, key or next_key()))

    async def capture(self, code: str, amount: int | None = None, key: str | None = None) -> dict[str, Any]:
        """Capture a redemption, whole or in part, and return it."""
        return _document(await self.services.ledger.capture(self.principal, code, amount, key or next_key()))

    async def release(self, code: str) -> dict[str, Any]:
        """Release a redemption and return it."""
        return _document(await self.services.ledger.release(self.principal, code))

    async def merge(
        self, survivor: str, absorbed: str, number: str | None = None, key: str | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        """Merge a customer into another; `number` says whose number goes on, else that of the absorbed one does."""
        plan = MergePlan(survivor, number or absorbed, absorbed, reason)
        return _document(await self.services.merges.commit(self.principal, plan, key or next_key()))

    async def undo(self, merge_id: str, key: str | None = None) -> dict[str, Any]:
        """Undo a merge and return it."""
        return _document(await self.services.merges.undo(self.principal, merge_id, key or next_key()))

    async def reverse(self, transaction_id: str, key: str | None = None, **part: Any) -> dict[str, Any]:
        """Reverse a transaction, whole or in part, and return the reversal."""
        work = Reverse(transaction_id, **part)
        return _document(await self.services.ledger.reverse(self.principal, work, key or next_key()))

    async def balances(self, serial: str) -> Balances:
        """Return the balances of a card's account at this instant."""
        return (await self.services.cards.get(self.principal, serial)).balances

    async def figures(self, serial: str) -> dict[str, int]:
        """Return the six balances of a card's account, with what is reserved and owed."""
        found = await self.balances(serial)
        names = ("collected", "expired", "expiring_30_days", "total", "locked", "redeemable", "reserved", "debt")
        return {name: getattr(found, name) for name in names}

    async def history(self, serial: str) -> list[dict[str, Any]]:
        """Return the newest entries of a card's account, the oldest first."""
        card = await self.services.cards.get(self.principal, serial)
        page = await self.services.accounts.entries(self.principal, card.account.id, PageRequest(page_size=100))
        return [entry_document(*line) for line in reversed(page.items)]

    async def published_sequence(self, serial: str) -> int:
        """Return the newest version of a card's pass, 0 before the first."""
        found = await self.runtime.database.read(publishing.published, "apple", [serial])
        return found[serial].sequence if serial in found else 0

    async def sum_of_entries(self, account_id: str) -> int:
        """Return what the active entries of an account sum up to."""
        query = text("SELECT COALESCE(SUM(amount), 0) FROM ledger_entries WHERE account_id = :a AND status = 'active'")
        return int(await self.runtime.database.read(lambda tx: tx.execute(query, {"a": account_id}).scalar_one()))

    async def account(self, account_id: str) -> dict[str, Any]:
        """Return an account's document."""
        return account_document(*await self.services.accounts.get(self.principal, account_id))

    async def balance(self, serial: str) -> int:
        """Return what a card holds."""
        return (await self.services.cards.get(self.principal, serial)).balances.total

    def authorization(self, serial: str) -> str:
        """Return the header a phone presents for a card."""
        token = self.runtime.vault.token(1, self.principal.merchant_id, PASS_TYPE, serial, 1)
        return f"ApplePass {token}"

    async def register(self, serial: str, device: str = "device-1", token: str = "aa" * 32) -> bool:
        """Register a card's pass on a phone."""
        return await self.services.devices.register(PASS_TYPE, serial, device, self.authorization(serial), token)

    async def until_idle(self) -> None:
        """Publish and deliver until nothing is left to do now."""
        while (
            await self.services.publisher.publish_next(100)
            + await self.services.deliveries.deliver_due()
            + await self.services.object_delivery.send_due()
        ):
            pass


def next_key() -> str:
    """Return an idempotency key that was not used yet."""
    return f"key-{next(_numbers)}"


def _document(answer: Answer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer.body)
    return document


@cache
def templates() -> dict[str, Template]:
    """Return the shipped templates, read once."""
    return read_templates(TEMPLATES)


@cache
def demo_credentials() -> PassCredentials:
    """Return demo credentials, made once."""
    return make_demo_credentials(START)


async def _public(host: str, port: int) -> Sequence[str]:
    """Give every name an address that anybody reaches: tests ask nobody outside of this machine."""
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    return ["127.0.0.1"] if host == "localhost" else ["1.1.1.1"]


@asynccontextmanager
async def open_shop(
    database: Database, clock: Clock | None = None, merchant_id: str | None = None
) -> AsyncIterator[Shop]:
    """Give a shop with demo credentials on a started, migrated database: a new one, or a merchant that is there."""
    clock = clock or Clock()
    settings = Settings(
        environment="demo",
        database_url="sqlite:///unused",
        public_url="https://shop.test",
        master_key="42" * 32,
        templates_dir=TEMPLATES,
    )
    runtime, _, google = build_runtime(settings, database, templates(), clock)
    pushes = RecordedPushes(
        templates(),
        web_service_url="https://shop.test/apple",
        apns_url=settings.apns_url,
        apns_ca_file=None,
        allow_demo=True,
        clock=clock,
    )
    runtime.platforms = {"apple": pushes}
    runtime.webhook_channel = WebhookSender(AddressGuard(resolver=_public))
    services = build_services(runtime)
    if merchant_id is None:
        merchant_id = (await services.merchants.create(NewMerchant("Café Morgenrot"))).id
    credentials = demo_credentials()
    await services.merchants.set_credentials(
        merchant_id, "apple", credentials.pass_type_identifier, credentials.to_bytes(), credentials.not_valid_after
    )
    principal = Principal(merchant_id, PrincipalKind.API_KEY, "key_test", "test", SCOPES["admin"])
    yield Shop(services, runtime, principal, clock, pushes)
    await pushes.close()
    await google.close()


async def open_in(stack: AsyncExitStack, url: str) -> Shop:
    """Open a shop on a migrated database until the stack is closed: for machines, which run a loop step by step."""
    database = open_database(url)
    await database.start()
    stack.push_async_callback(database.close)
    return await stack.enter_async_context(open_shop(database))
