"""Write field values as a phone shows them: numbers, money, shares and moments in the language of the person (L6).

German and English are written as iOS writes them; for every other language the English form is good enough for a demo.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from babel.dates import get_month_names

_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_SUFFIXED: Final = {"CHF": "CHF", "SEK": "SEK", "NOK": "NOK", "DKK": "DKK", "PLN": "PLN", "CZK": "CZK"}
_WITHOUT_MINOR_UNIT: Final = frozenset({"JPY", "KRW", "ISK", "HUF", "CLP", "VND"})
_NO_BREAK_SPACE: Final = "\u00a0"


def field_text(field: Mapping[str, Any], language: str) -> str:
    """Return the text of a field's value; texts are returned as they are, untranslated."""
    value = field["value"]
    if isinstance(value, int | float):
        return _number_text(Decimal(str(value)), field, language)
    if "dateStyle" in field or "timeStyle" in field:
        return _moment_text(str(value), field, language)
    return str(value)


def _number_text(value: Decimal, field: Mapping[str, Any], language: str) -> str:
    if "currencyCode" in field:
        return money_text(value, str(field["currencyCode"]), language)
    if field.get("numberStyle") == "PKNumberStylePercent":
        gap = _NO_BREAK_SPACE if language == "de" else ""
        return f"{_grouped(value * 100, language)}{gap}%"
    return _grouped(value, language)


def money_text(value: Decimal, currency: str, language: str) -> str:
    """Return an amount of major units with its currency."""
    minor_units = Decimal(1) if currency in _WITHOUT_MINOR_UNIT else Decimal("0.01")
    amount = _grouped(abs(value).quantize(minor_units), language, is_exact=True)
    sign = "-" if value < 0 else ""
    symbol = _SYMBOLS.get(currency, _SUFFIXED.get(currency, currency))
    if language == "de":
        return f"{sign}{amount}{_NO_BREAK_SPACE}{symbol}"
    gap = "" if currency in _SYMBOLS else _NO_BREAK_SPACE
    return f"{sign}{symbol}{gap}{amount}"


def _grouped(value: Decimal, language: str, *, is_exact: bool = False) -> str:
    text = f"{value:,f}"
    if "." in text and not is_exact:
        text = text.rstrip("0").rstrip(".")
    if language == "de":
        text = text.translate(str.maketrans(",.", ".,"))
    return text


def _moment_text(value: str, field: Mapping[str, Any], language: str) -> str:
    moment = datetime.fromisoformat(value)
    parts = []
    if field.get("dateStyle", "PKDateStyleNone") != "PKDateStyleNone":
        parts.append(_date_text(moment.date(), str(field["dateStyle"]), language))
    if field.get("timeStyle", "PKDateStyleNone") != "PKDateStyleNone":
        parts.append(_time_text(moment, language))
    return ", ".join(parts)


def _date_text(day: date, style: str, language: str) -> str:
    is_german = language == "de"
    if style == "PKDateStyleShort":
        return f"{day:%d.%m.%y}" if is_german else f"{day.month}/{day.day}/{day:%y}"
    if style == "PKDateStyleMedium" and is_german:
        return f"{day:%d.%m.%Y}"
    month = get_month_names("wide", locale="de" if is_german else "en")[day.month]
    if is_german:
        return f"{day.day}. {month} {day.year}"
    return f"{month[:3] if style == 'PKDateStyleMedium' else month} {day.day}, {day.year}"


def _time_text(moment: datetime, language: str) -> str:
    if language == "de":
        return f"{moment:%H:%M}"
    return f"{moment.hour % 12 or 12}:{moment:%M} {'AM' if moment.hour < 12 else 'PM'}"
