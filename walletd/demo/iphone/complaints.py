"""What a phone reports to `/v1/log` when a server misbehaves: the seven messages of iOS and two general ones.

The wording keeps the characteristic words of iOS, so that a server can recognise them (A8, W9, W11, W15, W17).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Code(IntEnum):
    """The seven codes of iOS, and two of ours for what iOS words freely."""

    UNCHANGED = 0
    NO_LAST_MODIFIED = 1
    IF_MODIFIED_SINCE_IGNORED = 2
    SPURIOUS_PUSH = 3
    UNREGISTERED_SERIAL = 4
    TAG_MISSING = 5
    TAG_UNCHANGED = 6
    UNEXPECTED_STATUS = 100
    INVALID_PASS = 101


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint of one phone about one web service."""

    code: Code
    text: str
    service_url: str
    pass_type: str
    at: datetime

    @property
    def log_line(self) -> str:
        """The line as it is posted to the log."""
        moment = self.at.strftime("%Y-%m-%d %H:%M:%S +0000")
        return f"[{moment}] Web service error for {self.pass_type} ({self.service_url}): {self.text}"


def unchanged(serial: str) -> str:
    """Code 0: an update was requested, but the pass is the same."""
    return f"Server requested update to serial number '{serial}', but the pass was unchanged."


def no_last_modified(serial: str) -> str:
    """Code 1: a pass came without Last-Modified."""
    return f"Server returned the pass data for serial number '{serial}' but did not provide a 'last-modified' header."


def if_modified_since_ignored(serial: str, since: str) -> str:
    """Code 2: a conditional request was answered with the pass the phone already has."""
    return (
        f"Server ignored the 'if-modified-since' header ({since}) and returned the full unchanged pass data "
        f"for serial number '{serial}'."
    )


def spurious_push(tag: str | None, device: str) -> str:
    """Code 3: a push came, but nothing has changed."""
    return (
        f"Device received spurious push. Request for passesUpdatedSince '{tag or ''}' returned no serial numbers. "
        f"(Device = {device})"
    )


def unregistered_serial(serial: str) -> str:
    """Code 4: the list names a pass that this phone has not registered."""
    return f"Update requested for unregistered serial number {serial}"


def tag_missing(count: int) -> str:
    """Code 5: the list names passes but has no lastUpdated."""
    return f"Response to 'What changed?' request included {count} serial numbers but omitted a lastUpdated tag."


def tag_unchanged(count: int, tag: str) -> str:
    """Code 6: the list names passes but lastUpdated is the tag that was asked with."""
    return (
        f"Response to 'What changed?' request included {count} serial numbers but the lastUpdated tag ({tag}) "
        "remained the same."
    )


def unexpected_status(task: str, status: int) -> str:
    """Report an answer with a status that has no meaning for the task."""
    return f"{task} encountered error: Unexpected response code {status}"


def invalid_pass(serial: str, reason: str) -> str:
    """Report a pass that cannot be accepted."""
    return f"Get pass task (serial number {serial}) encountered error: Received invalid pass data ({reason})"
