"""Exit codes, and what an error says on the command line."""

from __future__ import annotations

from typing import Final

from walletd.domain.errors import (
    ConfigurationRefused,
    InvalidRequest,
    NotFound,
    TemplateInvalid,
    WalletdError,
)
from walletd.settings import SettingsRefused

DONE: Final = 0
CHECK_FAILED: Final = 1
WRONG_USE: Final = 2
REFUSED: Final = 78
"""walletd refuses to start with this configuration (EX_CONFIG)."""

_CODES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (SettingsRefused, REFUSED),
    (ConfigurationRefused, REFUSED),
    (TemplateInvalid, REFUSED),
    (InvalidRequest, WRONG_USE),
    (NotFound, WRONG_USE),
    (WalletdError, CHECK_FAILED),
)


def exit_code(error: Exception) -> int:
    """Return the exit code that an error stands for."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), CHECK_FAILED)


def sentence(error: Exception) -> str:
    """Return one line that says what is wrong."""
    if isinstance(error, TemplateInvalid) and "path" in error.facts:
        return f"{error.facts['path']}: {error.detail}"
    known = isinstance(error, (SettingsRefused, WalletdError, OSError))
    text = str(error) if known else f"an error inside walletd, {type(error).__name__}: {error} (--debug shows where)"
    return " ".join(text.split())
