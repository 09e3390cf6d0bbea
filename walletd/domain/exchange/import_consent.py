"""What a file says of consent: the three moments, from which the state follows (D-48, S2-008)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from walletd.domain.customers.consent import OptIn, OptInRefused, OptInState

COLUMNS: Final[Mapping[str, str]] = {
    "opt_in_sent": "sent_at",
    "opt_in": "confirmed_at",
    "opt_in_revoked": "revoked_at",
}
"""Column → the moment that it holds. `OptIn` is the day of confirmation, and blank where there is none."""

_STEPS: Final = (
    ("sent_at", OptInState.SENT),
    ("confirmed_at", OptInState.CONFIRMED),
    ("revoked_at", OptInState.REVOKED),
)
"""In this order: of two steps at one moment the later one counts."""


def imported(present: OptIn, given: Mapping[str, datetime | None]) -> OptIn:
    """Return the consent with the moments of a row, None where one is cleared.

    The last step decides the state. A file does not bring back what its owner revoked: it may only say that they were
    invited again. OptInRefused.
    """
    if not given:
        return present
    moments = {
        name: getattr(present, name) if name not in given else _kept(getattr(present, name), given[name])
        for name in COLUMNS.values()
    }
    reached = [(moments[name], order) for order, (name, _) in enumerate(_STEPS) if moments[name]]
    state = _STEPS[max(reached)[1]][1] if reached else OptInState.NONE
    if present.state == OptInState.REVOKED and (
        state not in {OptInState.REVOKED, OptInState.SENT} or not _still_revoked(present, moments)
    ):
        raise OptInRefused("The consent was revoked.", state=OptInState.REVOKED)
    return replace(present, state=state, **moments)


def _kept(present: datetime | None, given: datetime | None) -> datetime | None:
    """Return the moment of a cell; the one that is known already, where the cell is that to the second."""
    return present if present is not None and present.replace(microsecond=0) == given else given


def _still_revoked(present: OptIn, moments: Mapping[str, datetime | None]) -> bool:
    """Say whether the revocation is where it was, or later."""
    revoked_at = moments["revoked_at"]
    return present.revoked_at is None or (revoked_at is not None and revoked_at >= present.revoked_at)
