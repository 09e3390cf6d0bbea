"""Rewriting the key of a card: the barcode changes, the serial number stays (D-02, I-07)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from walletd.domain.errors import ValidationFailed, WalletdError
from walletd.domain.identifiers import KeyState, is_card_key
from walletd.domain.validation import check_note, invalid

ROWS_MAX: Final = 500
"""Of one request."""


class OldKey(StrEnum):
    """What becomes of the old key of a card: it leads to the card still, or is refused at the till from now on."""

    REDIRECT = "redirect"
    RETIRE = "retire"

    @property
    def state(self) -> KeyState:
        """Return the state that the old key gets."""
        return KeyState.RETIRED if self == OldKey.RETIRE else KeyState.REDIRECTED


class RewritesRefused(ValidationFailed):
    """Some rows of a list of new keys cannot be done, so none was; `errors` names each with its row."""

    code = "rewrites_refused"
    failures: Sequence[tuple[int, WalletdError]] = ()
    """The place of each bad row, from 0, and what is wrong with it."""

    @classmethod
    def of(cls, failures: Sequence[tuple[int, WalletdError]]) -> RewritesRefused:
        """Return the refusal of a list with these failures; the first 100 are named."""
        errors = [
            {"pointer": f"/rows/{place}", "code": error.code, "detail": error.detail} for place, error in failures[:100]
        ]
        refused = cls(f"{len(failures)} of the rows cannot be done; nothing was changed.", errors=errors)
        refused.failures = failures
        return refused


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A new key for a card, which is named by its serial number or one of its keys."""

    card: str
    key: str

    def check(self, pointer: str = "") -> Rewrite:
        """Return the same; raises ValidationFailed with a pointer below `pointer`."""
        if not is_card_key(self.key):
            raise invalid(f"{pointer}/key", "must be 1 to 64 printable ASCII characters")
        return self


@dataclass(frozen=True, slots=True)
class RewritePlan:
    """Why keys are rewritten, and what becomes of the old ones."""

    reason: str
    old_key: OldKey = OldKey.REDIRECT

    def check(self) -> RewritePlan:
        """Return the same; raises ValidationFailed."""
        check_note(self.reason, "/reason")
        return self


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became, or would become, of one row; `old_key` equals `key` where nothing changes."""

    serial_number: str
    old_key: str
    key: str
