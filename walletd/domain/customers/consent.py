"""The consent to newsletters: asked for, confirmed, revoked, each with its moment (D-48, D2.3.7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from walletd.domain.errors import Conflict


class OptInState(StrEnum):
    """The last step of the consent; before any it is `none`."""

    NONE = "none"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REVOKED = "revoked"


_FROM: Final = {
    OptInState.SENT: {OptInState.NONE, OptInState.SENT, OptInState.REVOKED},
    OptInState.CONFIRMED: {OptInState.NONE, OptInState.SENT},
    OptInState.REVOKED: {OptInState.NONE, OptInState.SENT, OptInState.CONFIRMED},
}
_MOMENTS: Final = {
    OptInState.SENT: "sent_at",
    OptInState.CONFIRMED: "confirmed_at",
    OptInState.REVOKED: "revoked_at",
}


class OptInRefused(Conflict):
    """The consent cannot go there from where it is: who revoked it has to be invited again before confirming."""

    code = "opt_in_refused"


class MailUnavailable(Conflict):
    """No mail server is set (WALLETD_SMTP_URL), so nothing can be mailed; hand the invitation over otherwise."""

    code = "mail_unavailable"


@dataclass(frozen=True, slots=True)
class OptIn:
    """How far a customer's consent is, and when each step was last taken."""

    state: OptInState = OptInState.NONE
    sent_at: datetime | None = None
    confirmed_at: datetime | None = None
    revoked_at: datetime | None = None

    def after(self, state: OptInState, now: datetime) -> OptIn:
        """Return the consent after a step to `sent`, `confirmed` or `revoked`; raises OptInRefused.

        A step that was taken before changes nothing, but an invitation may be sent again.
        """
        if state == self.state != OptInState.SENT:
            return self
        if self.state not in _FROM[state]:
            raise OptInRefused(f"The consent is {self.state}; it cannot become {state}.", state=self.state)
        return replace(self, state=state, **{_MOMENTS[state]: now})


NOT_ASKED: Final = OptIn()
