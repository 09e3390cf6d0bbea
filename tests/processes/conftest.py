"""A world outside, and processes that never outlive their test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.processes.outside import Outside, an_outside
from tests.processes.servers import Served, free_port

Start = Callable[..., Served]


@pytest_asyncio.fixture
async def outside(database_url: str, tmp_path: Path) -> AsyncIterator[Outside]:
    """A shop in a database of either engine, with a fake Apple."""
    async with an_outside(tmp_path, database_url, free_port()) as made:
        yield made


@pytest_asyncio.fixture
async def outside_sqlite(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Outside]:
    """A shop in an embedded database, with a fake Apple."""
    async with an_outside(tmp_path, sqlite_url, free_port()) as made:
        yield made


@pytest_asyncio.fixture
async def outside_postgres(postgres_url: str, tmp_path: Path) -> AsyncIterator[Outside]:
    """A shop in PostgreSQL, with a fake Apple."""
    async with an_outside(tmp_path, postgres_url, free_port()) as made:
        yield made


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start processes; what still runs at the end is ended."""
    started: list[Served] = []

    def begin(environ: dict[str, str], *arguments: str, name: str = "walletd", under: tuple[str, ...] = ()) -> Served:
        served = Served(environ, tmp_path, arguments or ("serve",), name, under)
        started.append(served)
        served.start()
        return served

    yield begin
    for served in started:
        served.clear_away()
