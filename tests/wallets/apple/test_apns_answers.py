"""Tests of what an answer of APNs means: every row of the table (A3)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from walletd.domain.outbox.attempts import Verdict
from walletd.wallets.apple.apns_answers import REASONS, outcome_of_answer, outcome_of_fault

_ROWS: list[tuple[int, str, Verdict, float | None]] = [
    (400, "BadDeviceToken", Verdict.REFUSED, None),
    (400, "DeviceTokenNotForTopic", Verdict.REFUSED, None),
    *(
        (status, reason, Verdict.CHANNEL_FAILED, None)
        for status, reason in [
            (400, "BadCollapseId"),
            (400, "BadExpirationDate"),
            (400, "BadMessageId"),
            (400, "BadPriority"),
            (400, "BadTopic"),
            (400, "DuplicateHeaders"),
            (400, "InvalidPushType"),
            (400, "MissingDeviceToken"),
            (400, "MissingTopic"),
            (400, "PayloadEmpty"),
            (400, "TopicDisallowed"),
            (403, "BadCertificate"),
            (403, "BadCertificateEnvironment"),
            (403, "BadEnvironmentKeyIdInToken"),
            (403, "ExpiredProviderToken"),
            (403, "Forbidden"),
            (403, "InvalidProviderToken"),
            (403, "MissingProviderToken"),
            (403, "UnrelatedKeyIdInToken"),
            (404, "BadPath"),
            (405, "MethodNotAllowed"),
            (413, "PayloadTooLarge"),
        ]
    ),
    (400, "IdleTimeout", Verdict.RETRY, 5),
    (410, "ExpiredToken", Verdict.GONE, None),
    (410, "Unregistered", Verdict.GONE, None),
    (429, "TooManyProviderTokenUpdates", Verdict.RETRY, 120),
    (429, "TooManyRequests", Verdict.RETRY, 120),
    (500, "InternalServerError", Verdict.RETRY, 900),
    (503, "ServiceUnavailable", Verdict.RETRY, 900),
    (503, "Shutdown", Verdict.RETRY, 900),
]
_OWN_WORDS = {"ConnectionLost", "Timeout", "NotConnected", "CertificateRefused", "CertificateExpired"}


@pytest.mark.parametrize(("status", "reason", "verdict", "wait"), _ROWS)
def test_reason_has_its_verdict(status: int, reason: str, verdict: Verdict, wait: float | None) -> None:
    """Each reason of Apple's leads to one verdict and, where it is to be tried again, to a waiting time."""
    outcome = outcome_of_answer(status, reason)

    assert (outcome.verdict, outcome.reason, outcome.retry_after_seconds) == (verdict, reason, wait)


def test_no_reason_is_left_out_here() -> None:
    """These tests know every reason of the table, and the table has no others."""
    assert {reason for _, reason, _, _ in _ROWS} | _OWN_WORDS == set(REASONS)


def test_200_is_accepted() -> None:
    """APNs has taken the push; whether the phone fetches is another matter (N12)."""
    assert outcome_of_answer(200, None).verdict is Verdict.DONE


def test_410_says_since_when() -> None:
    """The timestamp in milliseconds becomes an instant, so that later registrations can be kept (B27)."""
    outcome = outcome_of_answer(410, "Unregistered", 1_790_000_000_500)

    assert outcome.gone_since == datetime.fromtimestamp(1_790_000_000.5, UTC)


@pytest.mark.parametrize("timestamp", [None, "yesterday", True, 10**30, [1]])
def test_410_with_strange_timestamp_is_gone_all_the_same(timestamp: object) -> None:
    """A timestamp that is none is left out; the token is gone nevertheless."""
    outcome = outcome_of_answer(410, "Unregistered", timestamp)

    assert (outcome.verdict, outcome.gone_since) == (Verdict.GONE, None)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, Verdict.RETRY),
        (403, Verdict.CHANNEL_FAILED),
        (404, Verdict.CHANNEL_FAILED),
        (405, Verdict.CHANNEL_FAILED),
        (410, Verdict.GONE),
        (413, Verdict.CHANNEL_FAILED),
        (418, Verdict.RETRY),
        (429, Verdict.RETRY),
        (500, Verdict.RETRY),
        (503, Verdict.RETRY),
        (0, Verdict.RETRY),
    ],
)
@pytest.mark.parametrize("reason", [None, "SomethingNew"])
def test_status_decides_where_the_reason_is_new_or_missing(status: int, verdict: Verdict, reason: str | None) -> None:
    """Empty bodies and reasons of later years are judged by their status, and never delete on a guess."""
    assert outcome_of_answer(status, reason).verdict is verdict


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        ("ConnectionLost", Verdict.RETRY),
        ("Timeout", Verdict.RETRY),
        ("NotConnected", Verdict.RETRY),
        ("Shutdown", Verdict.RETRY),
        ("IdleTimeout", Verdict.RETRY),
        ("SomethingNew", Verdict.RETRY),
        ("BadDeviceToken", Verdict.RETRY),
        ("Unregistered", Verdict.RETRY),
        ("BadCertificate", Verdict.CHANNEL_FAILED),
        ("CertificateRefused", Verdict.CHANNEL_FAILED),
        ("CertificateExpired", Verdict.CHANNEL_FAILED),
    ],
)
def test_fault_of_the_connection_never_condemns_a_device(reason: str, verdict: Verdict) -> None:
    """What ends a connection is tried again or pauses the merchant; it deletes no registration."""
    assert outcome_of_fault(reason).verdict is verdict
