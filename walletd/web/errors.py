"""The one table from error to HTTP status, and the problem document that every error of the API becomes (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from walletd.domain import errors
from walletd.domain.cards import keys, rotating_codes
from walletd.domain.customers import consent, erasures, lists, matching, merge_requests, merges
from walletd.domain.delivery import wallet_errors
from walletd.domain.exchange import import_files
from walletd.domain.promotions import orders

PROBLEM_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:walletd:error:"

STATUS: Final[Mapping[type[errors.WalletdError], int]] = {
    errors.WalletdError: 400,
    errors.InvalidRequest: 400,
    errors.JsonInvalid: 400,
    errors.ValidationFailed: 422,
    errors.AmountInvalid: 422,
    errors.BodyTooLarge: 413,
    errors.MediaTypeUnsupported: 415,
    errors.CursorInvalid: 400,
    errors.IdempotencyKeyMissing: 400,
    errors.IdempotencyKeyInvalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.IdempotencyKeyReused: 422,
    errors.IdempotencyInProgress: 409,
    errors.IdempotencyKeySpent: 409,
    errors.InsufficientBalance: 409,
    errors.BalanceLimit: 409,
    errors.HoldClosed: 409,
    errors.HoldExpired: 410,
    errors.HoldExceeded: 422,
    errors.AlreadyReversed: 409,
    errors.ReversalExceeded: 422,
    errors.ReversalNotAllowed: 409,
    errors.MembershipEnded: 409,
    errors.AccountUnproved: 409,
    errors.OperationNotAllowed: 422,
    errors.CurrencyMismatch: 422,
    errors.CardKeyTaken: 409,
    errors.CardKeyReplaced: 409,
    errors.CardIsRevoked: 409,
    errors.CardIsDeleted: 409,
    errors.LoyaltySuspended: 403,
    errors.RedemptionBlocked: 403,
    errors.CustomerNumberTaken: 409,
    import_files.ImportFileInvalid: 422,
    import_files.ImportRefused: 409,
    merges.MergeSelf: 422,
    merges.CardMerged: 409,
    merges.RedemptionOpen: 409,
    merges.MergeNotUndoable: 409,
    erasures.CardIsInstalled: 409,
    erasures.CustomerIsErased: 409,
    matching.DuplicateDecided: 409,
    merge_requests.MergeRequestRefused: 409,
    merge_requests.MergeRequestOpen: 409,
    merge_requests.MergeRequestUnconfirmed: 409,
    merge_requests.MergeRequestDecided: 409,
    keys.RewritesRefused: 422,
    orders.OrderExists: 409,
    consent.OptInRefused: 409,
    consent.MailUnavailable: 409,
    lists.DeactivationNotUndoable: 409,
    rotating_codes.RotatingCodeRefused: 409,
    rotating_codes.RotatingCodeUsed: 409,
    errors.LinkInvalid: 404,
    errors.LinkExpired: 410,
    errors.PushTokenInvalid: 400,
    errors.RateLimited: 429,
    errors.TemplateInvalid: 422,
    errors.CertificateInvalid: 422,
    errors.CheckpointInvalid: 422,
    errors.WebhookTargetRefused: 422,
    errors.WebhookDisabled: 409,
    errors.SigningUnavailable: 503,
    wallet_errors.WalletUnavailable: 503,
    errors.StorageUnavailable: 503,
    errors.StorageFull: 503,
    errors.OutcomeUnknown: 503,
    errors.Overloaded: 503,
    # These two stop commands and jobs; should one ever reach a request, nothing the client changes would help.
    errors.ConfigurationRefused: 503,
    errors.LedgerUnproved: 503,
}
"""Every error, one by one: a test fails where a class is missing, so that no status is inherited by accident."""

_RETRY_AFTER_SECONDS: Final[Mapping[type[errors.WalletdError], int]] = {
    errors.IdempotencyInProgress: 1,
    errors.RateLimited: 60,
    errors.SigningUnavailable: 300,
    wallet_errors.WalletUnavailable: 60,
    errors.StorageUnavailable: 5,
    errors.StorageFull: 60,
    errors.OutcomeUnknown: 1,
    errors.Overloaded: 1,
    errors.ConfigurationRefused: 300,
    errors.LedgerUnproved: 300,
}
"""How long to wait where the error itself does not say it in the fact `retry_after_seconds`."""


def status_of(error: errors.WalletdError) -> int:
    """Return the HTTP status of an error; the nearest class in the table decides."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def headers_of(error: errors.WalletdError) -> dict[str, str]:
    """Return the headers that belong to an error: Retry-After, WWW-Authenticate, Allow, Idempotency-Replayed."""
    headers: dict[str, str] = {}
    seconds = error.facts.get("retry_after_seconds")
    if not isinstance(seconds, int | float):
        seconds = next(
            (_RETRY_AFTER_SECONDS[kind] for kind in type(error).__mro__ if kind in _RETRY_AFTER_SECONDS), None
        )
    if seconds is not None:
        headers["retry-after"] = str(max(1, -int(-seconds // 1)))
    if isinstance(error, errors.Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="walletd"'
    if error.replayed:
        headers["idempotency-replayed"] = "true"
    allow = error.facts.get("allow")
    if isinstance(allow, list):
        headers["allow"] = ", ".join(map(str, allow))
    return headers


def problem(error: errors.WalletdError) -> dict[str, object]:
    """Return the problem document of an error: type, title, status, code, detail, then its facts."""
    document: dict[str, object] = {
        "type": f"{TYPE_PREFIX}{error.code}",
        "title": error.title(),
        "status": status_of(error),
        "code": error.code,
        "detail": error.detail,
    }
    return document | {name: fact for name, fact in error.facts.items() if name not in document}


def problem_bytes(error: errors.WalletdError) -> bytes:
    """Return the problem document as JSON; escaped to ASCII, so that any text a client sent can be named in it."""
    return json.dumps(problem(error), separators=(",", ":")).encode()


INTERNAL_ERROR: Final = json.dumps(
    {
        "type": f"{TYPE_PREFIX}internal_error",
        "title": "Something went wrong in walletd",
        "status": 500,
        "code": "internal_error",
        "detail": "This is a fault of walletd, not of the request. It was logged; nothing is said about it here.",
    },
    separators=(",", ":"),
).encode()
"""The last resort. Tests hold that no request leads here."""
