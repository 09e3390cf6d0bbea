"""Checks of single values, and the error that names the value by a JSON pointer."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

from walletd.domain.errors import ValidationFailed

_NOTE_LONGEST: Final = 200
_Choice = TypeVar("_Choice", bound=StrEnum)


def check_name(name: str, pointer: str = "/name", longest: int = 80) -> str:
    """Return the name without spaces around it; raises ValidationFailed where it is empty, too long or unprintable."""
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= longest or not trimmed.isprintable():
        raise invalid(pointer, f"must be 1 to {longest} printable characters")
    return trimmed


def check_note(text: str | None, pointer: str) -> None:
    """Raise ValidationFailed for a text that is too long or that holds what cannot be printed on one line."""
    if text is not None and (len(text) > _NOTE_LONGEST or not text.isprintable()):
        raise invalid(pointer, f"must be at most {_NOTE_LONGEST} printable characters")


def check_choice(choices: type[_Choice], text: str, pointer: str) -> _Choice:
    """Return what a text stands for; raises ValidationFailed where it is none of the choices."""
    try:
        return choices(text)
    except ValueError:
        raise invalid(pointer, f"must be one of {', '.join(choices)}") from None


def invalid(pointer: str, detail: str) -> ValidationFailed:
    """Return the error for one value, with the JSON pointer that leads to it."""
    return ValidationFailed(f"{pointer} {detail}.", errors=[{"pointer": pointer, "detail": detail}])
