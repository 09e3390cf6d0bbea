"""Lists in pages: a request for one, and one page of answers."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from walletd.domain.errors import CursorInvalid, ValidationFailed

PAGE_SIZES = (10, 25, 50, 100)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many, from where, in which order, and containing what."""

    page_size: int = 25
    cursor: str | None = None
    sort: str | None = None
    search: str | None = None

    def __post_init__(self) -> None:
        """Refuse a page size that no list offers."""
        if self.page_size not in PAGE_SIZES:
            raise ValidationFailed(
                f"page_size must be one of {', '.join(map(str, PAGE_SIZES))}.",
                errors=[{"pointer": "/page_size", "detail": "must be 10, 25, 50 or 100"}],
            )


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and the cursor of the next page where there is one."""

    items: tuple[Item, ...]
    next_cursor: str | None


def encode_cursor(*position: str | int) -> str:
    """Return an opaque cursor that names the last item of a page by its sort value and id."""
    text = json.dumps(position, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, length: int) -> tuple[str | int, ...] | None:
    """Return the position a cursor names, or None without one; raises CursorInvalid for foreign text."""
    if cursor is None:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid from error
    if not isinstance(position, list) or len(position) != length:
        raise CursorInvalid
    if not all(map(_is_storable, position)):
        raise CursorInvalid
    return tuple(position)


def _is_storable(part: object) -> bool:
    """Say whether a database could hold it: 64 bits, or a text without NUL and halves of characters."""
    if isinstance(part, int) and not isinstance(part, bool):
        return -(2**63) <= part < 2**63
    return isinstance(part, str) and _UNSTORABLE.search(part) is None
