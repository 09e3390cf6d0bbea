"""Everything an operator can set, read once where a process starts. Nothing else reads the environment.

A value comes from, in this order: what the caller overrides (a command's option), `WALLETD_<NAME>`, the file that
`WALLETD_<NAME>_FILE` names (for secrets mounted into a container), the TOML file, the default. A name that does not
exist, a value out of range or two values that contradict each other stop the start with one sentence that says which.
Secrets never appear in a representation of the settings.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta

PREFIX = "WALLETD_"
CONFIG_FILE = "WALLETD_CONFIG_FILE"
CONFIG_FILE_DESCRIPTION = "TOML file with settings; without it walletd.toml in the data directory is read, if there"
# The test suite has settings of its own (a database server to use); a walletd that a test starts must not stumble.
_OF_THE_TESTS = "WALLETD_TEST_"
_HIDDEN = "***"
_NETWORKS = ("trusted_proxies", "webhook_networks")


class SettingsRefused(Exception):
    """walletd cannot start with these settings; the message names the setting at fault and never its value."""


_REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What walletd was told. Every field is `WALLETD_<FIELD>` in the environment and `<field>` in the TOML file."""

    environment: Annotated[
        Literal["demo", "production"],
        Meta(description="production insists on https and refuses demo certificates"),
    ] = "demo"
    data_dir: Annotated[
        Path,
        Meta(description="Folder of the embedded database, the keys and the assets"),
    ] = Path("walletd-data")
    database_url: Annotated[
        str,
        Meta(
            description="sqlite:///FILE, or postgresql+psycopg://… for several processes",
            extra={"default": "SQLite in the data directory"},
        ),
    ]
    public_url: Annotated[
        str,
        Meta(
            description="Address under which phones and browsers reach walletd, without a path",
            extra={"default": "http://localhost:<port>; must be set in production"},
        ),
    ]
    host: Annotated[str, Meta(description="Address to listen on", min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on", ge=1, le=65535)] = 8080
    workers: Annotated[
        int,
        Meta(description="Web processes that share the port; more than one needs PostgreSQL", ge=1, le=64),
    ] = 1
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks whose X-Forwarded-* headers are believed, comma-separated",
            extra={"default": "none"},
        ),
    ] = ()
    master_key: Annotated[
        str | None,
        Meta(
            description="Secret that encrypts certificates and derives tokens: 64 hexadecimal digits",
            extra={"secret": True, "default": "made once and kept in the data directory"},
        ),
    ] = None
    templates_dir: Annotated[
        Path,
        Meta(
            description="Folder of the pass templates",
            extra={"default": "pass_templates, as delivered"},
        ),
    ] = _REPOSITORY / "pass_templates"
    add_link_days: Annotated[int, Meta(description="How long an add link works, in days", ge=1, le=3650)] = 14
    apns_url: Annotated[str, Meta(description="Apple's push service")] = "https://api.push.apple.com"
    apns_ca_file: Annotated[
        Path | None,
        Meta(
            description="Certificate authorities to trust for the push service",
            extra={"default": "the operating system's"},
        ),
    ] = None
    apns_burst: Annotated[
        float,
        Meta(
            description="How much of a phone's push throttle may be used up at once, in pushes",
            ge=1.0,
            le=100.0,
        ),
    ] = 4.0
    google_api_url: Annotated[str, Meta(description="Google's wallet service")] = "https://walletobjects.googleapis.com"
    google_save_url: Annotated[
        str,
        Meta(description="Where a save link leads; the token is appended"),
    ] = "https://pay.google.com/gp/v/save"
    google_callback_keys_url: Annotated[
        str,
        Meta(description="Where Google publishes the keys that sign its callbacks"),
    ] = "https://pay.google.com/gp/m/issuer/keys"
    google_button_dir: Annotated[
        Path | None, Meta(description="Folder of Google's button, de.svg and en.svg", extra={"default": "a plain link"})
    ] = None
    smtp_url: Annotated[
        str | None,
        Meta(
            description="Mail server: smtp://user:password@host:587, or smtps:// for TLS from the first byte",
            extra={"secret": True, "default": "no mail is sent"},
        ),
    ] = None
    webhook_networks: Annotated[
        tuple[str, ...],
        Meta(
            description="Private networks that webhooks may call, comma-separated, such as 10.1.0.0/16",
            extra={"default": "none"},
        ),
    ] = ()
    webhook_ca_file: Annotated[
        Path | None,
        Meta(
            description="Certificate authorities to trust for webhooks",
            extra={"default": "the operating system's"},
        ),
    ] = None
    log_format: Annotated[
        Literal["console", "json"],
        Meta(description="console for people, json for a log collector"),
    ] = "console"

    @property
    def database_is_sqlite(self) -> bool:
        """Say whether the embedded database is used."""
        return self.database_url.startswith("sqlite:")

    def shown(self) -> dict[str, str]:
        """Return every setting as text under its environment name, secrets and passwords hidden."""
        return {described.name: _shown(getattr(self, described.field), secret=described.secret) for described in TABLE}

    def __repr__(self) -> str:
        """Show everything but secrets."""
        return f"Settings({', '.join(f'{name}={value}' for name, value in self.shown().items())})"


class Described(NamedTuple):
    """One setting, as the documentation and `walletd doctor` show it."""

    field: str
    name: str
    description: str
    default: str
    secret: bool
    choices: tuple[str, ...]


def _described(field: msgspec.structs.FieldInfo, hint: object) -> Described:
    meta = next(part for part in get_args(hint) if isinstance(part, Meta))
    extra = meta.extra or {}
    default = extra.get("default") or str(field.default)
    return Described(
        field=field.name,
        name=PREFIX + field.name.upper(),
        description=str(meta.description),
        default=str(default),
        secret=bool(extra.get("secret")),
        choices=get_args(get_args(hint)[0]) if get_origin(get_args(hint)[0]) is Literal else (),
    )


def describe() -> tuple[Described, ...]:
    """Return all settings in the order in which an operator meets them."""
    hints = get_type_hints(Settings, include_extras=True)
    return tuple(_described(field, hints[field.name]) for field in msgspec.structs.fields(Settings))


TABLE = describe()
_FIELD_OF = {described.name: described.field for described in TABLE}
_CHOICES_OF = {described.field: described.choices for described in TABLE}


def from_process(overrides: Mapping[str, object] | None = None) -> Settings:
    """Read the settings of this process; `overrides` maps fields to values that a command's options gave."""
    return load(os.environ, overrides)


def load(environ: Mapping[str, str], overrides: Mapping[str, object] | None = None) -> Settings:
    """Build the settings from an environment. Raises SettingsRefused."""
    given = _from_environment(environ)
    given.update({field: value for field, value in (overrides or {}).items() if value is not None})
    values = {**_from_toml(environ, given), **given}
    values.setdefault("database_url", f"sqlite:///{Path(str(values.get('data_dir', 'walletd-data')))}/walletd.sqlite3")
    if values.get("environment") != "production":
        values.setdefault("public_url", f"http://localhost:{values.get('port', 8080)}")
    settings = _converted(values)
    _refuse_bad_addresses(settings)
    _refuse_unsafe(settings)
    return settings


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    """Collect what the environment sets. An empty value counts as not set, as compose files write it."""
    given: dict[str, object] = {}
    for name in sorted(environ):
        value = environ[name]
        if not name.startswith(PREFIX) or name.startswith(_OF_THE_TESTS) or name == CONFIG_FILE or not value:
            continue
        plain = name if name in _FIELD_OF else name.removesuffix("_FILE")
        if plain not in _FIELD_OF:
            raise SettingsRefused(f"{name} is no setting of walletd; check the spelling")
        if plain != name and environ.get(plain):
            raise SettingsRefused(f"{plain} and {name} are both set; keep one")
        given[_FIELD_OF[plain]] = value if plain == name else _content_of(name, value)
    return given


def _content_of(name: str, path: str) -> str:
    """Read the value that a `…_FILE` setting points to; the line end that editors add is not part of it."""
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsRefused(f"{name}: the file cannot be read ({_reason(error)})") from error


def _from_toml(environ: Mapping[str, str], given: Mapping[str, object]) -> dict[str, object]:
    named = environ.get(CONFIG_FILE)
    path = Path(named) if named else Path(str(given.get("data_dir", "walletd-data"))) / "walletd.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if named:
            raise SettingsRefused(f"{CONFIG_FILE}: there is no such file") from error
        return {}
    except (OSError, ValueError) as error:
        raise SettingsRefused(f"{path}: cannot be read as TOML ({_reason(error)})") from error
    unknown = sorted(set(values) - set(_FIELD_OF.values()))
    if unknown:
        raise SettingsRefused(f"{path}: {unknown[0]} is no setting of walletd; check the spelling")
    return values


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)


def _converted(values: dict[str, object]) -> Settings:
    if isinstance(values.get("public_url"), str):
        values["public_url"] = str(values["public_url"]).rstrip("/")
    for field in _NETWORKS:
        given = values.get(field)
        if isinstance(given, str):
            values[field] = [part.strip() for part in given.split(",") if part.strip()]
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsRefused(_sentence(str(error))) from error


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str) or not value:
        raise ValueError("Expected a path")
    return Path(value).expanduser()


def _sentence(message: str) -> str:
    """Turn msgspec's words, which name a field, into ours, which name the setting. Neither carries the value."""
    missing = re.search(r"missing required field `(\w+)`", message)
    if missing:
        return f"{PREFIX}{missing[1].upper()} must be set"
    text, _, place = message.partition(" - at `$.")
    field = re.split(r"[`\[.]", place)[0]
    if text.startswith("Invalid enum value"):
        return f"{PREFIX}{field.upper()} must be {' or '.join(_CHOICES_OF[field])}"
    return f"{PREFIX}{field.upper()}: {text[:1].lower()}{text[1:]}".replace("`", "")


def _refuse_bad_addresses(settings: Settings) -> None:
    """Refuse addresses of a form that would only fail later, when a phone or a push needs them."""
    if not settings.database_url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise SettingsRefused("WALLETD_DATABASE_URL must start with sqlite:/// or postgresql+psycopg://")
    for field in ("public_url", "apns_url", "google_api_url", "google_save_url", "google_callback_keys_url"):
        if not _is_web_address(getattr(settings, field)):
            raise SettingsRefused(f"{PREFIX}{field.upper()} must be an http:// or https:// address")
    if not re.fullmatch(r"https?://[^/?#@]+", settings.public_url):
        raise SettingsRefused("WALLETD_PUBLIC_URL must be an address without a user, a path or a query")
    if settings.smtp_url is not None and not settings.smtp_url.startswith(("smtp://", "smtps://")):
        raise SettingsRefused("WALLETD_SMTP_URL must start with smtp:// or smtps://")
    for field in _NETWORKS:
        for network in getattr(settings, field):
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise SettingsRefused(f"{PREFIX}{field.upper()} must list networks such as 10.0.0.0/8") from error


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _refuse_unsafe(settings: Settings) -> None:
    """Refuse what would run, but not safely."""
    if settings.master_key is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", settings.master_key):
        raise SettingsRefused("WALLETD_MASTER_KEY must be 64 hexadecimal digits, as `openssl rand -hex 32` makes them")
    if settings.workers > 1 and settings.database_is_sqlite:
        raise SettingsRefused("WALLETD_WORKERS: several processes need PostgreSQL; set WALLETD_DATABASE_URL")
    if settings.environment != "production":
        return
    for field in ("public_url", "apns_url", "google_api_url", "google_save_url", "google_callback_keys_url"):
        if urlsplit(getattr(settings, field)).scheme != "https":
            raise SettingsRefused(f"{PREFIX}{field.upper()} must be an https:// address in production")


def _shown(value: object, *, secret: bool) -> str:
    if value is None or value == ():
        return ""
    if secret:
        return _HIDDEN
    if isinstance(value, tuple):
        return ", ".join(value)
    return _without_password(str(value))


def _without_password(value: str) -> str:
    """Hide the password of an address such as a database URL, also one passed as a parameter."""
    parts = urlsplit(value)
    if not parts.scheme or parts.password is None:
        return re.sub(r"(?i)(password=)[^&]*", rf"\1{_HIDDEN}", value)
    user, _, host = parts.netloc.rpartition("@")
    hidden = parts._replace(netloc=f"{user.partition(':')[0]}:{_HIDDEN}@{host}")
    return urlunsplit(hidden)
