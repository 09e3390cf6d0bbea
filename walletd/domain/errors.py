"""The tree of everything walletd refuses or cannot do.

An error's class docstring is its title; `code` is stable and part of the API contract. Facts are JSON-able details
for the person who has to act. No HTTP status and no exit code lives here: each edge keeps one table of its own.
"""

from __future__ import annotations

from typing import ClassVar


class WalletdError(Exception):
    """Something walletd refuses to do."""

    code: ClassVar[str] = "walletd_error"
    replayed: bool = False
    """Whether this is the answer to an earlier request with the same idempotency key."""

    def __init__(self, detail: str | None = None, **facts: object) -> None:
        self.detail = detail or self.title()
        self.facts = facts
        super().__init__(self.detail)

    @classmethod
    def title(cls) -> str:
        """Return the first line of the class docstring, without its full stop."""
        return (cls.__doc__ or cls.code).strip().splitlines()[0].rstrip(".")


class InvalidRequest(WalletdError):
    """The request does not have the form that this route expects."""

    code = "request_invalid"


class JsonInvalid(InvalidRequest):
    """The body is not valid JSON: check for broken syntax, NaN or keys that occur twice."""

    code = "json_invalid"


class ValidationFailed(InvalidRequest):
    """A value in the request is missing, unknown or out of range; `errors` names each with a JSON pointer."""

    code = "validation_failed"


class AmountInvalid(ValidationFailed):
    """The amount must be a whole number from 1 to 9007199254740991 in the unit of the program."""

    code = "amount_invalid"


class BodyTooLarge(InvalidRequest):
    """The body is larger than this route accepts."""

    code = "body_too_large"


class MediaTypeUnsupported(InvalidRequest):
    """Send the body as application/json."""

    code = "media_type_unsupported"


class CursorInvalid(InvalidRequest):
    """The cursor was not given out by this list; start again without one."""

    code = "cursor_invalid"


class IdempotencyKeyMissing(InvalidRequest):
    """Requests that move value need an Idempotency-Key header, so that a retry can never book twice."""

    code = "idempotency_key_missing"


class IdempotencyKeyInvalid(InvalidRequest):
    """The Idempotency-Key must be 1 to 255 printable ASCII characters."""

    code = "idempotency_key_invalid"


class Unauthenticated(WalletdError):
    """The credentials are missing, unknown or revoked."""

    code = "unauthenticated"


class Forbidden(WalletdError):
    """The API key lacks the right that this route needs."""

    code = "forbidden"


class NotFound(WalletdError):
    """Nothing with this identifier belongs to this merchant."""

    code = "not_found"


class MethodNotAllowed(WalletdError):
    """This route does not know this method."""

    code = "method_not_allowed"


class Conflict(WalletdError):
    """The request contradicts the present state."""

    code = "conflict"


class IdempotencyKeyReused(Conflict):
    """This Idempotency-Key was used before with another request; use a new key for a new request."""

    code = "idempotency_key_reused"


class IdempotencyInProgress(Conflict):
    """A request with this Idempotency-Key is being worked on; ask again in a moment."""

    code = "idempotency_in_progress"


class IdempotencyKeySpent(Conflict):
    """This Idempotency-Key booked once, too long ago to repeat the answer; look up the transaction it names."""

    code = "idempotency_key_spent"


class InsufficientBalance(Conflict):
    """The account holds less than the amount to take."""

    code = "insufficient_balance"


class BalanceLimit(Conflict):
    """The account would hold more than it may."""

    code = "balance_limit"


class HoldClosed(Conflict):
    """This redemption was captured or released before; nothing is held by it any more."""

    code = "hold_closed"


class HoldExpired(Conflict):
    """The 15 minutes of this redemption are over; what it held is back on the account. Make a new one."""

    code = "hold_expired"


class HoldExceeded(ValidationFailed):
    """No more can be captured than the redemption holds."""

    code = "hold_exceeded"


class AlreadyReversed(Conflict):
    """This transaction was reversed whole before."""

    code = "already_reversed"


class ReversalExceeded(ValidationFailed):
    """No more can be taken back than what is left of the transaction."""

    code = "reversal_exceeded"


class ReversalNotAllowed(Conflict):
    """Transactions of this type cannot be reversed."""

    code = "reversal_not_allowed"


class MembershipEnded(Conflict):
    """The period of this membership is over; renew it with a transaction of type tier."""

    code = "membership_ended"


class AccountUnproved(Conflict):
    """The proof of this account's entries failed; nothing can be redeemed until it is put right."""

    code = "account_unproved"


class OperationNotAllowed(ValidationFailed):
    """Cards of this kind do not know this type of transaction."""

    code = "operation_not_allowed"


class CurrencyMismatch(ValidationFailed):
    """The amount is in another currency than the account."""

    code = "currency_mismatch"


class CardKeyTaken(Conflict):
    """Another card of this merchant uses this key already."""

    code = "card_key_taken"


class CardKeyReplaced(Conflict):
    """This key was replaced; the card answers to another key now."""

    code = "card_key_replaced"


class CardIsRevoked(Conflict):
    """The card is revoked; nothing can be booked on it."""

    code = "card_revoked"


class CardIsDeleted(Conflict):
    """The card is deleted; nothing can be booked on it."""

    code = "card_deleted"


class LoyaltySuspended(Conflict):
    """The customer's loyalty is suspended: collecting, redeeming and asking for balances are off."""

    code = "loyalty_suspended"


class RedemptionBlocked(Conflict):
    """Redeeming is blocked for this customer; collecting still works."""

    code = "redemption_blocked"


class CustomerNumberTaken(Conflict):
    """Another customer of this merchant has this number already."""

    code = "customer_number_taken"


class LinkInvalid(WalletdError):
    """This link is not genuine; ask the shop for a new one."""

    code = "link_invalid"


class LinkExpired(WalletdError):
    """This link is too old; ask the shop for a new one."""

    code = "link_expired"


class PushTokenInvalid(InvalidRequest):
    """A push token is 32 to 200 hexadecimal digits."""

    code = "push_token_invalid"


class RateLimited(WalletdError):
    """Too many requests; wait as long as Retry-After says."""

    code = "rate_limited"


class TemplateInvalid(WalletdError):
    """A pass template cannot be used; `path` names the file and the key at fault."""

    code = "template_invalid"


class CertificateInvalid(WalletdError):
    """The pass certificate cannot be used; the detail says what does not fit."""

    code = "certificate_invalid"


class SigningUnavailable(WalletdError):
    """No valid pass certificate is loaded for this merchant, so passes cannot be signed now."""

    code = "signing_unavailable"


class StorageUnavailable(WalletdError):
    """The database cannot take the request now; nothing was booked."""

    code = "storage_unavailable"


class StorageFull(StorageUnavailable):
    """The disk is full: reading works, writing does not. Nothing was booked."""

    code = "storage_full"


class OutcomeUnknown(StorageUnavailable):
    """The connection broke while the booking was stored; repeat the request with the same Idempotency-Key."""

    code = "outcome_unknown"


class Overloaded(StorageUnavailable):
    """Too much is waiting; nothing was booked. Try again shortly."""

    code = "overloaded"


class ConfigurationRefused(WalletdError):
    """walletd refuses to start with this configuration."""

    code = "configuration_refused"


class LedgerUnproved(WalletdError):
    """The ledger's stored figures do not follow from its entries."""

    code = "ledger_unproved"


class WebhookTargetRefused(ValidationFailed):
    """The address of a webhook is one that walletd will not call."""

    code = "webhook_target_refused"


class WebhookDisabled(Conflict):
    """The webhook is disabled; enable it first."""

    code = "webhook_disabled"


class CheckpointInvalid(WalletdError):
    """The text is no checkpoint of this walletd, or was changed after it was signed."""

    code = "checkpoint_invalid"


def error_for(code: str, detail: str, facts: dict[str, object]) -> WalletdError:
    """Return the error that a stored code stands for."""
    waiting: list[type[WalletdError]] = [WalletdError]
    while waiting:
        kind = waiting.pop()
        if kind.code == code:
            return kind(detail, **facts)
        waiting.extend(kind.__subclasses__())
    return WalletdError(detail, **facts)
