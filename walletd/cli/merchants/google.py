"""Google Wallet on the command line: loading a service account, and what doctor says of the way to Google."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from walletd.bootstrap import Application, read_key_file
from walletd.cli.opening import private_file, run_command
from walletd.domain.checks import Check
from walletd.domain.errors import ValidationFailed

_NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""A service account has no end."""


def set_google(merchant_id: str | None, issuer: str | None, key_file: Path | None) -> None:
    """Check an issuer id and a key file, and store them encrypted; raises ValidationFailed, CertificateInvalid."""
    if issuer is None or key_file is None:
        raise ValidationFailed("Give --google-issuer ID together with --google-service-account FILE.")
    credentials = read_key_file(issuer, private_file(key_file))

    async def work(app: Application) -> None:
        row = await app.services.merchants.get(merchant_id)
        await app.services.merchants.set_credentials(row.id, "google", issuer, credentials.to_bytes(), _NEVER)

    run_command(work)
    click.echo(
        f"Loaded {credentials.client_email} for issuer {issuer}. A running server writes the classes within ten"
        " seconds. See whether Google lets it: walletd doctor"
    )


async def check_google(app: Application) -> list[Check]:
    """Return what doctor says of each merchant's way to Google; nothing where no merchant uses it."""
    found = list[Check]()
    for merchant in await app.services.merchants.list():
        for finding in await app.google.findings(merchant.id, await app.services.wallet_objects.classes(merchant.id)):
            line = f"{merchant.name}: {finding.detail}"
            found.append(Check(f"google {finding.name}", finding.level, line, finding.cure))
    return found
