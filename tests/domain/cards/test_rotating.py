"""Rotating codes: the numbers of the standards, and which texts are codes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletd.domain.cards.rotating_codes import RotatingCode, RotatingCodeRefused, can_rotate, read_code, totp

KEY = b"12345678901234567890"
"""The key of the examples in RFC 4226 and RFC 6238."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B, SHA-1, eight digits, thirty seconds."""
    assert totp(KEY, seconds // 30) == code


@pytest.mark.parametrize(("late", "accepted"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
def test_a_code_is_good_for_its_period_and_the_neighbours(late: int, accepted: bool) -> None:
    """Clocks of phones differ by some seconds; a picture of yesterday's code is worth nothing."""
    moment = 1_111_111_110
    code = RotatingCode("K", moment, totp(KEY, moment // 30))
    now = datetime.fromtimestamp(moment + late, UTC)
    if accepted:
        code.check(KEY, now)
        return
    with pytest.raises(RotatingCodeRefused):
        code.check(KEY, now)


def test_a_code_of_another_card_or_moment_is_refused() -> None:
    """Neither the number nor the moment can be exchanged."""
    moment = 1_111_111_110
    now = datetime.fromtimestamp(moment, UTC)
    value = totp(KEY, moment // 30)
    for code in (RotatingCode("K", moment + 30, value), RotatingCode("K", moment, "00000000")):
        with pytest.raises(RotatingCodeRefused):
            code.check(KEY, now)
    with pytest.raises(RotatingCodeRefused):
        RotatingCode("K", moment, value).check(b"another secret", now)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("7K3M.1234567890.12345678", "7K3M"),
        ("a.b.1234567890.12345678", "a.b"),
        ("7K3M", None),
        ("7K3M.123456789.12345678", None),
        ("7K3M.1234567890.1234567", None),
        (".1234567890.12345678", None),
        ("7K3M.1234567890.１２３４５６７８", None),  # noqa: RUF001 - digits of another script
    ],
)
def test_a_code_is_a_key_a_moment_and_eight_digits(text: str, key: str | None) -> None:
    """Everything else is a key or nothing."""
    code = read_code(text)
    assert (None if code is None else code.key) == key


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64))
def test_a_key_that_can_rotate_comes_back_as_it_was(key: str) -> None:
    """Whatever a shop's own keys look like, the code names the same card."""
    code = read_code(f"{key}.1234567890.12345678")
    assert code is not None
    assert code.key == key
    assert can_rotate(key) == ("{" not in key and "}" not in key)
