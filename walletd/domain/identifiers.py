"""Identifiers: what they are made of, and how they are read back.

Internal ids carry the time they were made in their first ten characters, so that they lie side by side in an index.
Serial numbers and card keys carry none: both must be unguessable (PK15, H1).
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from walletd.domain.calendar import milliseconds

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SERIAL_BYTES = 16
_KEY_BITS = 80
_KEY_LENGTH_MAX = 64
_CHECK_MODULUS = 31
_SERIAL_NUMBER = re.compile(r"[a-z2-7]{26}")
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]


class KeyState(StrEnum):
    """What a key that a card has or had is good for at the till."""

    ACTIVE = "active"
    REDIRECTED = "redirected"
    """A former key that leads to the card still."""
    RETIRED = "retired"
    """A former key that is refused."""


def new_id(prefix: str, now: datetime) -> str:
    """Return `prefix_` and 26 characters: 48 bits of time in milliseconds, then 80 random bits."""
    return f"{prefix}_{_time_part(milliseconds(now))}{_encode(secrets.randbits(80), 16)}"


def new_serial_number() -> str:
    """Return 26 characters of [a-z2-7] from 128 random bits; safe in a URL path as it is."""
    return base64.b32encode(secrets.token_bytes(_SERIAL_BYTES)).decode().rstrip("=").lower()


def new_card_key() -> str:
    """Return 16 characters from 80 random bits and a check character (the number modulo 31, in the same alphabet)."""
    number = secrets.randbits(_KEY_BITS)
    return _encode(number, 16) + _CROCKFORD[number % _CHECK_MODULUS]


def new_redemption_code() -> str:
    """Return 12 characters from 60 random bits, without letters that are easily confused."""
    return _encode(secrets.randbits(60), 12)


def is_card_key(text: str) -> bool:
    """Say whether a merchant may use the text as a key: 1 to 64 printable ASCII characters, no space at the ends."""
    return 1 <= len(text) <= _KEY_LENGTH_MAX and text == text.strip() and text.isascii() and text.isprintable()


def is_serial_number(text: str) -> bool:
    """Say whether the text has the form of a serial number."""
    return _SERIAL_NUMBER.fullmatch(text) is not None


def new_secret() -> str:
    """Return 256 random bits as 43 characters of [A-Za-z0-9_-]."""
    return secrets.token_urlsafe(32)


@lru_cache(64)
def _time_part(value: int) -> str:
    """Return the first ten characters of ids; those of a batch share them."""
    return _encode(value, 10)


def _encode(number: int, length: int) -> str:
    """Return an even number of characters, five bits each, looked up two at a time."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * length - 10, -1, -10)])
