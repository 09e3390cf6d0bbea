"""`walletd demo`: a shop, two virtual iPhones and a fake Apple on this machine, so that every push can be watched."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click

from walletd.bootstrap import prepare_database
from walletd.cli.demo.run import Demo, DemoOptions
from walletd.cli.exits import CHECK_FAILED
from walletd.cli.operations.logs import start_logging
from walletd.cli.operations.serving_lock import serving_lock
from walletd.cli.operations.web import bind, server_config
from walletd.settings import load

_PORT = 8080
_LOCAL = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - where the person asks for an address that other machines use


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port of walletd; 8080 by default.")
@click.option("--page-port", type=click.IntRange(0, 65535), default=None, help="Port of the page with the phones.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on; this machine only by default.")
@click.option("--public-url", metavar="URL", help="Address under which other phones reach this machine.")
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where the demo keeps its data: ./walletd-demo"
)
@click.option("--check", is_flag=True, help="Do the main job once by itself, tell the times, and end with 0 or 1.")
def demo(
    port: int | None,
    page_port: int | None,
    host: str | None,
    public_url: str | None,
    data_dir: Path | None,
    check: bool,  # noqa: FBT001 - click gives options by name
) -> None:
    """Start a demo shop with a fake Apple, and phones to watch.

    Settings of the environment are left aside: the demo never touches another installation. What it keeps lies in its
    data directory and is there again next time; remove the directory to start afresh.
    """
    with (
        _directory(data_dir, is_temporary=check) as folder,
        bind(_address(host, public_url), _port(port, is_check=check)) as listener,
    ):
        given = _given(folder, listener, public_url)
        settings = load({}, given)
        start_logging(settings, logging.WARNING)
        with serving_lock(settings):
            prepare_database(settings)
            options = DemoOptions(given, folder, listener, host or _LOCAL, page_port, is_check=check)
            with asyncio.Runner(loop_factory=server_config(None).get_loop_factory()) as runner:
                succeeded = runner.run(Demo(options).run())
    if not succeeded:
        sys.exit(CHECK_FAILED)


@contextmanager
def _directory(given: Path | None, *, is_temporary: bool) -> Iterator[Path]:
    if given is None and is_temporary:
        with tempfile.TemporaryDirectory(prefix="walletd-demo-") as made:
            yield Path(made)
    else:
        folder = given or Path("walletd-demo")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield folder.resolve()


def _address(host: str | None, public_url: str | None) -> str:
    """Return the address to listen on: this machine only, unless others are to reach it."""
    if host is not None or public_url is None:
        return host or _LOCAL
    return _LOCAL if urlsplit(public_url).hostname in {_LOCAL, "localhost", "::1"} else _EVERYWHERE


def _port(port: int | None, *, is_check: bool) -> int:
    if port is not None:
        return port
    return 0 if is_check else _PORT


def _given(folder: Path, listener: socket.socket, public_url: str | None) -> dict[str, object]:
    host, port, *_ = listener.getsockname()
    return {
        "environment": "demo",
        "data_dir": str(folder),
        "database_url": f"sqlite:///{folder / 'walletd.sqlite3'}",
        "host": host,
        "port": port,
        "public_url": public_url or f"http://{_LOCAL}:{port}",
    }
