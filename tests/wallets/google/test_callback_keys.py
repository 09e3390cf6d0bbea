"""The keys of callbacks: fetched when they must be, kept while they may be, and never fetched on a stranger's wish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.builders import Clock
from tests.wallets.google.signer import Signer
from walletd.wallets.google.callback_keys import CallbackKeys, KeysUnavailable

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@dataclass
class Publisher:
    """Google's key address: a real server, which answers as a test says."""

    signer: Signer = field(default_factory=lambda: Signer(NOW))
    headers: str = "Cache-Control: public, max-age=3600\r\n"
    status: int = 200
    body: bytes | None = None
    hangs: bool = False
    asked: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.hangs:
            await reader.read()  # until the client has had enough
        body = self.signer.keys_document() if self.body is None else self.body
        head = f"HTTP/1.1 {self.status} x\r\n{self.headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        with suppress(ConnectionError):
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def google() -> AsyncIterator[Publisher]:
    """A running publisher of keys."""
    publisher = Publisher()
    server = await asyncio.start_server(publisher.serve, "127.0.0.1", 0)
    publisher.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    yield publisher
    server.close()


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock(NOW)


@pytest_asyncio.fixture
async def keys(google: Publisher, clock: Clock) -> AsyncIterator[CallbackKeys]:
    """The keys at that address."""
    opened = CallbackKeys(google.url, clock, seconds=0.5)
    yield opened
    await opened.close()


async def beside(google: Publisher, asked: int) -> None:
    """Wait for a fetch that nobody waits for."""
    async with asyncio.timeout(10):
        while google.asked < asked:  # noqa: ASYNC110 - the server counts, and rings no bell
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


async def test_many_callbacks_at_once_fetch_the_keys_once(google: Publisher, keys: CallbackKeys) -> None:
    """Whoever comes while they are being fetched waits for the same answer."""
    found = await asyncio.gather(*(keys.living() for _ in range(50)))
    assert {len(each) for each in found} == {1}
    assert google.asked == 1


async def test_keys_are_kept_for_half_their_time_and_then_renewed_beside_the_work(
    google: Publisher, keys: CallbackKeys, clock: Clock
) -> None:
    """max-age less Age; nobody waits for the renewal."""
    google.headers = "Cache-Control: public, max-age=4600\r\nAge: 1000\r\n"
    await keys.living()
    clock.advance(seconds=1799)
    await keys.living()
    assert google.asked == 1
    clock.advance(seconds=1)
    await keys.living()
    await beside(google, 2)
    clock.advance(seconds=1799)
    await keys.living()
    assert google.asked == 2


async def test_known_keys_go_on_while_google_does_not_answer_until_they_end_themselves(
    google: Publisher, keys: CallbackKeys, clock: Clock
) -> None:
    """An outage of the address costs no callback; a key that ended vouches for nobody."""
    google.signer.root_lasts = timedelta(hours=5)
    await keys.living()
    google.status = 503
    clock.advance(hours=4)
    assert len(await keys.living()) == 1
    assert google.asked == 2
    clock.advance(hours=1)
    with pytest.raises(KeysUnavailable):
        await keys.living()


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 500},
        {"body": b"<html>"},
        {"body": b'{"keys": []}'},
        {"body": b"[" * 300_000},
        {"hangs": True},
        {"status": 302, "headers": "Location: http://127.0.0.1:9/\r\n"},
    ],
    ids=["500", "html", "no-keys", "too-long", "hangs", "redirect"],
)
async def test_without_any_key_nothing_is_believed_and_google_is_asked_once_a_minute(
    google: Publisher, keys: CallbackKeys, clock: Clock, wrong: dict[str, object]
) -> None:
    """Callbacks are turned away until there are keys, however many come."""
    for name, value in wrong.items():
        setattr(google, name, value)
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            await keys.living()
    assert google.asked == 1
    for name, value in vars(Publisher()).items():
        if name in wrong:
            setattr(google, name, value)
    clock.advance(minutes=1)
    assert len(await keys.living()) == 1


async def test_bad_signatures_make_google_be_asked_once_a_minute_at_most(
    google: Publisher, keys: CallbackKeys, clock: Clock
) -> None:
    """The address of callbacks is public: nobody can use it to flood Google."""
    await keys.living()
    assert [await keys.renew() for _ in range(20)] == [False] * 20
    clock.advance(minutes=1)
    google.signer = Signer(NOW)
    assert [await keys.renew() for _ in range(20)] == [True] + [False] * 19
    assert google.asked == 2


async def test_a_caller_who_gives_up_leaves_the_keys_to_the_others(google: Publisher, keys: CallbackKeys) -> None:
    """A client that closes its connection ends nobody's fetch."""
    leaving, staying = asyncio.create_task(keys.living()), asyncio.create_task(keys.living())
    await asyncio.sleep(0)
    leaving.cancel()
    assert len(await staying) == 1
    assert google.asked == 1


async def test_an_answer_that_may_not_be_kept_is_asked_for_once_a_minute(
    google: Publisher, keys: CallbackKeys, clock: Clock
) -> None:
    """max-age=0, and an age above it, mean now; also a clock that was put back does not stop it for long."""
    google.headers = "Cache-Control: max-age=0\r\n"
    for _ in range(3):
        assert len(await keys.living()) == 1
    assert google.asked == 1
    clock.advance(minutes=-30)
    assert len(await keys.living()) == 1
    clock.advance(minutes=2)
    assert len(await keys.living()) == 1
    assert google.asked == 3
