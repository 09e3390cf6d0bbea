"""What phones write to the log route: the messages we know, and text made harmless (W22, 8)."""

from __future__ import annotations

import re
from typing import Final

LINE_LONGEST: Final = 1000

_KNOWN: Final = (
    ("unchanged_pass", re.compile(r"requested update.*unchanged|pass was unchanged", re.IGNORECASE)),
    ("no_last_modified", re.compile(r"last-?modified", re.IGNORECASE)),
    ("if_modified_since_ignored", re.compile(r"if-modified-since", re.IGNORECASE)),
    ("spurious_push", re.compile(r"spurious push", re.IGNORECASE)),
    ("unregistered_serial", re.compile(r"unregistered serial", re.IGNORECASE)),
    ("tag_missing", re.compile(r"omitted.*lastUpdated", re.IGNORECASE)),
    ("tag_unchanged", re.compile(r"remained the same", re.IGNORECASE)),
    ("unexpected_response", re.compile(r"unexpected response code", re.IGNORECASE)),
    ("invalid_pass", re.compile(r"invalid pass|signature", re.IGNORECASE)),
)
_SECRET: Final = re.compile(r"[A-Za-z0-9_\-+/=]{32,}")


def classify(line: str) -> str:
    """Return the kind of a message, `other` for one that is not known."""
    return next((kind for kind, pattern in _KNOWN if pattern.search(line)), "other")


def neutralise(line: str) -> str:
    """Return one printable line of bounded length, with everything that could be a token masked."""
    printable = "".join(character if character.isprintable() else " " for character in line[:LINE_LONGEST])
    return _SECRET.sub(lambda match: match.group()[:4] + "…", printable)
