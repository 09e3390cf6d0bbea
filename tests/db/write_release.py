"""Writes down what this release leaves in a database, for upgrades to come: `python -m tests.db.write_release`.

It is what a small shop left: a card of each kind with every booking that its kind knows, on a phone that has its newest
pass; a redemption, two customers who became one, a checkpoint. The clock is fixed; ids, keys and salts are random.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, Table, literal_column, select

from tests.builders import PASS_TYPE, Clock, Shop, new_customer, open_shop
from walletd.db.engine.base import Tx
from walletd.db.engine.database import migrate, open_database
from walletd.db.engine.migrate import newest_revision
from walletd.db.schema import metadata
from walletd.domain.cards.kinds import DESCRIPTIONS, KINDS

FOLDER: Final = Path(__file__).parent / "releases"
_STEP_SECONDS: Final = 20
_REWARDS: Final = [{"name": "1 × coffee", "price": 20}]
_RULES: Final[Mapping[str, Mapping[str, Any]]] = {"loyalty": {"rewards": _REWARDS}, "cashback": {"rewards": _REWARDS}}
_FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "credit": {"amount": 100},
    "debit": {"amount": 1},
    "purchase": {"purchase_total": 2790},
    "tier": {"tier": "Member"},
}
"""type of transaction → what it is booked with."""
_LEFT_OUT: Final = frozenset({"merchant_credentials"})


class _Story:
    """What happens in the shop, a step every 20 seconds, so that ids lie in the order of what happened."""

    def __init__(self, shop: Shop) -> None:
        self.serials: list[str] = []
        self.phones: dict[str, str] = {}
        """device → serial number."""
        self._shop = shop

    async def run(self) -> None:
        """Let it happen, until every phone has its newest pass."""
        for kind in KINDS:
            await self._card_of(kind)
        for serial, kind in zip(tuple(self.serials), KINDS, strict=True):
            await self._book_all(serial, kind)
        await self._redeem(self.serials[0])
        await self._merge()
        await self._shop.services.checkpoints.make()
        await self._shop.until_idle()
        for device, serial in self.phones.items():
            await self._fetch(device, serial)

    async def _card_of(self, kind: str) -> None:
        self._later()
        number = len(self.serials)
        await self._shop.program(kind, **_RULES.get(kind, {}))
        customer = new_customer(last_name=f"Muster {number}", first_name="Mia", email=f"mia{number}@example.org")
        card = await self._shop.card(kind, customer=customer)
        serial, device = card["serial_number"], f"device-{number}"
        await self._shop.register(serial, device, f"{number:064x}")
        await self._shop.until_idle()
        self.serials.append(serial)
        self.phones[device] = serial

    async def _book_all(self, serial: str, kind: str) -> None:
        for operation in DESCRIPTIONS[kind].operations:
            self._later()
            await self._shop.post(serial, operation, **_FIELDS.get(operation, {}))

    async def _redeem(self, serial: str) -> None:
        self._later()
        reserved = await self._shop.reserve(serial, 5)
        self._later()
        await self._shop.capture(reserved["code"], 4)

    async def _merge(self) -> None:
        customers = []
        for name in ("Alt", "Neu"):
            self._later()
            card = await self._shop.card("loyalty", customer=new_customer(last_name=name))
            await self._shop.book(card["serial_number"], "credit", 40)
            self.serials.append(card["serial_number"])
            customers.append(card["customer_id"])
        self._later()
        absorbed, survivor = customers
        await self._shop.merge(survivor, absorbed)

    async def _fetch(self, device: str, serial: str) -> None:
        await self._shop.services.devices.changed(PASS_TYPE, device, None)
        found = await self._shop.services.passes.fetch(PASS_TYPE, serial, self._shop.authorization(serial), None)
        assert found is not None
        await self._shop.services.passes.delivered(found)

    def _later(self) -> None:
        self._shop.clock.advance(seconds=_STEP_SECONDS)


async def _what_is_true(shop: Shop, story: _Story) -> dict[str, Any]:
    return {
        "phones": {device: await _phone(shop, device, serial) for device, serial in story.phones.items()},
        "balances": {serial: await shop.figures(serial) for serial in story.serials},
        "merchant": shop.principal.merchant_id,
        "now": shop.clock().isoformat(),
        "proved": await shop.services.proof.verify(),
    }


async def _phone(shop: Shop, device: str, serial: str) -> dict[str, Any]:
    authorization = shop.authorization(serial)
    listed = await shop.services.devices.changed(PASS_TYPE, device, None)
    newest = await shop.services.passes.fetch(PASS_TYPE, serial, authorization, None)
    assert listed is not None
    assert newest is not None
    return {
        "serial_number": serial,
        "tag": listed[1],
        "last_modified": newest.last_modified,
        "authorization": authorization,
    }


def _tables(tx: Tx) -> dict[str, list[dict[str, Any]]]:
    tables = (table for table in metadata.sorted_tables if table.name not in _LEFT_OUT)
    return {table.name: rows for table in tables if (rows := _rows(tx, table))}


def _rows(tx: Tx, table: Table) -> list[dict[str, Any]]:
    # Values as SQLite holds them, without the types of this release: JSON is text, and a truth is 0 or 1.
    query: Select[Any] = select(literal_column("*")).select_from(table).order_by(*table.primary_key)
    rows = tx.execute(query).mappings()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _base64(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"a column holds {value!r}, which JSON does not know")
    return {"base64": base64.b64encode(value).decode()}


def _text(expected: Mapping[str, Any], tables: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return the text of the file: a line for each row, so that people can read it."""
    encode = json.JSONEncoder(default=_base64).encode
    lines = [f'{{"expected": {encode(expected)},', '"tables": {']
    for name, rows in tables.items():
        lines += [f"{encode(name)}: [", ",\n".join(map(encode, rows)), "],"]
    lines[-1] = "]}}"
    return "\n".join(lines) + "\n"


async def _left(folder: str) -> str:
    url = f"sqlite:///{folder}/walletd.sqlite3"
    migrate(url)
    database = open_database(url)
    await database.start()
    try:
        async with open_shop(database, Clock()) as shop:
            story = _Story(shop)
            await story.run()
            tables = await database.read(_tables)
            return _text(await _what_is_true(shop, story), tables)
    finally:
        await database.close()


def file_of_this_release(folder: Path) -> Path:
    """Return where in a folder stands what this release leaves: named after its revision of the schema."""
    return folder / f"{newest_revision()}.json"


def write(folder: Path) -> Path:
    """Write the file of this release and return its path; raises FileExistsError."""
    path = file_of_this_release(folder)
    if path.exists():
        raise FileExistsError(path)
    with tempfile.TemporaryDirectory() as scratch:
        path.write_text(asyncio.run(_left(scratch)), "utf-8")
    return path


def main() -> int:
    """Write the file, or say that it is there; return the exit code."""
    try:
        sys.stdout.write(f"{write(FOLDER)} is written.\n")
    except FileExistsError as error:
        sys.stderr.write(f"{error} is there already, of a release with this schema: it stays as it is.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
