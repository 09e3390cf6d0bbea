"""Add links: signed, limited in time, with nothing of the person in them (D-42).

A link names a card and the moment it ends. Opening it uses nothing up, so link previews and second tries do no harm.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from walletd.db.cards import cards
from walletd.domain.cards.cards import Card, CardStatus
from walletd.domain.errors import LinkInvalid
from walletd.services.runtime import Runtime
from walletd.services.signed_tokens import SignedTokens

_SERIAL_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the page behind a link may show: nothing about the person."""

    serial_number: str
    kind: str
    program_name: str
    merchant_name: str
    colors: Mapping[str, str]
    installable_apple: bool
    installable_google: bool = False


class Links:
    """Use cases about add links."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # Add links came before all others, so theirs are the tokens without a purpose.
        self._tokens = SignedTokens(runtime, b"", _SERIAL_BYTES)

    def url(self, serial_number: str) -> str:
        """Return a new link for a card."""
        name = base64.b32decode(serial_number.upper() + "======")
        token = self._tokens.make(name, timedelta(seconds=self._runtime.add_link_seconds))
        return f"{self._runtime.public_url}/add/{token}"

    def serial_number(self, token: str) -> str:
        """Return the card that a link's token names; raises LinkInvalid, LinkExpired."""
        return base64.b32encode(self._tokens.read(token)).decode().rstrip("=").lower()

    async def open(self, token: str) -> LinkView:
        """Return what the link's page shows; raises LinkInvalid, LinkExpired."""
        serial_number = self.serial_number(token)
        found = (await self._runtime.database.read(cards.of_serials, [serial_number])).get(serial_number)
        if found is None or found.card.status in {CardStatus.REVOKED, CardStatus.DELETED}:
            raise LinkInvalid("This card is not given out any more; ask the shop for a new one.")
        apple = self._runtime.platforms.get("apple")
        google = self._runtime.object_platforms.get("google")
        return LinkView(
            serial_number=serial_number,
            kind=found.program.kind,
            program_name=found.program.name,
            merchant_name=found.merchant_name,
            colors=self._runtime.colors.get(found.program.template, {}),
            installable_apple=apple is not None and apple.is_configured(found.card.merchant_id),
            installable_google=google is not None and google.is_configured(found.card.merchant_id),
        )

    def qr_svg(self, token: str) -> bytes:
        """Return the QR of a link as an SVG image; raises LinkInvalid, LinkExpired."""
        self.serial_number(token)
        return self._runtime.draw_qr(f"{self._runtime.public_url}/add/{token}")

    def urls(self, card: Card) -> tuple[str, str]:
        """Return a card's link and the address of its QR."""
        url = self.url(card.serial_number)
        return url, f"{url}/qr.svg"
