"""Texts and values as Google's documents hold them: every language of the template, money in micros (G1.4, G6).

A text stands plain in the default language, and beside it in all languages of the template.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from walletd.domain.delivery.faces import FaceValue, Percent, Phrase
from walletd.domain.money import Money, minor_digits
from walletd.wallets.templates.templates import Template

Json = dict[str, Any]

_MICROS_DIGITS: Final = 6
_BASIS_POINTS: Final = 10_000


def micros(money: Money) -> str:
    """Return an amount in millionths of the major unit, whatever the currency, as the digits of an int64.

    Worked out with whole numbers: 34.56 USD are 34560000, 500 JPY are 500000000 (G1.4).
    """
    return str(money.minor * 10 ** (_MICROS_DIGITS - minor_digits(money.currency)))


def money_json(money: Money) -> Json:
    """Return an amount as Google's type Money."""
    return {"micros": micros(money), "currencyCode": money.currency}


def localized(template: Template, text_in: Callable[[str], str]) -> Json:
    """Return a LocalizedString: the default language first, then the others (G6)."""
    default = template.default_language
    others = [
        {"language": language, "value": text_in(language)} for language in template.languages if language != default
    ]
    document: Json = {"defaultValue": {"language": default, "value": text_in(default)}}
    return document | ({"translatedValues": others} if others else {})


def everywhere(template: Template, text: str) -> Json:
    """Return a LocalizedString of a text that is the same in each language, such as a name."""
    return {"defaultValue": {"language": template.default_language, "value": text}}


def value_text(template: Template, value: FaceValue, language: str) -> str:
    """Return a value of a face as people of a language read it."""
    locale = _locale(language)
    match value:
        case Money():
            return format_currency(value.decimal(), value.currency, locale=locale)
        case Percent():
            return format_percent(value.basis_points / _BASIS_POINTS, format="#,##0.## %", locale=locale)
        case Phrase():
            return template.text(value.key, language)
        case datetime():
            return format_date(value, format="medium", locale=locale)
        case int():
            return format_decimal(value, locale=locale)
        case _:
            return value


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
