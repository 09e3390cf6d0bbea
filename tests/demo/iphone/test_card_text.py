"""Field values are written as a German and an English phone write them."""

from __future__ import annotations

from typing import Any

import pytest

from walletd.demo.iphone.field_text import field_text


@pytest.mark.parametrize(
    ("field", "german", "english"),
    [
        ({"value": 1234567}, "1.234.567", "1,234,567"),
        ({"value": 0}, "0", "0"),
        ({"value": -3.5}, "-3,5", "-3.5"),
        ({"value": 1234.5, "currencyCode": "EUR"}, "1.234,50\u00a0€", "€1,234.50"),
        ({"value": -20.1, "currencyCode": "USD"}, "-20,10\u00a0$", "-$20.10"),
        ({"value": 500, "currencyCode": "JPY"}, "500\u00a0¥", "¥500"),
        ({"value": 12.5, "currencyCode": "CHF"}, "12,50\u00a0CHF", "CHF\u00a012.50"),
        ({"value": 0.075, "numberStyle": "PKNumberStylePercent"}, "7,5\u00a0%", "7.5%"),
        ({"value": 100, "numberStyle": "PKNumberStyleDecimal"}, "100", "100"),
        ({"value": "2026-12-24T18:05:00+01:00", "dateStyle": "PKDateStyleShort"}, "24.12.26", "12/24/26"),
        ({"value": "2026-12-24T18:05:00+01:00", "dateStyle": "PKDateStyleMedium"}, "24.12.2026", "Dec 24, 2026"),
        (
            {"value": "2026-12-24T18:05Z", "dateStyle": "PKDateStyleLong", "timeStyle": "PKDateStyleShort"},
            "24. Dezember 2026, 18:05",
            "December 24, 2026, 6:05 PM",
        ),
        ({"value": "Anna"}, "Anna", "Anna"),
    ],
)
def test_value_is_written_in_the_language_of_the_person(field: dict[str, Any], german: str, english: str) -> None:
    """Separators, currency signs and the order of dates follow the language."""
    assert field_text(field, "de") == german
    assert field_text(field, "en") == english
