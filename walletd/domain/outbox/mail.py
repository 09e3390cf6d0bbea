"""Mails: plain text to one mailbox."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from walletd.domain.validation import invalid

_LONGEST: Final = 254
"""Of an address (RFC 5321, 4.5.3.1.3, without the angle brackets)."""
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Mail:
    """What is written to whom."""

    to: str
    subject: str
    text: str


def check_mailbox(address: str, pointer: str) -> str:
    """Return an address to which mail can be sent; raises ValidationFailed with this pointer."""
    trimmed = address.strip()
    if len(trimmed) > _LONGEST or not _ADDRESS.fullmatch(trimmed):
        raise invalid(pointer, "must be an e-mail address such as office@shop.example")
    return trimmed
