"""`walletd healthcheck`: asks the server on this machine whether it is ready, for containers."""

from __future__ import annotations

import http.client
import sys

import click

from walletd.cli.exits import CHECK_FAILED
from walletd.settings import from_process

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked on loopback instead


@click.command()
@click.option("--timeout", "timeout_seconds", type=click.FloatRange(0.1, 60), default=4.0, show_default=True)
def healthcheck(timeout_seconds: float) -> None:
    """Ask the server that these settings describe whether it is ready; exit 1 where it is not."""
    settings = from_process()
    host = _EVERY_ADDRESS.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read(10_000).decode("utf-8", "replace").strip()
    except OSError as error:
        click.echo(f"walletd: nobody answers on {host} port {settings.port} ({error}); run: walletd serve", err=True)
        sys.exit(CHECK_FAILED)
    finally:
        connection.close()
    if answer.status != http.client.OK:
        click.echo(f"walletd: not ready: {' '.join(text.split())}; run: walletd doctor", err=True)
        sys.exit(CHECK_FAILED)
    click.echo(text)
