"""Read the `pass.strings` of a language: lines of `"key" = "value";` (L1 to L4)."""

from __future__ import annotations

import codecs
import re
from typing import Final

_ENTRY = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*)"\s*;', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING: Final = {"n": "\n", "r": "\r", "t": "\t"}


class StringsRefused(Exception):
    """A phone would ignore this file without a word; here it is an error."""


def parse_strings(content: bytes) -> dict[str, str]:
    """Return the entries of a strings file in UTF-8 or UTF-16; raises StringsRefused where any byte is left over."""
    text = _decode(content)
    entries: dict[str, str] = {}
    position = 0
    while match := _ENTRY.match(text, position):
        key = _unescape(match[1])
        if key in entries:
            raise StringsRefused(f"the key {key!r} occurs twice")
        entries[key] = _unescape(match[2])
        position = match.end()
    if text[position:].strip():
        line = text.count("\n", 0, position) + 1
        raise StringsRefused(f'after line {line} there is something else than "key" = "value";')
    return entries


def _decode(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise StringsRefused("the text is neither UTF-8 nor UTF-16") from error


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _MEANING.get(match[1], match[1]), text)
