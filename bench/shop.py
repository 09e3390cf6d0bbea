"""A shop to measure with: real services over a fresh database on disk, and cards by the million from set-based SQL."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop
from sqlalchemy import Table, text

from tests import postgres
from walletd.bootstrap import Application, application, prepare_database, utc_now
from walletd.db.cards.cards import card_keys, cards
from walletd.db.customers.customers import customers
from walletd.db.delivery.devices import apple_devices, apple_registrations
from walletd.db.delivery.targets import delivery_targets
from walletd.db.engine.base import Tx
from walletd.db.ledger.accounts import accounts
from walletd.domain.cards.cards import NewCard
from walletd.domain.cards.programs import NewProgram
from walletd.domain.customers.customers import CustomerDetails, NewCustomer
from walletd.domain.merchants.principals import Principal
from walletd.services import Services
from walletd.services.merchants.merchants import NewMerchant, shell
from walletd.services.runtime import Runtime
from walletd.settings import Settings, load
from walletd.wallets.apple.credentials import PassCredentials
from walletd.wallets.apple.demo_credentials import make_demo_credentials

Result = TypeVar("Result")

ENGINES: Final = ("sqlite", "postgres")
_FILLED_AT_ONCE: Final = 20_000
# 26 characters that differ for each n and lie scattered over the index, as random ones do; fits [a-z2-7].
SCATTERED: Final = "'cccccccccccccccc' || CAST(1000000000 + (n * 982451653) % 1000000007 AS TEXT)"
_SERIAL: Final = f"replace(replace(replace(replace({SCATTERED}, '0', 'g'), '1', 'h'), '8', 'i'), '9', 'j')"


def run_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on the event loop that walletd is served with."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder on the disk that TMPDIR names, removed at the end; a database in memory would prove nothing."""
    path = Path(tempfile.mkdtemp(prefix="walletd-bench-"))
    # PostgreSQL does not run as root and has to pass through.
    path.chmod(0o711)
    try:
        yield path
    finally:
        postgres.stop(path)
        shutil.rmtree(path, ignore_errors=True)


def database_url(engine: str, place: Path) -> str:
    """Return the address of a fresh database below a folder; raises tests.postgres.PostgresMissing."""
    if engine == "sqlite":
        return f"sqlite:///{place / 'data' / 'walletd.sqlite3'}"
    return postgres.shared_server(place).create("bench")


def settings_for(place: Path, url: str, **more: str) -> Settings:
    """Return the settings of a demo walletd in a folder; further ones by name, as the environment would give them."""
    return load(
        {}, {"data_dir": str(place / "data"), "database_url": url, "public_url": "http://127.0.0.1:8080", **more}
    )


def environment_for(place: Path, url: str, **more: str) -> dict[str, str]:
    """Return the same settings for a walletd that runs as a process."""
    given = {"data_dir": str(place / "data"), "database_url": url, **more}
    return {f"WALLETD_{name.upper()}": value for name, value in given.items()}


@dataclass(slots=True)
class Shop:
    """A merchant with a loyalty program and a key of the API."""

    application: Application
    by: Principal
    program_id: str
    secret: str

    @property
    def services(self) -> Services:
        """The use cases."""
        return self.application.services

    @property
    def runtime(self) -> Runtime:
        """What they share."""
        return self.application.runtime

    @property
    def topic(self) -> str:
        """The pass type identifier."""
        return self.application.apple.topic(self.by.merchant_id)

    async def card(self, key: str | None = None) -> dict[str, Any]:
        """Issue a card to a new customer and return its document."""
        new = NewCard(
            self.program_id, customer=NewCustomer(CustomerDetails(first_name="Mia", last_name="Muster")), key=key
        )
        document: dict[str, Any] = json.loads((await self.services.cards.issue(self.by, new, None)).body)
        return document

    def authorization(self, serial: str) -> str:
        """Return the header that a phone presents for a card."""
        token = self.runtime.vault.token(1, self.by.merchant_id, self.topic, serial, 1)
        return f"ApplePass {token}"

    async def fill(self, count: int, *, phones: bool = False) -> list[str]:
        """Add so many cards that are like the first one, each with a customer and an account; return their serials.

        Their keys are `bench-<n>`. With `phones` each is registered on a phone of its own.
        """
        await self.card()
        database = self.runtime.database
        for first in range(1, count + 1, _FILLED_AT_ONCE):
            span = {"first": first, "last": min(count, first + _FILLED_AT_ONCE - 1)}
            await database.write(_fill, span, phones=phones)
        return await database.read(_filled_serials)

    async def publish_all(self) -> int:
        """Publish whatever is dirty and return how many cards that were."""
        published = 0
        while done := await self.services.publisher.publish_next(200):
            published += done
        return published


@asynccontextmanager
async def open_shop(settings: Settings, credentials: PassCredentials | None = None) -> AsyncIterator[Shop]:
    """Give a new shop with demo credentials; the database is made where it is missing."""
    prepare_database(settings)
    credentials = credentials or make_demo_credentials(utc_now())
    async with application(settings) as running:
        services = running.services
        merchant = await services.merchants.create(NewMerchant("Café Morgenrot"))
        by = shell(merchant.id)
        await services.merchants.set_credentials(
            merchant.id, "apple", credentials.pass_type_identifier, credentials.to_bytes(), credentials.not_valid_after
        )
        key, secret = await services.api_keys.create(by, "bench", ("admin",))
        program = await services.programs.create(by, NewProgram("loyalty", "Stammgäste", None, {}))
        # The key is the owner of its idempotency keys, so it is the principal that the books know.
        yield Shop(running, replace(by, id=key.id), program.id, secret)


def _fill(tx: Tx, span: Mapping[str, int], *, phones: bool) -> None:
    ids = {"customer": f"'cus_' || {SCATTERED}", "account": f"'acc_' || {SCATTERED}"}
    _copy(tx, customers, span, id=ids["customer"], number="1000000 + n", sort_name=f"'muster ' || {SCATTERED}")
    _copy(tx, accounts, span, id=ids["account"], customer_id=ids["customer"])
    references = {"customer_id": ids["customer"], "account_id": ids["account"]}
    _copy(tx, cards, span, serial_number=_SERIAL, key="'bench-' || CAST(n AS TEXT)", **references)
    _copy(tx, card_keys, span, serial_number=_SERIAL, key="'bench-' || CAST(n AS TEXT)")
    if phones:
        device = "'phone-' || CAST(n AS TEXT)"
        token = "'" + "0" * 54 + "' || CAST(1000000000 + n AS TEXT)"
        _copy(tx, apple_devices, span, device=device, push_token=token)
        _copy(tx, apple_registrations, span, serial_number=_SERIAL, device=device)
        _copy(tx, delivery_targets, span, device=device)


def _copy(tx: Tx, table: Table, span: Mapping[str, int], **changed: str) -> None:
    """Insert a row for each number of the span: as the table's first row, with some columns worked out from n."""
    names = [column.name for column in table.columns]
    shown = ", ".join(changed.get(name, f"origin.{name}") for name in names)
    tx.execute(
        text(
            f"INSERT INTO {table.name} ({', '.join(names)})"  # noqa: S608 - names of our own tables
            " WITH RECURSIVE series(n) AS (SELECT CAST(:first AS BIGINT) UNION ALL"
            " SELECT n + 1 FROM series WHERE n < :last)"
            f" SELECT {shown} FROM series, (SELECT * FROM {table.name} LIMIT 1) AS origin"
        ),
        span,
    )


def _filled_serials(tx: Tx) -> list[str]:
    rows = tx.execute(text("SELECT serial_number FROM cards WHERE key LIKE 'bench-%' ORDER BY serial_number"))
    return [str(row.serial_number) for row in rows]
