"""Tokens of links: what they name and when they end, signed; nothing about a link is stored."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import timedelta
from typing import Final

from walletd.domain.errors import LinkExpired, LinkInvalid
from walletd.services.runtime import Runtime

_MOMENT_BYTES: Final = 5
_MAC_BYTES: Final = 16


class SignedTokens:
    """Makes and reads the tokens of one purpose; each names something by `length` bytes."""

    def __init__(self, runtime: Runtime, purpose: bytes, length: int) -> None:
        self._runtime = runtime
        self._purpose = purpose
        self._length = length

    def make(self, name: bytes, valid_for: timedelta) -> str:
        """Return a token that ends after a while."""
        ends = int((self._runtime.clock() + valid_for).timestamp())
        content = name + ends.to_bytes(_MOMENT_BYTES, "big")
        return base64.urlsafe_b64encode(content + self._mac(content)).decode().rstrip("=")

    def read(self, token: str) -> bytes:
        """Return what a token names; raises LinkInvalid, LinkExpired."""
        try:
            signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError) as error:
            raise LinkInvalid from error
        content, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
        if len(content) != self._length + _MOMENT_BYTES or not hmac.compare_digest(mac, self._mac(content)):
            raise LinkInvalid
        if int.from_bytes(content[self._length :], "big") < self._runtime.clock().timestamp():
            raise LinkExpired
        return content[: self._length]

    def _mac(self, content: bytes) -> bytes:
        return self._runtime.vault.link_mac(self._purpose + content)[:_MAC_BYTES]
