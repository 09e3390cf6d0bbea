"""Google Wallet on the command line: loading a service account, and what doctor says of the way to Google."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Walletd
from tests.wallets.google.serving import EMAIL, ISSUER, Served, a_fake_google


@contextmanager
def _serving() -> Iterator[Served]:
    """A fake Google in a thread of its own: commands run their own loop."""
    up, stop = threading.Event(), asyncio.Event()
    held: list[Any] = []

    async def serve() -> None:
        async with a_fake_google() as served:
            held.extend((served, asyncio.get_running_loop()))
            up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert up.wait(10)
    try:
        yield held[0]
    finally:
        held[1].call_soon_threadsafe(stop.set)
        thread.join(10)


@pytest.fixture
def served() -> Iterator[Served]:
    """A fake Google on this machine."""
    with _serving() as running:
        yield running


def _key_file(folder: Path, served: Served) -> str:
    path = folder / "key.json"
    path.write_bytes(served.key_file)
    path.chmod(0o600)
    return str(path)


def _google_lines(walletd: Walletd, url: str) -> list[dict[str, str]]:
    result = walletd("doctor", "--json", google_api_url=url, apns_url="https://127.0.0.1:1")
    assert result.stdout, (result.output, result.exception)
    said = json.loads(result.stdout)
    return [check for check in said["checks"] if check["name"].startswith("google")]


def test_a_service_account_is_loaded_and_doctor_finds_it_right(shop: Walletd, tmp_path: Path, served: Served) -> None:
    """The key gives a token, the account may write, the issuer is named in what `show` says."""
    loaded = shop("merchant", "set", "--google-issuer", ISSUER, "--google-service-account", _key_file(tmp_path, served))
    lines = _google_lines(shop, served.url)
    assert loaded.exit_code == 0, loaded.output
    assert EMAIL in loaded.output
    assert ISSUER in shop("merchant", "show").output
    assert {line["level"] for line in lines} == {"ok"}
    assert [line["name"] for line in lines] == ["google key", "google issuer", "google classes"]


@pytest.mark.parametrize(
    ("harm", "name", "cure"),
    [
        (lambda served: served.google._users.clear(), "google issuer", "Invite"),
        (lambda served: served.google.accounts._keys.clear(), "google key", "clock"),
    ],
    ids=["no permission", "key deleted"],
)
def test_doctor_says_what_is_wrong_and_what_mends_it(
    shop: Walletd, tmp_path: Path, served: Served, harm: Callable[[Served], None], name: str, cure: str
) -> None:
    """G8: permission, key and clock, each with its cure."""
    shop("merchant", "set", "--google-issuer", ISSUER, "--google-service-account", _key_file(tmp_path, served))
    harm(served)
    failing = [line for line in _google_lines(shop, served.url) if line["level"] == "failure"]
    assert [line["name"] for line in failing] == [name]
    assert cure in failing[0]["cure"]


def test_doctor_says_that_google_cannot_be_reached(shop: Walletd, tmp_path: Path) -> None:
    """The way is closed: the line names the address to open."""
    with _serving() as served:
        key_file, url = _key_file(tmp_path, served), served.url
    shop("merchant", "set", "--google-issuer", ISSUER, "--google-service-account", key_file)
    (line,) = _google_lines(shop, url)
    assert (line["level"], "firewall" in line["cure"]) == ("failure", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--google-issuer", ISSUER),
        ("--google-issuer", "abc", "--google-service-account", "key.json"),
        ("--google-issuer", ISSUER, "--google-service-account", "broken.json"),
        ("--google-issuer", ISSUER, "--google-service-account", "open.json"),
    ],
    ids=["no file", "no issuer", "broken", "readable by others"],
)
def test_what_cannot_be_used_is_refused_in_one_line_and_nothing_is_stored(
    shop: Walletd, tmp_path: Path, served: Served, arguments: tuple[str, ...]
) -> None:
    """An error that says what to do; the merchant stays as it was."""
    _key_file(tmp_path, served)
    for name, content, mode in (("broken.json", b"{", 0o600), ("open.json", served.key_file, 0o644)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
    refused = shop("merchant", "set", *arguments)
    assert refused.exit_code in {1, 2, 78}
    assert len(refused.output.strip().splitlines()) == 1
    assert json.loads(shop("merchant", "show", "--json").output)["google"] == ""
