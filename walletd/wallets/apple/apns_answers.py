"""What APNs' answers mean for a delivery target: the one table from reason to verdict (A3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from walletd.domain.outbox.attempts import Attempt, Verdict

AFTER_SERVER_TROUBLE_SECONDS = 900.0
"""Apple asks to wait 15 minutes after a 5xx (A3)."""
AFTER_TOO_MANY_SECONDS = 120.0
"""A device that had too many: the pace at which iOS takes updates again (N11)."""
AFTER_CONNECTION_FAULT_SECONDS = 5.0
"""The way broke, not the service: soon again, over a new connection."""
AFTER_NO_CONNECTION_SECONDS = 30.0
"""No connection could be made at all."""

NOT_CONNECTED = "NotConnected"
TIMEOUT = "Timeout"
CERTIFICATE_REFUSED = "CertificateRefused"
CERTIFICATE_EXPIRED = "CertificateExpired"
CONNECTION_LOST = "ConnectionLost"
"""Faults of the way, in words of our own; CONNECTION_LOST stands for everything without a better word."""

_PAUSE = (Verdict.CHANNEL_FAILED, None)
_REJECT = (Verdict.REFUSED, None)
_GONE = (Verdict.GONE, None)
_LATER = (Verdict.RETRY, AFTER_SERVER_TROUBLE_SECONDS)
_SLOWER = (Verdict.RETRY, AFTER_TOO_MANY_SECONDS)
_AGAIN = (Verdict.RETRY, AFTER_CONNECTION_FAULT_SECONDS)

REASONS: Mapping[str, tuple[Verdict, float | None]] = {
    # 400: the address does not fit
    "BadDeviceToken": _REJECT,
    "DeviceTokenNotForTopic": _REJECT,
    # 400, 404, 405, 413: our program or configuration is wrong, for every device alike
    "BadCollapseId": _PAUSE,
    "BadExpirationDate": _PAUSE,
    "BadMessageId": _PAUSE,
    "BadPath": _PAUSE,
    "BadPriority": _PAUSE,
    "BadTopic": _PAUSE,
    "DuplicateHeaders": _PAUSE,
    "InvalidPushType": _PAUSE,
    "MethodNotAllowed": _PAUSE,
    "MissingDeviceToken": _PAUSE,
    "MissingTopic": _PAUSE,
    "PayloadEmpty": _PAUSE,
    "PayloadTooLarge": _PAUSE,
    "TopicDisallowed": _PAUSE,
    # 403: the certificate
    "BadCertificate": _PAUSE,
    "BadCertificateEnvironment": _PAUSE,
    "BadEnvironmentKeyIdInToken": _PAUSE,
    "ExpiredProviderToken": _PAUSE,
    "Forbidden": _PAUSE,
    "InvalidProviderToken": _PAUSE,
    "MissingProviderToken": _PAUSE,
    "UnrelatedKeyIdInToken": _PAUSE,
    # 410: the pass is no longer on that device
    "ExpiredToken": _GONE,
    "Unregistered": _GONE,
    # 429
    "TooManyProviderTokenUpdates": _SLOWER,
    "TooManyRequests": _SLOWER,
    # 5xx, and the reasons that come with a GOAWAY
    "IdleTimeout": _AGAIN,
    "InternalServerError": _LATER,
    "ServiceUnavailable": _LATER,
    "Shutdown": _LATER,
    CONNECTION_LOST: _AGAIN,
    TIMEOUT: _AGAIN,
    NOT_CONNECTED: (Verdict.RETRY, AFTER_NO_CONNECTION_SECONDS),
    CERTIFICATE_REFUSED: _PAUSE,
    CERTIFICATE_EXPIRED: _PAUSE,
}
"""Reason → verdict, and seconds to wait before the next attempt."""

_STATUSES: Mapping[int, tuple[Verdict, float | None]] = {
    403: _PAUSE,
    404: _PAUSE,
    405: _PAUSE,
    410: _GONE,
    413: _PAUSE,
    429: _SLOWER,
}


def outcome_of_answer(status: int, reason: str | None, timestamp: object = None) -> Attempt:
    """Judge an answer of APNs: HTTP status, `reason` and, with 410, `timestamp` in milliseconds.

    A reason that Apple adds later is judged by its status, and an unknown status is tried again, late: it must
    neither delete a registration nor stop a merchant.
    """
    if status == 200:
        return Attempt(Verdict.DONE)
    verdict, wait = REASONS.get(reason or "") or _STATUSES.get(status, _LATER)
    return Attempt(
        verdict,
        reason or f"Status{status}",
        gone_since=_instant(timestamp) if verdict is Verdict.GONE else None,
        retry_after_seconds=wait,
    )


def outcome_of_fault(reason: str) -> Attempt:
    """Judge a fault of the connection by its name, or by the reason that APNs gave when it went away.

    Whatever ends a connection says nothing about one device, and APNs ends connections every day without trouble: so
    only our own configuration pauses, and everything else goes on over a new connection.
    """
    verdict, _ = REASONS.get(reason, _AGAIN)
    if verdict is Verdict.CHANNEL_FAILED:
        return Attempt(verdict, reason)
    wait = AFTER_NO_CONNECTION_SECONDS if reason == NOT_CONNECTED else AFTER_CONNECTION_FAULT_SECONDS
    return Attempt(Verdict.RETRY, reason, retry_after_seconds=wait)


def _instant(timestamp: object) -> datetime | None:
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        return None
    try:
        return datetime.fromtimestamp(timestamp / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
