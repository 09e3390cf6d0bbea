"""The checks of `walletd doctor`, each a line with the command that mends what it found."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from walletd.bootstrap import Application, master_key, schema
from walletd.cli.merchants.google import check_google
from walletd.domain.cards.kinds import KINDS
from walletd.domain.checks import Check, CheckLevel
from walletd.domain.errors import WalletdError
from walletd.domain.outbox.attempts import Verdict
from walletd.settings import Settings

_FREE_BYTES_LOW: Final = 500 * 1024 * 1024
_FREE_BYTES_TOO_LOW: Final = 50 * 1024 * 1024
_APNS_SECONDS: Final = 5.0
_ZERO_TOKEN: Final = "0" * 64
_COMPLAINTS_OF: Final = timedelta(days=1)


def before_opening(settings: Settings) -> list[Check]:
    """Check what must be right before the database can be opened."""
    return [_settings(settings), _disk(settings), _key(settings), _schema(settings)]


async def of_application(app: Application, *, online: bool) -> list[Check]:
    """Check a running installation's database, templates, certificates and worker; `online` sends one test push."""
    found = [
        Check("database", CheckLevel.OK, app.runtime.database.engine()),
        _templates(app),
        *await _certificates(app),
        *await check_google(app),
        _address(app.settings),
    ]
    found += [await _guarded("ledger", app, _ledger), await _guarded("worker", app, _worker)]
    found += [await _guarded("mail", app, _mail)]
    found += [await _guarded("phones", app, _complaints), await _apns(app)]
    if online:
        found += await _test_push(app)
    return found


async def _guarded(name: str, app: Application, check: Callable[[Application], Awaitable[Check]]) -> Check:
    try:
        return await check(app)
    except WalletdError as error:
        return Check(
            name, CheckLevel.FAILURE, error.detail, "Restore the last backup, or look into the log of walletd serve"
        )


def _settings(settings: Settings) -> Check:
    return Check("settings", CheckLevel.OK, f"environment {settings.environment}, data in {settings.data_dir}")


def _disk(settings: Settings) -> Check:
    if not settings.data_dir.exists():
        return Check("disk", CheckLevel.FAILURE, f"{settings.data_dir} does not exist", "walletd init")
    free = shutil.disk_usage(settings.data_dir).free
    said = f"{free // (1024 * 1024)} MiB free at {settings.data_dir}"
    if free < _FREE_BYTES_TOO_LOW:
        return Check("disk", CheckLevel.FAILURE, said, "Free some space: nothing can be booked on a full disk")
    return Check(
        "disk",
        CheckLevel.WARNING if free < _FREE_BYTES_LOW else CheckLevel.OK,
        said,
        "Free some space" * (free < _FREE_BYTES_LOW),
    )


def _key(settings: Settings) -> Check:
    try:
        master_key(settings)
    except (WalletdError, OSError) as error:
        cure = str(error).partition("run: ")[2]
        return Check(
            "master key",
            CheckLevel.FAILURE,
            str(error),
            cure or "Restore the key from your backup; without it cards die",
        )
    return Check("master key", CheckLevel.OK, "is there, and only we can read it")


def _schema(settings: Settings) -> Check:
    try:
        present, wanted = schema(settings.database_url)
    except WalletdError as error:
        return Check("schema", CheckLevel.FAILURE, error.detail, "Check WALLETD_DATABASE_URL and the database server")
    if present is None:
        return Check("schema", CheckLevel.FAILURE, "there is no database yet", "walletd init")
    if present != wanted:
        return Check(
            "schema", CheckLevel.FAILURE, f"is {present}, this release needs {wanted}", "walletd serve (it migrates)"
        )
    return Check("schema", CheckLevel.OK, f"is {present}, as this release needs it")


def _templates(app: Application) -> Check:
    missing = sorted(set(KINDS) - {template.kind for template in app.templates.values()})
    if missing:
        return Check("templates", CheckLevel.FAILURE, f"none for {', '.join(missing)}", "Check WALLETD_TEMPLATES_DIR")
    return Check("templates", CheckLevel.OK, f"{len(app.templates)} templates, every kind of card has one")


async def _certificates(app: Application) -> list[Check]:
    merchants = await app.services.merchants.list()
    if not merchants:
        return [Check("certificates", CheckLevel.FAILURE, "there is no merchant", "walletd init")]
    found = []
    for merchant in merchants:
        for finding in app.apple.findings(merchant.id, app.clock()):
            cure = f"{finding.cure}: walletd merchant set --apple-p12 FILE" if finding.cure else ""
            found.append(
                Check(f"certificate {finding.name}", finding.level, f"{merchant.name}: {finding.detail}", cure)
            )
    return found


def _address(settings: Settings) -> Check:
    url = f"{settings.public_url}/apple"
    if urlsplit(url).scheme != "https":
        level = CheckLevel.WARNING if settings.environment == "demo" else CheckLevel.FAILURE
        return Check("web service", level, f"{url} is not https, which iPhones insist on", "Set WALLETD_PUBLIC_URL")
    return Check("web service", CheckLevel.OK, f"{url} stands in every pass")


async def _ledger(app: Application) -> Check:
    accounts, entries = await app.services.proof.verify()
    return Check("ledger", CheckLevel.OK, f"{accounts} accounts, {entries} entries hold")


async def _worker(app: Application) -> Check:
    state: Any = await app.services.health.ready()
    paused = state["paused_channels"]
    if paused:
        reasons = "; ".join(f"{channel['platform']}: {channel['reason']}" for channel in paused)
        return Check(
            "worker", CheckLevel.FAILURE, f"nothing can be delivered now ({reasons})", "walletd doctor --online"
        )
    lag = max(state["publish_lag_seconds"], state["deliver_lag_seconds"])
    waiting = f"{state['dirty_cards']} cards to publish, {state['due_targets']} phones to tell, {lag:.0f} s behind"
    if state["worker"] == "behind":
        return Check("worker", CheckLevel.FAILURE, waiting, "walletd serve (or --role worker)")
    return Check("worker", CheckLevel.OK, waiting)


async def _mail(app: Application) -> Check:
    mailboxes = [merchant for merchant in await app.services.merchants.list() if merchant.service_mail]
    found = await app.services.service_mail.check_server()
    if found is None:
        said = "no mail server is set"
        if mailboxes:
            return Check(
                "mail", CheckLevel.WARNING, f"{said}: {mailboxes[0].service_mail} gets nothing", "Set WALLETD_SMTP_URL"
            )
        return Check("mail", CheckLevel.OK, f"{said}, and no merchant has a service mailbox")
    if found.verdict is not Verdict.DONE:
        return Check("mail", CheckLevel.FAILURE, found.reason, "Correct WALLETD_SMTP_URL, or mend the mail server")
    dead = await app.services.jobs.newest_dead("mail")
    if dead is not None and dead.ended_at is not None:
        said = f"a mail was given up on {dead.ended_at:%Y-%m-%d}: {dead.last_reason}"
        return Check("mail", CheckLevel.WARNING, said, "Check the address: walletd merchant show")
    if not mailboxes:
        return Check("mail", CheckLevel.OK, f"{found.reason}; no merchant has a service mailbox")
    return Check("mail", CheckLevel.OK, found.reason)


async def _complaints(app: Application) -> Check:
    counts = await app.services.devices.complaints(app.clock() - _COMPLAINTS_OF)
    serious = {kind: number for kind, number in sorted(counts.items()) if kind != "other"}
    if serious:
        said = ", ".join(f"{number} × {kind}" for kind, number in serious.items())
        return Check(
            "phones", CheckLevel.WARNING, f"complained in the last day: {said}", "Look at the table device_log"
        )
    return Check(
        "phones",
        CheckLevel.OK,
        f"{sum(counts.values())} lines in the last day, none of them a complaint of a known kind",
    )


async def _apns(app: Application) -> Check:
    """Open a TLS connection, without our certificate: whether the way is free and the other side genuine."""
    parts = urlsplit(app.settings.apns_url)
    host, port = parts.hostname or "", parts.port or 443
    level = CheckLevel.WARNING if app.settings.environment == "demo" else CheckLevel.FAILURE
    try:
        context = ssl.create_default_context(cafile=app.settings.apns_ca_file)
        context.set_alpn_protocols(["h2"])
        async with asyncio.timeout(_APNS_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except TimeoutError:
        return Check("apns", level, f"{host} does not answer", f"Open port {port} to {host} in the firewall")
    except (OSError, ssl.SSLError) as error:
        cure = f"Open port {port} to {host} in the firewall; a proxy must not break TLS open"
        return Check("apns", level, f"{host} cannot be reached: {error}", cure)
    chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
    writer.close()
    if chosen != "h2":
        return Check("apns", level, f"{host} does not speak HTTP/2", "A proxy must not break TLS open")
    return Check("apns", CheckLevel.OK, f"{host} port {port} answers over TLS")


async def _test_push(app: Application) -> list[Check]:
    """Push to a token that cannot exist: only a genuine APNs that accepts our certificate says BadDeviceToken."""
    found = []
    for merchant in await app.services.merchants.list():
        if not app.apple.is_configured(merchant.id):
            continue
        outcome = (await app.apple.deliver(merchant.id, [_ZERO_TOKEN]))[0]
        if outcome.reason == "BadDeviceToken":
            found.append(Check("test push", CheckLevel.OK, f"{merchant.name}: APNs takes our certificate"))
        else:
            said = f"{merchant.name}: APNs answered {outcome.reason or outcome.verdict}, expected BadDeviceToken"
            found.append(Check("test push", CheckLevel.FAILURE, said, "walletd merchant set --apple-p12 FILE"))
    return found
