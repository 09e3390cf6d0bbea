"""What an attempt came to, whatever was attempted: a push, a document for a wallet, a webhook, a mail, another job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What an attempt came to."""

    DONE = "done"
    RETRY = "retry"
    """Trouble with this one or the way to it: it is tried again, not before `retry_after_seconds`."""
    REFUSED = "refused"
    """No further attempt can succeed: the address or the document is wrong, or nobody is there to take it.

    Where everything is refused at once, our configuration is the more likely fault; who settles it, judges that.
    """
    GONE = "gone"
    """The receiver does not exist any more or wants no more; `gone_since` says since when, where that is known."""
    CHANNEL_FAILED = "channel_failed"
    """Nothing goes through this channel until it is mended: no single row is to blame, and none loses an attempt."""

    @property
    def is_passing(self) -> bool:
        """Say whether a later attempt may succeed."""
        return self in {Verdict.RETRY, Verdict.CHANNEL_FAILED}


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of one attempt; `reason` is a short English sentence or a code for people."""

    verdict: Verdict
    reason: str = ""
    retry_after_seconds: float | None = None
    """The receiver wants to be left alone so long."""
    status: int | None = None
    """Of an answer over HTTP."""
    gone_since: datetime | None = None
