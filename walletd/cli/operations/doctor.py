"""`walletd doctor`: everything that can be checked from here, one line each."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

import click

from walletd.bootstrap import application
from walletd.cli.exits import CHECK_FAILED
from walletd.cli.opening import json_option
from walletd.cli.operations.checks import before_opening, of_application
from walletd.domain.checks import Check, CheckLevel
from walletd.domain.errors import WalletdError
from walletd.settings import Settings, SettingsRefused, from_process

_COLORS = {CheckLevel.OK: "green", CheckLevel.WARNING: "yellow", CheckLevel.FAILURE: "red"}


@click.command()
@click.option("--online", is_flag=True, help="Also send a test push to a token that cannot exist.")
@json_option
def doctor(online: bool, as_json: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Check settings, database, certificates, templates, the ledger, the way to Apple and the worker."""
    checks = _checked(online=online)
    if as_json:
        failed = any(check.level == CheckLevel.FAILURE for check in checks)
        click.echo(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            mark = click.style(f"{check.level:8}", fg=_COLORS.get(check.level))
            cure = f"  → {check.cure}" if check.cure and check.level != CheckLevel.OK else ""
            click.echo(f"{mark} {check.name}: {' '.join(check.detail.split())}{cure}")
    if any(check.level == CheckLevel.FAILURE for check in checks):
        sys.exit(CHECK_FAILED)


def _checked(*, online: bool) -> list[Check]:
    try:
        settings = from_process()
    except SettingsRefused as error:
        return [Check("settings", CheckLevel.FAILURE, str(error), "Correct the setting")]
    checks = before_opening(settings)
    if any(check.level == CheckLevel.FAILURE for check in checks):
        return checks
    try:
        return checks + asyncio.run(_opened(settings, online=online))
    except WalletdError as error:
        return [*checks, Check("start", CheckLevel.FAILURE, error.detail, "Correct what the line says")]


async def _opened(settings: Settings, *, online: bool) -> list[Check]:
    role = "all" if settings.database_is_sqlite else "cli"
    async with application(settings, role=role, serving=False) as app:
        return await of_application(app, online=online)
