"""Rotating barcodes: a code on the screen that is good for a moment and for one booking (G7; RFC 6238, 4226).

The barcode says `<key>.<seconds>.<code>`: the card, the moment as the phone's clock has it, and a number that only
whoever has the card's secret can work out for that moment. A screenshot is worth nothing half a minute later.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from walletd.domain.errors import Conflict

PERIOD_SECONDS: Final = 30
DIGITS: Final = 8
OFF, GOOGLE = "off", "google"

_CODE: Final = re.compile(r"(?P<key>.{1,64})\.(?P<seconds>[0-9]{10})\.(?P<value>[0-9]{8})\Z")


class RotatingCodeRefused(Conflict):
    """The code is too old, too new or not genuine: scan the card again, from the phone itself."""

    code = "rotating_code_refused"


class RotatingCodeUsed(Conflict):
    """This code booked once; scan the card again in a moment, or book by the card's serial number."""

    code = "rotating_code_used"


@dataclass(frozen=True, slots=True)
class RotatingCode:
    """What a scanner read from a rotating barcode."""

    key: str
    seconds: int
    value: str

    @property
    def counter(self) -> int:
        """Return the number of the period (RFC 6238, 4.2)."""
        return self.seconds // PERIOD_SECONDS

    def check(self, secret: bytes, now: datetime) -> None:
        """Raise RotatingCodeRefused unless it is of this period or a neighbour, and made with the secret."""
        distance = abs(self.counter - int(now.timestamp()) // PERIOD_SECONDS)
        genuine = hmac.compare_digest(totp(secret, self.counter), self.value)
        if distance > 1 or not genuine:
            raise RotatingCodeRefused


def read_code(text: str) -> RotatingCode | None:
    """Return what a rotating barcode says, None for any other text."""
    match = _CODE.match(text)
    return None if match is None else RotatingCode(match["key"], int(match["seconds"]), match["value"])


def can_rotate(key: str) -> bool:
    """Say whether a key may stand in Google's pattern: braces would be taken for placeholders."""
    return "{" not in key and "}" not in key


def totp(secret: bytes, counter: int) -> str:
    """Return the code of a period: HMAC-SHA-1, dynamic truncation, eight digits (RFC 4226, 5.3)."""
    digest = hmac.new(secret, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)
