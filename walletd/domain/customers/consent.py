"""The consent to newsletters: asked for, confirmed, revoked, each with its moment (D-48, D2.3.7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from walletd.domain.errors import Conflict

NONE, SENT, CONFIRMED, REVOKED = "none", "sent", "confirmed", "revoked"
STATES: Final = (NONE, SENT, CONFIRMED, REVOKED)

_FROM: Final = {SENT: {NONE, SENT, REVOKED}, CONFIRMED: {NONE, SENT}, REVOKED: {NONE, SENT, CONFIRMED}}


class OptInRefused(Conflict):
    """The consent cannot go there from where it is: who revoked it has to be invited again before confirming."""

    code = "opt_in_refused"


class MailUnavailable(Conflict):
    """No mail server is set (WALLETD_SMTP_URL), so nothing can be mailed; hand the invitation over otherwise."""

    code = "mail_unavailable"


@dataclass(frozen=True, slots=True)
class OptIn:
    """How far a customer's consent is, and when each step was last taken."""

    state: str = NONE
    sent_at: datetime | None = None
    confirmed_at: datetime | None = None
    revoked_at: datetime | None = None

    def after(self, state: str, now: datetime) -> OptIn:
        """Return the consent after a step to `sent`, `confirmed` or `revoked`; raises OptInRefused.

        A step that was taken before changes nothing, but an invitation may be sent again.
        """
        if state == self.state != SENT:
            return self
        if self.state not in _FROM[state]:
            raise OptInRefused(f"The consent is {self.state}; it cannot become {state}.", state=self.state)
        moments = {SENT: "sent_at", CONFIRMED: "confirmed_at", REVOKED: "revoked_at"}
        return replace(self, state=state, **{moments[state]: now})


NOT_ASKED: Final = OptIn()
