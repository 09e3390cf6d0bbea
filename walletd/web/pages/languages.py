"""How the language of a page is chosen."""

from __future__ import annotations

from walletd.texts.catalogues import LANGUAGES


def choose_language(asked: str | None, accept_language: str) -> str:
    """Return the language of the page: the one asked for, else the browser's, else English."""
    if asked is not None and asked in LANGUAGES:
        return asked
    for language in _preferred(accept_language):
        primary = language.partition("-")[0].lower()
        if primary in LANGUAGES:
            return primary
    return "en"


def _preferred(accept_language: str) -> list[str]:
    ranked: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:20]:
        language, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if language and weight > 0:
            ranked.append((weight, language))
    # Sorting keeps the order of equals, which is the order of preference.
    return [language for _, language in sorted(ranked, key=lambda item: -item[0])]
