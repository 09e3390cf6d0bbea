"""Keys, certificates, cards and the ledger from the shell."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import zipfile
from base64 import b64decode
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.builders import new_customer
from tests.cli.conftest import Walletd
from tests.processes.servers import free_port
from walletd.bootstrap import Application, application, make_demo_credentials, utc_now
from walletd.domain.cards.cards import NewCard
from walletd.domain.cards.programs import NewProgram
from walletd.domain.ledger.movements import Booking
from walletd.services.merchants.merchants import shell
from walletd.settings import load


def issue_a_card(folder: Path) -> dict[str, Any]:
    """Issue a card with 12 points."""

    async def work(app: Application) -> dict[str, Any]:
        by = shell((await app.services.merchants.get(None)).id)
        program = await app.services.programs.create(by, NewProgram("loyalty", "Bonus"))
        new = NewCard(program.id, customer=new_customer(last_name="Muster"))
        document: dict[str, Any] = json.loads((await app.services.cards.issue(by, new, None)).body)
        await app.services.ledger.book(by, Booking(document["serial_number"], "credit", 12), "first")
        return document

    async def run() -> dict[str, Any]:
        async with application(load({"WALLETD_DATA_DIR": str(folder)}), serving=False) as app:
            return await work(app)

    return asyncio.run(run())


def a_p12(folder: Path, passphrase: str) -> Path:
    """A .p12 as a keychain exports it."""
    made = make_demo_credentials(utc_now(), team="OTHER00001")
    content = pkcs12.serialize_key_and_certificates(
        b"pass", made.key, made.leaf, list(made.chain), BestAvailableEncryption(passphrase.encode())
    )
    path = folder / "pass.p12"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(shop: Walletd) -> None:
    """Secrets are printed when they are made, and never again."""
    made = json.loads(shop("api-key", "create", "till 1", "--scope", "ledger:write", "--json").stdout)
    assert made["scopes"] == ["ledger:write"]
    listed = shop("api-key", "list")
    assert "till 1" in listed.stdout
    assert made["api_key"] not in listed.stdout
    assert shop("api-key", "revoke", made["key_id"]).exit_code == 0
    rows = json.loads(shop("api-key", "list", "--json").stdout)["items"]
    assert [row["name"] for row in rows if row["revoked_at"]] == ["till 1"]
    again = shop("api-key", "revoke", made["key_id"])
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)


def test_a_till_gets_everything_but_administration(shop: Walletd) -> None:
    """Without a scope a new key may do what a till needs."""
    made = json.loads(shop("api-key", "create", "till", "--json").stdout)
    assert "admin" not in made["scopes"]
    assert "ledger:write" in made["scopes"]


def test_a_certificate_is_checked_stored_and_shown(shop: Walletd, tmp_path: Path) -> None:
    """A .p12 with its passphrase in a file replaces the certificate."""
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    p12 = a_p12(tmp_path, "correct horse")
    result = shop("merchant", "set", "--apple-p12", str(p12), "--passphrase-file", str(secret))
    assert result.exit_code == 0, result.output
    assert "OTHER00001" in result.stdout
    shown = json.loads(shop("merchant", "show", "--json").stdout)
    assert any("OTHER00001" in finding["detail"] for finding in shown["apple"])


def test_a_wrong_passphrase_is_one_line(shop: Walletd, tmp_path: Path) -> None:
    """What went wrong is said, and nothing is stored."""
    secret = tmp_path / "passphrase"
    secret.write_text("wrong")
    secret.chmod(0o600)
    p12 = a_p12(tmp_path, "right")
    result = shop("merchant", "set", "--apple-p12", str(p12), "--passphrase-file", str(secret))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "passphrase" in result.stderr
    assert "OTHER00001" not in shop("merchant", "show").stdout


def test_a_secret_that_others_may_read_is_refused(shop: Walletd, tmp_path: Path) -> None:
    """A world-readable .p12 is refused with the command that mends it (R10)."""
    p12 = a_p12(tmp_path, "right")
    p12.chmod(0o644)
    result = shop("merchant", "set", "--apple-p12", str(p12))
    assert result.exit_code == 78
    assert f"chmod 600 {p12}" in result.stderr


def test_half_a_certificate_is_wrong_use(shop: Walletd, tmp_path: Path) -> None:
    """A certificate without its key cannot sign."""
    path = tmp_path / "pass.cer"
    path.write_bytes(b"no certificate")
    result = shop("merchant", "set", "--apple-certificate", str(path))
    assert result.exit_code == 2
    assert "--apple-key" in result.stderr


def test_a_card_is_shown_by_serial_number_and_by_key(shop: Walletd, tmp_path: Path) -> None:
    """Support sees balance, customer and add link, and that no phone has the card."""
    card = issue_a_card(tmp_path / "data")
    for name in (card["serial_number"], card["key"]):
        shown = shop("card", "show", name)
        assert shown.exit_code == 0, shown.output
        assert "12 points" in shown.stdout
        assert "Muster" in shown.stdout
        assert "on no phone yet" in shown.stdout
    assert json.loads(shop("card", "show", card["key"], "--json").stdout)["phones"] == []


def test_the_signed_pass_of_a_card_is_written_to_a_file(shop: Walletd, tmp_path: Path) -> None:
    """The file is the one that phones get."""
    card = issue_a_card(tmp_path / "data")
    assert shop("card", "pass", card["key"], "card.pkpass").exit_code == 0
    with zipfile.ZipFile(io.BytesIO(Path("card.pkpass").read_bytes())) as archive:
        assert {"pass.json", "manifest.json", "signature"} <= set(archive.namelist())


def test_a_card_that_does_not_exist_is_one_line(shop: Walletd) -> None:
    """No traceback, and an exit code that scripts understand."""
    result = shop("card", "show", "nobody")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_the_ledger_is_proved(shop: Walletd, tmp_path: Path) -> None:
    """Accounts and entries are counted; without a terminal there is no progress bar."""
    issue_a_card(tmp_path / "data")
    result = shop("ledger", "verify")
    assert result.exit_code == 0
    assert result.output == "The ledger holds: 1 accounts, 1 entries, 0 checkpoints.\n"


def test_a_checkpoint_is_printed_verified_by_openssl_and_found_again(shop: Walletd, tmp_path: Path) -> None:
    """Whoever has the printed text and the public key needs no walletd to see that it is genuine."""
    assert shop("ledger", "checkpoint").output == "The books are empty: there is nothing to sign yet.\n"
    issue_a_card(tmp_path / "data")
    printed = shop("ledger", "checkpoint").output
    statement, _, signature = printed.partition("signature: ")
    for name, content in {
        "kept.txt": printed.encode(),
        "statement": statement.encode(),
        "signature": b64decode(signature),
        "key.pem": shop("ledger", "checkpoint", "--public-key").output.encode(),
    }.items():
        (tmp_path / name).write_bytes(content)
    openssl = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in statement -sigfile signature"
    assert subprocess.run(openssl.split(), cwd=tmp_path, capture_output=True, check=False).returncode == 0
    result = shop("ledger", "verify", "--checkpoint", str(tmp_path / "kept.txt"))
    assert result.output == "The ledger holds: 1 accounts, 1 entries, 1 checkpoints.\n"
    (tmp_path / "kept.txt").write_text(printed.replace("entries: 1", "entries: 2"), encoding="utf-8")
    refused = shop("ledger", "verify", "--checkpoint", str(tmp_path / "kept.txt"))
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "signature" in refused.stderr


def test_the_mail_that_brought_a_checkpoint_is_a_copy_of_it(shop: Walletd, tmp_path: Path) -> None:
    """Saved by a mail program, with whatever encoding the mail had on its way."""
    issue_a_card(tmp_path / "data")
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = "Prüfpunkt"
    mail.set_content("Grüße\n\n" + shop("ledger", "checkpoint").output, cte="base64")
    (tmp_path / "kept.eml").write_bytes(mail.as_bytes())
    result = shop("ledger", "verify", "--checkpoint", str(tmp_path / "kept.eml"))
    assert result.output == "The ledger holds: 1 accounts, 1 entries, 1 checkpoints.\n"
    for broken in (b"", b"\xff\xfe\x00", b"MIME-Version: 1.0\nContent-Type: text/plain; charset=none\n\n\xff"):
        (tmp_path / "kept.eml").write_bytes(broken)
        refused = shop("ledger", "verify", "--checkpoint", str(tmp_path / "kept.eml"))
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
        assert "no checkpoint" in refused.stderr


def test_a_service_mailbox_is_stored_shown_and_taken_away(shop: Walletd) -> None:
    """What is printed says whether mail will be sent at all."""
    assert shop("merchant", "set", "--service-mail", "office@shop.example").output == (
        "Checkpoints and alarms go to office@shop.example, once WALLETD_SMTP_URL names a mail server.\n"
    )
    assert "service_mail    office@shop.example\n" in shop("merchant", "show").output
    assert json.loads(shop("merchant", "show", "--json").output)["service_mail"] == "office@shop.example"
    assert shop("merchant", "set", "--service-mail", "").output == "No mail is sent to this merchant any more.\n"
    assert json.loads(shop("merchant", "show", "--json").output)["service_mail"] == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--service-mail", "office"), "e-mail address"),
        (("--till-folder", "not-there"), "a folder that is there"),
        ((), "Give --apple-p12 FILE"),
    ],
)
def test_a_merchant_that_cannot_be_set_is_one_line(shop: Walletd, arguments: tuple[str, ...], words: str) -> None:
    """Nothing is changed, and the line says what to give."""
    result = shop("merchant", "set", *arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert words in result.stderr


def test_policies_and_the_folder_of_a_till_are_stored_and_shown(shop: Walletd, tmp_path: Path) -> None:
    """Each is said back, and what is not named stays as it is."""
    told = shop("merchant", "set", "--merge-requests", "off", "--duplicate-mail", "at_once").output
    assert told == "merge_requests is off.\nduplicate_mail is at_once.\n"
    assert (
        shop("merchant", "set", "--till-folder", str(tmp_path)).output
        == f"Notices of merges are put into {tmp_path}.\n"
    )
    shown = json.loads(shop("merchant", "show", "--json").output)
    assert (shown["merge_requests"], shown["duplicate_mail"], shown["till_folder"]) == ("off", "at_once", str(tmp_path))
    assert shop("merchant", "set", "--till-folder", "").output == "No till is told of merges any more.\n"
    assert shop("merchant", "set", "--merge-requests", "perhaps").exit_code == 2


@pytest.mark.parametrize("arguments", [("card", "show", "x"), ("ledger", "verify"), ("api-key", "list")])
def test_commands_before_init_say_what_to_do(walletd: Walletd, arguments: tuple[str, ...]) -> None:
    """Where there is no database, none is made."""
    result = walletd(*arguments)
    assert result.exit_code == 78
    assert result.stderr == "walletd: There is no database yet; run: walletd init\n"
    assert not Path("data/walletd.sqlite3").exists()


def test_a_health_check_without_a_server_says_so(walletd: Walletd) -> None:
    """Exit 1 and one line, quickly."""
    result = walletd("healthcheck", port="1")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "walletd serve" in result.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"prot": "8080"}, "WALLETD_PROT"),
        ({"port": "0"}, "WALLETD_PORT"),
        ({"environment": "production"}, "WALLETD_PUBLIC_URL"),
        ({"environment": "production", "public_url": "http://a.example"}, "https"),
        ({"database_url": "mysql://x"}, "WALLETD_DATABASE_URL"),
        ({"templates_dir": "nowhere"}, "nowhere"),
    ],
    ids=["misspelt", "out of range", "no public url", "no https", "other database", "no templates"],
)
def test_a_configuration_that_cannot_work_refuses_to_start(
    walletd: Walletd, settings: dict[str, str], words: str
) -> None:
    """Exit 78, and one line that names what is wrong."""
    result = walletd("serve", **({"port": str(free_port())} | settings))
    assert result.exit_code == 78
    assert words in result.stderr.splitlines()[-1]


def test_a_wrong_option_is_wrong_use(walletd: Walletd) -> None:
    """Exit 2, as everywhere."""
    assert walletd("serve", "--role", "king").exit_code == 2
    assert walletd("no-such-command").exit_code == 2
