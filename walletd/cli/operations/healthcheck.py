"""`walletd healthcheck`: asks the process on this machine whether it can do its work, for containers."""

from __future__ import annotations

import http.client
import sys
from typing import NoReturn

import click

from walletd.cli.exits import CHECK_FAILED
from walletd.cli.operations.heartbeat import ROLES, SILENT_SECONDS, heartbeat_file, silent_seconds
from walletd.settings import Settings, from_process

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked on loopback instead


@click.command()
@click.option("--timeout", "timeout_seconds", type=click.FloatRange(0.1, 60), default=4.0, show_default=True)
@click.option("--role", type=click.Choice(("web", *ROLES)), help="Role to ask for; without it, whichever runs here.")
def healthcheck(timeout_seconds: float, role: str | None) -> None:
    """Ask the walletd that these settings describe whether it can do its work; exit 1 where it cannot.

    A server is asked on its port; a worker or a scheduler of its own has none and leaves a sign of life in the data
    directory.
    """
    settings = from_process()
    roles = [role] if role in ROLES else []
    if role is None:
        roles = [each for each in ROLES if silent_seconds(heartbeat_file(settings.data_dir, each)) is not None]
    try:
        said = _sign_of_life(settings, roles) if role in ROLES else _ready(settings, timeout_seconds)
    except ConnectionRefusedError as error:
        if not roles:
            _fail(f"nobody answers on port {settings.port} ({error}); run: walletd serve")
        said = _sign_of_life(settings, roles)
    except OSError as error:
        _fail(f"no answer on port {settings.port} ({error}); run: walletd doctor")
    click.echo(said)


def _ready(settings: Settings, timeout_seconds: float) -> str:
    """Return what the server says of itself; raises OSError where nobody answers."""
    host = _EVERY_ADDRESS.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read(10_000).decode("utf-8", "replace").strip()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        _fail(f"not ready: {' '.join(text.split())}; run: walletd doctor")
    return text


def _sign_of_life(settings: Settings, roles: list[str]) -> str:
    for role in roles:
        silent = silent_seconds(heartbeat_file(settings.data_dir, role))
        if silent is None:
            _fail(f"no {role} runs here; run: walletd serve --role {role}")
        if silent > SILENT_SECONDS:
            _fail(f"the {role} gave no sign of life for {silent:.0f} seconds; run: walletd doctor")
    return f"{' and '.join(roles)}: alive"


def _fail(sentence: str) -> NoReturn:
    click.echo(f"walletd: {sentence}", err=True)
    sys.exit(CHECK_FAILED)
