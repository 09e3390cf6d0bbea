"""Fields that bodies of several areas have, in both directions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.ledger.balances import AMOUNT_MAX

Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="A whole number in the unit of the program.")]

Total = Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="What the customer paid, in minor units of the currency.")]

Text = Annotated[str, Meta(max_length=200)]

Label = Annotated[str, Meta(min_length=1, max_length=200)]

Note = Annotated[str, Meta(max_length=200, description="Printable characters: no line breaks, no tabs.")]

Texts = Annotated[dict[Label, Text], Meta(max_length=50)]


class Address(Struct, forbid_unknown_fields=True, kw_only=True):
    """A postal address."""

    street: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    country: Text | None = None

    def given(self) -> dict[str, str]:
        """Return the lines that are there."""
        return {name: text for name, text in msgspec.structs.asdict(self).items() if text is not None}


Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]

Currency = Annotated[str, Meta(description="ISO 4217. There where the unit is money; amounts are minor units then.")]

Unit = Annotated[str, Meta(description="points, stamps, visits, coupons, or money beside a currency.")]


def moment(instant: datetime | None) -> str | None:
    """Return an instant as the API writes it, or None where there is none."""
    return None if instant is None else rfc3339(instant)
