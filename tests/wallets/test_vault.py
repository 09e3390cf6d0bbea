"""Tests of sealed secrets and of secrets that are derived from the master key."""

from __future__ import annotations

import re

import pytest

from walletd.domain.errors import ConfigurationRefused
from walletd.wallets.vault import Vault

_KEY = bytes(range(32))
_OTHER_KEY = bytes(range(1, 33))


def test_sealed_secret_opens_for_its_merchant_and_kind() -> None:
    """What was sealed comes back whole."""
    vault = Vault(_KEY)

    assert vault.open(vault.seal(b"secret", "mer_1", "apple"), "mer_1", "apple") == b"secret"


@pytest.mark.parametrize(("merchant", "kind"), [("mer_2", "apple"), ("mer_1", "google"), ("mer_1apple", "")])
def test_sealed_secret_opens_for_nobody_else(merchant: str, kind: str) -> None:
    """A row copied to another merchant or another purpose stays shut."""
    vault = Vault(_KEY)

    with pytest.raises(ConfigurationRefused, match="cannot be opened"):
        vault.open(vault.seal(b"secret", "mer_1", "apple"), merchant, kind)


def test_secret_of_another_master_key_says_so() -> None:
    """The refusal names the master key as the cause."""
    with pytest.raises(ConfigurationRefused, match="another master key"):
        Vault(_OTHER_KEY).open(Vault(_KEY).seal(b"secret", "mer_1", "apple"), "mer_1", "apple")


@pytest.mark.parametrize("place", [2, 14, -1])
def test_damaged_secret_stays_shut(place: int) -> None:
    """One changed byte of nonce, content or tag is found out."""
    vault = Vault(_KEY)
    sealed = bytearray(vault.seal(b"secret", "mer_1", "apple"))
    sealed[place] ^= 1

    with pytest.raises(ConfigurationRefused):
        vault.open(bytes(sealed), "mer_1", "apple")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(60)], ids=["nothing", "short", "later version"])
def test_unknown_form_is_refused(sealed: bytes) -> None:
    """Something that was never sealed, or by a later version, is refused and not guessed at."""
    with pytest.raises(ConfigurationRefused, match="form"):
        Vault(_KEY).open(sealed, "mer_1", "apple")


def test_same_secret_is_sealed_differently_each_time() -> None:
    """Two rows with the same secret do not show it."""
    vault = Vault(_KEY)

    assert vault.seal(b"secret", "mer_1", "apple") != vault.seal(b"secret", "mer_1", "apple")


def test_short_master_key_is_refused() -> None:
    """Fewer than 32 bytes are no master key."""
    with pytest.raises(ConfigurationRefused, match="32"):
        Vault(b"short")


def test_token_is_derived_anew_and_fits_a_pass() -> None:
    """The same card gets the same token in every process: URL-safe and longer than Apple's 16 characters."""
    token = Vault(_KEY).token(1, "mer_1", "pass.x", "serial", 0)

    assert token == Vault(_KEY).token("1", "mer_1", "pass.x", "serial", 0)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)


def test_token_depends_on_each_of_its_arguments() -> None:
    """No two cards, topics, generations, merchants or master keys share a token."""
    vault = Vault(_KEY)
    cards = [
        (1, "mer_1", "pass.x", "serial", 0),
        (2, "mer_1", "pass.x", "serial", 0),
        (1, "mer_2", "pass.x", "serial", 0),
        (1, "mer_1", "pass.y", "serial", 0),
        (1, "mer_1", "pass.x", "other", 0),
        (1, "mer_1", "pass.x", "serial", 1),
        (1, "mer_1pass", ".x", "serial", 0),
    ]

    tokens = {vault.token(*card) for card in cards} | {Vault(_OTHER_KEY).token(*cards[0])}

    assert len(tokens) == len(cards) + 1


def test_link_proof_depends_on_message_and_master_key() -> None:
    """A link's proof fits one message under one master key."""
    proofs = {Vault(_KEY).link_mac(b"a"), Vault(_KEY).link_mac(b"b"), Vault(_OTHER_KEY).link_mac(b"a")}

    assert len(proofs) == 3
    assert Vault(_KEY).link_mac(b"a") in proofs
