"""The command `walletd init`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Walletd


def test_init_with_json_prints_four_values_and_nothing_else(walletd: Walletd, tmp_path: Path) -> None:
    """A script can read the result without knowing anything else."""
    result = walletd("init", "--yes", "--json", "--merchant", "Café Probe", "--demo-certificates")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert set(printed) == {"merchant_id", "api_key", "admin_url", "data_dir"}
    assert printed["data_dir"] == str(tmp_path / "data")
    assert printed["admin_url"] == "http://localhost:8080"
    assert printed["merchant_id"].startswith("mer_")
    assert printed["api_key"].startswith("wd_")


def test_init_asks_nothing_with_yes(walletd: Walletd) -> None:
    """Everything that is not given has a default."""
    result = walletd("init", "--yes")
    assert result.exit_code == 0
    assert "My shop" in result.stdout


def test_init_keeps_what_it_makes_for_our_own_eyes(shop: Walletd, tmp_path: Path) -> None:
    """Nobody else on the machine may read the data directory, the key or the database."""
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "data").iterdir()}
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert modes["master.key"] == modes["walletd.sqlite3"] == "0o600"


def test_init_does_not_make_a_second_merchant(shop: Walletd) -> None:
    """Running it again changes nothing and says what to do for another key."""
    result = shop("init", "--yes")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "walletd api-key create" in result.stderr


@pytest.mark.parametrize(("option", "value"), [("--currency", "Euro"), ("--timezone", "Middle-earth/Shire")])
def test_init_refuses_values_that_do_not_exist(walletd: Walletd, option: str, value: str) -> None:
    """A currency or time zone that is none is wrong use, named in one line."""
    result = walletd("init", "--yes", option, value)
    assert result.exit_code == 2
    assert option.removeprefix("--") in result.stderr
    assert result.stderr.count("\n") == 1


def test_demo_certificates_are_refused_in_production(walletd: Walletd) -> None:
    """No iPhone would take a pass that they signed."""
    result = walletd("init", "--yes", "--demo-certificates", environment="production", public_url="https://a.example")
    assert result.exit_code == 78
    assert "walletd merchant set" in result.stderr
