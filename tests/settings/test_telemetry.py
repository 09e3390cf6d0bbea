"""Log lines and figures: what they tell, and what they keep."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from walletd import telemetry

_SERIAL = "abcdefghij234567abcdefghij"
_PUSH_TOKEN = "0123456789abcdef" * 4


@pytest.fixture
def _logging() -> Iterator[None]:
    """Log as a server does, for the length of one test."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    telemetry.set_up_logging("json")
    yield
    root.handlers[:] = before
    root.setLevel(level)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.usefixtures("_logging")
def test_a_log_line_says_what_when_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    """A line has an event, a time, a level, the module and the facts."""
    telemetry.logger("walletd.services.publishing").info("published", cards=3)
    (line,) = _lines(capsys)
    assert (line["event"], line["level"], line["cards"]) == ("published", "info", 3)
    assert line["logger"] == "walletd.services.publishing"
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize("name", ["api_key", "Authorization", "push_token", "p12_password", "Cookie", "master_key"])
def test_a_value_with_a_secret_name_is_masked(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Whatever is called a key, a token or a password stays out of the log, also inside a mapping."""
    telemetry.logger("walletd").info("seen", **{name: "hush"}, headers={name: "hush"})
    assert "hush" not in json.dumps(_lines(capsys))


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET /add/hush/pass.pkpass", "GET /add/***/pass.pkpass"),
        ("Authorization: ApplePass hush", "Authorization: ApplePass ***"),
        ("postgresql://shop:hush@db/walletd", "postgresql://shop:***@db/walletd"),
        (f"token {_PUSH_TOKEN}", "token ***"),
        (f"card {_SERIAL}", "card abcdefgh…"),
        ("one\ntwo\x1b[31m", "one ⏎ two�[31m"),
    ],
)
def test_a_secret_inside_a_text_is_masked(capsys: pytest.CaptureFixture[str], text: str, kept: str) -> None:
    """Tokens, links, passwords, whole serial numbers and control characters do not reach the log."""
    telemetry.logger("walletd").info("seen", text=text)
    assert _lines(capsys)[0]["text"] == kept


@pytest.mark.usefixtures("_logging")
def test_a_library_logs_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of libraries are masked and formatted like ours."""
    logging.getLogger("library").warning("refused: %s", "Bearer hush")
    assert _lines(capsys)[0]["event"] == "refused: Bearer ***"


@pytest.mark.usefixtures("_logging")
def test_a_failure_is_logged_with_its_way(capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback is part of the line, without the secrets in it."""
    try:
        int(_SERIAL)
    except ValueError:
        telemetry.logger("walletd").exception("failed")
    exception = str(_lines(capsys)[0]["exception"])
    assert "ValueError: invalid literal for int() with base 10: 'abcdefgh…'" in exception
    assert _SERIAL not in exception


def test_figures_carry_the_name_of_walletd() -> None:
    """Every figure begins with walletd_, so that a dashboard finds them."""
    names = [line.split()[2] for line in telemetry.exposition().decode().splitlines() if line.startswith("# TYPE")]
    assert names
    assert all(name.startswith("walletd_") for name in names)


def test_a_count_is_exposed() -> None:
    """What is counted can be read at /metrics."""
    telemetry.PUSHES.labels(platform="apple", verdict="accepted").inc()
    assert b'walletd_pushes_total{platform="apple",verdict="accepted"}' in telemetry.exposition()


def test_a_shortened_serial_number_can_be_found_but_not_used() -> None:
    """Eight characters are enough for support."""
    assert telemetry.shortened(_SERIAL) == "abcdefgh…"
