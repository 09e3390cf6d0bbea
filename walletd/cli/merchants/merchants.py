"""`walletd merchant`: show a merchant, load its Apple pass certificate after checking it, name its mailbox."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from walletd.bootstrap import (
    Application,
    PassCredentials,
    load_certificate_and_key,
    load_p12,
    require_usable,
    utc_now,
)
from walletd.cli.merchants.google import set_google
from walletd.cli.opening import json_option, merchant_option, private_file, run_command, shell
from walletd.domain.errors import CertificateInvalid, ValidationFailed
from walletd.services.merchants.merchants import POLICIES

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_GIVE: Final = "Give --apple-p12 FILE, or --apple-certificate FILE together with --apple-key FILE"


@click.group()
def merchant() -> None:
    """Show and change a merchant."""


@merchant.command()
@merchant_option
@json_option
def show(merchant_id: str | None, as_json: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Show the merchant and what its certificate says."""

    async def work(app: Application) -> dict[str, object]:
        row = await app.services.merchants.get(merchant_id)
        findings = app.apple.findings(row.id, app.clock())
        return {
            "merchant_id": row.id,
            "name": row.name,
            "currency": row.currency,
            "timezone": row.timezone,
            "languages": list(row.languages),
            "service_mail": row.service_mail or "",
            **{name: getattr(row, name) for name in POLICIES},
            "till_folder": row.till_folder or "",
            "google": _google(app, row.id),
            "apple": [{"level": each.level, "check": each.name, "detail": each.detail} for each in findings],
        }

    shown = run_command(work)
    if as_json:
        click.echo(json.dumps(shown))
        return
    for name, value in shown.items():
        if name != "apple":
            click.echo(f"{name:15} {', '.join(value) if isinstance(value, list) else value}")
    apple = shown["apple"]
    for finding in apple if isinstance(apple, list) else []:
        click.echo(f"apple           {finding['level']:8} {finding['detail']}")


@merchant.command("set")
@click.option("--apple-p12", type=_file, help="Pass certificate with its key, as the keychain exports it.")
@click.option("--apple-certificate", type=_file, help="pass.cer as Apple gives it, together with --apple-key.")
@click.option("--apple-key", type=_file, help="Private key that made the certificate's signing request.")
@click.option(
    "--apple-intermediate",
    "intermediates",
    type=_file,
    multiple=True,
    help="Intermediate certificate, where Apple's is not one that walletd brings along.",
)
@click.option("--passphrase-file", type=_file, help="File with the passphrase; without it a terminal is asked.")
@click.option("--google-issuer", metavar="ID", help="Issuer id of the Google Pay & Wallet Console.")
@click.option("--google-service-account", type=_file, help="JSON key of a service account that is a user there.")
@click.option("--service-mail", metavar="ADDRESS", help='Mailbox for checkpoints and alarms; "" for none.')
@click.option("--merge-requests", type=click.Choice(POLICIES["merge_requests"]), help="Who may ask for a merge.")
@click.option("--duplicate-mail", type=click.Choice(POLICIES["duplicate_mail"]), help="When duplicates are mailed.")
@click.option("--till-folder", metavar="DIR", help='Folder from which a till takes notices of merges; "" for none.')
@merchant_option
def set_merchant(
    merchant_id: str | None,
    service_mail: str | None,
    google_issuer: str | None,
    google_service_account: Path | None,
    **others: Any,
) -> None:
    """Load a pass certificate or a service account of Google, name the mailbox of the staff, or choose policies.

    A certificate is checked by a test signature first, and stored encrypted. A running server takes it within ten
    seconds, and every card is published anew with it. A new mailbox is sent a greeting.
    """
    till_folder: str | None = others.pop("till_folder")
    policies = {name: others.pop(name) for name in POLICIES}
    chosen = {name: value for name, value in policies.items() if value is not None}
    certificate = others
    google = google_issuer is not None or google_service_account is not None
    if not any(certificate.values()) and service_mail is None and not google and not chosen and till_folder is None:
        raise ValidationFailed(
            f"{_GIVE}, or --google-issuer with --google-service-account, or --service-mail, --merge-requests,"
            " --duplicate-mail or --till-folder."
        )
    if chosen:
        _set_policies(merchant_id, chosen)
    if till_folder is not None:
        _set_till(merchant_id, till_folder)
    if any(certificate.values()):
        _set_certificate(merchant_id, **certificate)
    if google:
        set_google(merchant_id, google_issuer, google_service_account)
    if service_mail is not None:
        _set_mailbox(merchant_id, service_mail)


def _google(app: Application, merchant_id: str) -> str:
    return app.google.topic(merchant_id) if app.google.is_configured(merchant_id) else ""


def _set_policies(merchant_id: str | None, policies: dict[str, str]) -> None:
    async def work(app: Application) -> None:
        row = await app.services.merchants.get(merchant_id)
        await app.services.merchants.set_policies(shell(row.id), policies)

    run_command(work)
    for name, value in policies.items():
        click.echo(f"{name} is {value}.")


def _set_till(merchant_id: str | None, folder: str) -> None:
    async def work(app: Application) -> str | None:
        row = await app.services.merchants.get(merchant_id)
        return await app.services.tills.set_folder(shell(row.id), folder)

    stored = run_command(work)
    click.echo(f"Notices of merges are put into {stored}." if stored else "No till is told of merges any more.")


def _set_mailbox(merchant_id: str | None, address: str) -> None:
    async def work(app: Application) -> tuple[str | None, bool]:
        row = await app.services.merchants.get(merchant_id)
        mailbox = await app.services.service_mail.set_mailbox(shell(row.id), address)
        return mailbox, app.settings.smtp_url is not None

    mailbox, has_server = run_command(work)
    if mailbox is None:
        click.echo("No mail is sent to this merchant any more.")
    elif has_server:
        click.echo(f"Checkpoints and alarms go to {mailbox}. A running server sends it a greeting now.")
    else:
        click.echo(f"Checkpoints and alarms go to {mailbox}, once WALLETD_SMTP_URL names a mail server.")


def _set_certificate(
    merchant_id: str | None,
    *,
    apple_p12: Path | None,
    apple_certificate: Path | None,
    apple_key: Path | None,
    intermediates: tuple[Path, ...],
    passphrase_file: Path | None,
) -> None:
    extra = [path.read_bytes() for path in intermediates]
    given: str | None = None
    if passphrase_file is not None:
        given = private_file(passphrase_file).decode("utf-8").rstrip("\r\n")

    def load(passphrase: str | None) -> PassCredentials:
        if apple_p12 is not None and apple_certificate is None and apple_key is None:
            return load_p12(private_file(apple_p12), passphrase, extra)
        if apple_p12 is None and apple_certificate is not None and apple_key is not None:
            return load_certificate_and_key(apple_certificate.read_bytes(), private_file(apple_key), passphrase, extra)
        raise ValidationFailed(f"{_GIVE}.")

    credentials = _loaded(load, given)
    require_usable(credentials, utc_now())

    async def work(app: Application) -> None:
        row = await app.services.merchants.get(merchant_id)
        await app.services.merchants.set_credentials(
            row.id, "apple", credentials.pass_type_identifier, credentials.to_bytes(), credentials.not_valid_after
        )

    run_command(work)
    click.echo(
        f"Loaded {credentials.pass_type_identifier} of team {credentials.team_identifier},"
        f" valid until {credentials.not_valid_after:%Y-%m-%d}. A test signature was made and verified."
    )


def _loaded(load: Callable[[str | None], PassCredentials], given: str | None) -> PassCredentials:
    """Load, and ask for a passphrase where it fails without one and there is somebody to ask."""
    try:
        return load(given)
    except CertificateInvalid:
        if given is not None or not sys.stdin.isatty():
            raise
        return load(click.prompt("Passphrase", hide_input=True, err=True))
