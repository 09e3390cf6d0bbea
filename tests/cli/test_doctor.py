"""`walletd doctor`: one line per check, and the command that mends what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.channels.mailbox import a_mailbox
from tests.cli.conftest import Walletd


def checks(output: str) -> dict[str, dict[str, str]]:
    """Return the checks by name."""
    return {check["name"]: check for check in json.loads(output)["checks"]}


def test_a_fresh_shop_is_healthy(shop: Walletd) -> None:
    """Everything that is needed is there; what only a demo lacks is a warning."""
    result = shop("doctor", apns_url="https://127.0.0.1:1")
    assert result.exit_code == 0, result.output
    for name in ("settings", "disk", "master key", "schema", "database", "templates", "ledger", "worker"):
        assert f"ok       {name}:" in result.stdout
    assert "\x1b" not in result.stdout


def test_json_says_the_same(shop: Walletd) -> None:
    """A monitor reads level, detail and cure of each check."""
    result = shop("doctor", "--json", apns_url="https://127.0.0.1:1")
    assert json.loads(result.stdout)["ok"] is True
    assert checks(result.stdout)["certificate kind"]["level"] == "warning"


def test_without_a_database_the_cure_is_init(walletd: Walletd, tmp_path: Path) -> None:
    """The first thing that is missing names the first command to run."""
    result = walletd("doctor")
    assert result.exit_code == 1
    assert "failure  schema: there is no database yet  → walletd init" in result.stdout


def test_a_key_that_others_may_read_is_a_failure(shop: Walletd, tmp_path: Path) -> None:
    """The line ends with the command that mends it."""
    key = tmp_path / "data" / "master.key"
    key.chmod(0o644)
    result = shop("doctor")
    assert result.exit_code == 1
    assert f"→ chmod 600 {key}" in result.stdout


def test_a_setting_that_is_wrong_is_named(walletd: Walletd) -> None:
    """Nothing else can be checked then, and the line says which setting it is."""
    result = walletd("doctor", port="many")
    assert result.exit_code == 1
    assert "WALLETD_PORT" in result.stdout


def test_a_schema_of_another_release_is_a_failure(shop: Walletd, tmp_path: Path) -> None:
    """A database that this release does not know is left alone."""
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'walletd.sqlite3'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    result = shop("doctor", "--json")
    assert result.exit_code == 1
    assert "9999" in checks(result.stdout)["schema"]["detail"]
    started = shop("serve")
    assert started.exit_code == 78
    assert "newer walletd" in started.stderr


def test_production_without_a_certificate_of_its_own_fails(shop: Walletd) -> None:
    """A demo certificate is no certificate in production, and the way to Apple must be free there."""
    result = shop(
        "doctor", "--json", environment="production", public_url="https://a.example", apns_url="https://127.0.0.1:1"
    )
    assert result.exit_code == 1
    found = checks(result.stdout)
    assert "walletd merchant set" in found["certificate configured"]["cure"]
    assert found["apns"]["level"] == "failure"


def test_the_way_to_the_mailbox_is_checked(shop: Walletd) -> None:
    """Without a server a mailbox gets nothing; a server that answers is fine; one that does not is a failure."""

    def mail(**settings: str) -> dict[str, str]:
        return checks(shop("doctor", "--json", apns_url="https://127.0.0.1:1", **settings).stdout)["mail"]

    assert mail()["level"] == "ok"
    with a_mailbox() as mailbox:
        reached = mail(smtp_url=mailbox.url())
        assert (reached["level"], "no merchant has a service mailbox" in reached["detail"]) == ("ok", True)
        greeted = shop("merchant", "set", "--service-mail", "office@shop.example", smtp_url=mailbox.url())
        assert "A running server sends it a greeting now." in greeted.output
        reached = mail(smtp_url=mailbox.url())
        assert reached["detail"] == f"127.0.0.1:{mailbox.port} answers, not encrypted"
        gone = mailbox.url()
    assert mail(smtp_url=gone)["level"] == "failure"
    without = mail()
    assert (without["level"], without["cure"]) == ("warning", "Set WALLETD_SMTP_URL")
    assert "office@shop.example" in without["detail"]


def test_a_mail_server_of_another_form_stops_the_start(shop: Walletd) -> None:
    """The sentence names the setting and not the password in it."""
    for command in ("doctor", "serve"):
        result = shop(command, smtp_url="smtp://a:hush@mail.example/inbox")
        assert result.exit_code in {1, 78}
        assert "WALLETD_SMTP_URL" in result.output + result.stderr
        assert "hush" not in result.output + result.stderr
