"""The one place where walletd is put together: settings in, services out."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding

from walletd.channels.addresses import AddressGuard
from walletd.channels.mail import MailSender, MailServer
from walletd.channels.webhooks import WebhookSender
from walletd.db.engine.database import Database, migrate, open_database, schema
from walletd.domain.calendar import whole_milliseconds
from walletd.domain.delivery.publishing import PushSchedule
from walletd.domain.errors import ConfigurationRefused
from walletd.pos.file_drop import FileDrop
from walletd.services import Services, build_services
from walletd.services.runtime import Runtime
from walletd.settings import Settings
from walletd.wallets.apple.certificates import (
    PassCredentials,
    load_certificate_and_key,
    load_p12,
    make_demo_credentials,
    require_usable,
)
from walletd.wallets.apple.platform import ApplePlatform
from walletd.wallets.barcodes import qr_svg, qr_terminal
from walletd.wallets.google.credentials import GoogleCredentials, read_key_file
from walletd.wallets.google.demo_account import demo_service_account
from walletd.wallets.google.platform import GoogleAddresses, GooglePlatform
from walletd.wallets.templates.templates import Template, read_templates
from walletd.wallets.vault import Vault

__all__ = [
    "Application",
    "GoogleCredentials",
    "PassCredentials",
    "application",
    "build_runtime",
    "demo_service_account",
    "intermediates_pem",
    "load_certificate_and_key",
    "load_p12",
    "make_demo_credentials",
    "master_key",
    "prepare_database",
    "qr_terminal",
    "read_key_file",
    "require_usable",
    "schema",
    "utc_now",
]

_MASTER_KEY_BYTES: Final = 32
_MASTER_KEY_FILE: Final = "master.key"
_DEMO: Final = "demo"


def utc_now() -> datetime:
    """Return the present instant; the only clock of a running walletd.

    It shows whole milliseconds, as instants are stored: what was stored and read again equals what the clock said.
    """
    return whole_milliseconds(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Application:
    """A running walletd without its edges."""

    settings: Settings
    services: Services
    runtime: Runtime
    apple: ApplePlatform
    google: GooglePlatform
    templates: dict[str, Template]
    clock: Callable[[], datetime]


def prepare_database(settings: Settings) -> None:
    """Make the data directory and bring the schema to this release; raises ConfigurationRefused."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrate(settings.database_url)


@asynccontextmanager
async def application(
    settings: Settings, *, role: str = "all", clock: Callable[[], datetime] = utc_now, serving: bool = True
) -> AsyncIterator[Application]:
    """Open the database, load templates and certificates, and give the use cases; closes everything at the end.

    `serving` is false for a command that works beside a server: it leaves leases and templates of the server alone.
    Raises ConfigurationRefused, TemplateInvalid.
    """
    templates = read_templates(settings.templates_dir)
    database = open_database(settings.database_url, role)
    runtime, apple, google = build_runtime(settings, database, templates, clock)
    await database.start()
    try:
        services = build_services(runtime)
        if serving:
            await services.upkeep.start()
            await services.programs.resume()
        else:
            await services.merchants.load_credentials()
        yield Application(settings, services, runtime, apple, google, templates, clock)
    finally:
        await apple.close()
        await google.close()
        await runtime.webhook_channel.close()
        await database.close()


def build_runtime(
    settings: Settings, database: Database, templates: dict[str, Template], clock: Callable[[], datetime]
) -> tuple[Runtime, ApplePlatform, GooglePlatform]:
    """Put the shared parts of all services together."""
    demo = settings.environment == _DEMO
    apple = ApplePlatform(
        templates,
        web_service_url=f"{settings.public_url}/apple",
        apns_url=settings.apns_url,
        apns_ca_file=settings.apns_ca_file,
        allow_demo=demo,
        clock=clock,
    )
    vault = Vault(master_key(settings))
    google = GooglePlatform(
        templates,
        settings.public_url,
        "demo" if demo else "prod",
        GoogleAddresses(settings.google_api_url, settings.google_save_url, settings.google_callback_keys_url),
        clock,
        vault.rotating_secret,
    )
    runtime = Runtime(
        database=database,
        clock=clock,
        vault=vault,
        platforms={apple.name: apple},
        object_platforms={google.name: google},
        templates={name: template.kind for name, template in templates.items()},
        colors={name: _colors(template) for name, template in templates.items()},
        draw_qr=qr_svg,
        public_url=settings.public_url,
        webhook_channel=_webhook_sender(settings),
        mail_channel=_mail_sender(settings),
        connect_till=FileDrop,
        instance=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        schedule=PushSchedule(burst=settings.apns_burst),
        add_link_seconds=settings.add_link_days * 24 * 3600,
    )
    database.on_invalidated(runtime.pass_cache.forget)
    return runtime, apple, google


def master_key(settings: Settings) -> bytes:
    """Return the key that seals secrets: the setting, else the file in the data directory, made on first use.

    Raises ConfigurationRefused where it has the wrong form or others may read the file.
    """
    if settings.master_key is not None:
        return _decoded(settings.master_key, "WALLETD_MASTER_KEY")
    path = settings.data_dir / _MASTER_KEY_FILE
    if not path.exists():
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(path, secrets.token_hex(_MASTER_KEY_BYTES))
    if path.stat().st_mode & 0o077:
        raise ConfigurationRefused(f"Others may read {path}; run: chmod 600 {path}")
    return _decoded(path.read_text(encoding="ascii").strip(), str(path))


def intermediates_pem(credentials: PassCredentials) -> bytes:
    """Return the authorities that issued pass credentials, PEM: what a fake Apple has to trust."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in credentials.chain)


def _webhook_sender(settings: Settings) -> WebhookSender:
    guard = AddressGuard(ip_network(network) for network in settings.webhook_networks)
    return WebhookSender(guard, settings.webhook_ca_file)


def _mail_sender(settings: Settings) -> MailSender | None:
    if settings.smtp_url is None:
        return None
    own_host = urlsplit(settings.public_url).hostname or ""
    return MailSender(MailServer.from_url(settings.smtp_url, own_host), own_host)


def _decoded(text: str, source: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _MASTER_KEY_BYTES:
        raise ConfigurationRefused(f"{source} must be {_MASTER_KEY_BYTES * 2} hexadecimal digits.")
    return key


def _write_private(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(content + "\n")


def _colors(template: Template) -> dict[str, str]:
    colors = template.colors
    return {"background": colors.background.css, "foreground": colors.foreground.css, "label": colors.label.css}
