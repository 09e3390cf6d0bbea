"""The settings: where a value comes from, and what stops a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from walletd import settings
from walletd.settings import Settings, SettingsRefused, load

_SECURE = {
    "WALLETD_ENVIRONMENT": "production",
    "WALLETD_PUBLIC_URL": "https://cards.example",
}


def _refusal(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsRefused) as refused:
        load(environ)
    return str(refused.value)


def test_without_any_setting_walletd_is_a_demo_on_this_machine() -> None:
    """Nothing has to be set to try walletd."""
    loaded = load({})
    assert (loaded.environment, loaded.public_url, loaded.host) == ("demo", "http://localhost:8080", "127.0.0.1")
    assert loaded.database_url == "sqlite:///walletd-data/walletd.sqlite3"


def test_the_database_follows_the_data_directory() -> None:
    """The embedded database lies in the data directory, wherever that is."""
    assert load({"WALLETD_DATA_DIR": "/srv/cards"}).database_url == "sqlite:////srv/cards/walletd.sqlite3"


def test_the_address_follows_the_port() -> None:
    """A demo on another port is reached on that port."""
    assert load({"WALLETD_PORT": "9000"}).public_url == "http://localhost:9000"


def test_text_from_the_environment_becomes_what_the_setting_needs() -> None:
    """Numbers, paths and lists are written as text."""
    loaded = load({"WALLETD_APNS_BURST": "2.5", "WALLETD_TRUSTED_PROXIES": "10.0.0.0/8, ::1", "WALLETD_DATA_DIR": "x"})
    assert (loaded.apns_burst, loaded.trusted_proxies, loaded.data_dir) == (2.5, ("10.0.0.0/8", "::1"), Path("x"))


def test_an_empty_value_counts_as_not_set() -> None:
    """A compose file that passes an unset variable on does not set anything."""
    assert load({"WALLETD_SMTP_URL": "", "WALLETD_PORT": ""}) == load({})


def test_what_does_not_belong_to_walletd_is_ignored() -> None:
    """Other programs, and the test suite, have variables of their own."""
    assert load({"HOME": "/root", "WALLETD_TEST_PG_URL": "postgresql://x"}) == load({})


# --- where values come from -------------------------------------------------------------------------------------------


def test_a_secret_can_lie_in_a_file(tmp_path: Path) -> None:
    """`…_FILE` names a file that holds the value; the line end of an editor does not count."""
    (tmp_path / "key").write_text("4f" * 32 + "\n", encoding="utf-8")
    assert load({"WALLETD_MASTER_KEY_FILE": str(tmp_path / "key")}).master_key == "4f" * 32


def test_a_setting_and_its_file_twin_exclude_each_other(tmp_path: Path) -> None:
    """Two sources for one value are a mistake, not a precedence."""
    (tmp_path / "port").write_text("1", encoding="utf-8")
    refusal = _refusal({"WALLETD_PORT": "2", "WALLETD_PORT_FILE": str(tmp_path / "port")})
    assert refusal == "WALLETD_PORT and WALLETD_PORT_FILE are both set; keep one"


def test_the_file_in_the_data_directory_is_read(tmp_path: Path) -> None:
    """walletd.toml holds settings under their names in lower case."""
    (tmp_path / "walletd.toml").write_text('port = 9000\ntrusted_proxies = ["10.0.0.0/8"]\n', encoding="utf-8")
    loaded = load({"WALLETD_DATA_DIR": str(tmp_path)})
    assert (loaded.port, loaded.trusted_proxies) == (9000, ("10.0.0.0/8",))


def test_the_environment_counts_more_than_the_file(tmp_path: Path) -> None:
    """A value can be changed for one start without editing the file."""
    (tmp_path / "c.toml").write_text("port = 9000\n", encoding="utf-8")
    assert load({"WALLETD_CONFIG_FILE": str(tmp_path / "c.toml"), "WALLETD_PORT": "9001"}).port == 9001


def test_an_option_of_a_command_counts_most() -> None:
    """--port wins over the environment; an option that was not given changes nothing."""
    assert load({"WALLETD_PORT": "9001"}, {"port": 9002, "host": None}).port == 9002


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """Whoever names a file wants it read."""
    assert _refusal({"WALLETD_CONFIG_FILE": str(tmp_path / "no.toml")}) == "WALLETD_CONFIG_FILE: there is no such file"


@pytest.mark.parametrize(
    ("text", "fault"),
    [("prot = 9000", "prot is no setting of walletd"), ("port = ", "cannot be read as TOML")],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, fault: str) -> None:
    """The refusal names the file and what is wrong in it."""
    (tmp_path / "walletd.toml").write_text(text, encoding="utf-8")
    refusal = _refusal({"WALLETD_DATA_DIR": str(tmp_path)})
    assert str(tmp_path / "walletd.toml") in refusal
    assert fault in refusal


# --- what stops a start -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "refusal"),
    [
        ({"WALLETD_PROT": "1"}, "WALLETD_PROT is no setting of walletd; check the spelling"),
        ({"WALLETD_PORT": "0"}, "WALLETD_PORT: expected int >= 1"),
        ({"WALLETD_PORT": "http"}, "WALLETD_PORT: expected int, got str"),
        ({"WALLETD_APNS_BURST": "nan"}, "WALLETD_APNS_BURST: expected float >= 1.0"),
        ({"WALLETD_ENVIRONMENT": "prod"}, "WALLETD_ENVIRONMENT must be demo or production"),
        ({"WALLETD_LOG_FORMAT": "xml"}, "WALLETD_LOG_FORMAT must be console or json"),
        (
            {"WALLETD_MASTER_KEY": "short"},
            "WALLETD_MASTER_KEY must be 64 hexadecimal digits, as `openssl rand -hex 32` makes them",
        ),
        (
            {"WALLETD_MASTER_KEY_FILE": "/no/file"},
            "WALLETD_MASTER_KEY_FILE: the file cannot be read (No such file or directory)",
        ),
        ({"WALLETD_APNS_URL": "ftp://x"}, "WALLETD_APNS_URL must be an http:// or https:// address"),
        (
            {"WALLETD_PUBLIC_URL": "https://x/cards"},
            "WALLETD_PUBLIC_URL must be an address without a user, a path or a query",
        ),
        ({"WALLETD_SMTP_URL": "mail.example"}, "WALLETD_SMTP_URL must start with smtp:// or smtps://"),
        ({"WALLETD_TRUSTED_PROXIES": "proxy"}, "WALLETD_TRUSTED_PROXIES must list networks such as 10.0.0.0/8"),
        ({"WALLETD_WORKERS": "2"}, "WALLETD_WORKERS: several processes need PostgreSQL; set WALLETD_DATABASE_URL"),
        ({"WALLETD_ENVIRONMENT": "production"}, "WALLETD_PUBLIC_URL must be set"),
        (_SECURE | {"WALLETD_PUBLIC_URL": "http://x"}, "WALLETD_PUBLIC_URL must be an https:// address in production"),
        (_SECURE | {"WALLETD_APNS_URL": "http://x"}, "WALLETD_APNS_URL must be an https:// address in production"),
    ],
)
def test_a_refusal_names_the_setting_and_the_fault(environ: dict[str, str], refusal: str) -> None:
    """One sentence says what to change."""
    assert _refusal(environ) == refusal


@pytest.mark.parametrize("url", ["postgresql://u:hush@db/x", "mysql://u:hush@db/x", "hush"])
def test_a_database_address_must_name_a_known_engine_and_is_not_repeated(url: str) -> None:
    """The refusal says what is right and keeps the password of what is wrong."""
    refusal = _refusal({"WALLETD_DATABASE_URL": url})
    assert refusal == "WALLETD_DATABASE_URL must start with sqlite:/// or postgresql+psycopg://"


def test_production_takes_secure_addresses() -> None:
    """A production start needs its public address and nothing else."""
    assert load(_SECURE).public_url == "https://cards.example"


def test_several_processes_work_on_postgresql() -> None:
    """Workers are for the large installation."""
    environ = {"WALLETD_WORKERS": "4", "WALLETD_DATABASE_URL": "postgresql+psycopg://db/walletd"}
    assert load(environ).workers == 4


# --- what is shown ----------------------------------------------------------------------------------------------------

_WITH_SECRETS = load(
    {
        "WALLETD_MASTER_KEY": "c0de" * 16,
        "WALLETD_SMTP_URL": "smtp://shop:hush@mail.example",
        "WALLETD_DATABASE_URL": "postgresql+psycopg://shop:hush@db/walletd",
    },
)


@pytest.mark.parametrize("shown", [repr(_WITH_SECRETS), str(_WITH_SECRETS), str(_WITH_SECRETS.shown())])
def test_no_representation_shows_a_secret(shown: str) -> None:
    """Settings can be logged: keys and passwords are hidden."""
    assert "hush" not in shown
    assert "c0de" not in shown
    assert "db/walletd" in shown


def test_a_password_given_as_a_parameter_is_hidden_too() -> None:
    """PostgreSQL takes a password behind the question mark as well."""
    url = "postgresql+psycopg://shop@db/walletd?password=hush&connect_timeout=5"
    assert "hush" not in repr(load({"WALLETD_DATABASE_URL": url}))


def test_every_setting_is_described() -> None:
    """Each field has a name in the environment, a description and a default to show."""
    assert [described.field for described in settings.TABLE] == list(Settings.__struct_fields__)
    assert all(described.description and described.default for described in settings.TABLE)
