"""The examples in the OpenAPI document about customers."""

from __future__ import annotations

from typing import Final

from walletd.web.api.examples import Example

CUSTOMER_NEW: Final[Example] = {
    "first_name": "Mia",
    "last_name": "Weber",
    "email": "mia@example.org",
    "address": {"street": "Hauptstraße 1", "postal_code": "10115", "city": "Berlin", "country": "DE"},
    "locale": "de",
    "tags": ["newsletter"],
}

CUSTOMER_CHANGE: Final[Example] = {"email": "mia@example.org", "phone": None}
