"""Routes of redemptions: an amount is held for 15 minutes, then captured, released, or free again."""

from __future__ import annotations

from typing import Final

from litestar import delete, get, post
from litestar.params import FromPath

from walletd.domain import errors
from walletd.domain.cards.rotating_codes import RotatingCodeRefused, RotatingCodeUsed
from walletd.domain.customers.merges import CardMerged
from walletd.domain.merchants.principals import Right
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.ledger.answers import RedemptionAnswer
from walletd.web.api.ledger.examples import (
    CAPTURE_NEW,
    REDEMPTION,
    REDEMPTION_CAPTURED,
    REDEMPTION_NEW,
    REDEMPTION_RELEASED,
)
from walletd.web.api.ledger.requests import RedemptionCapture, RedemptionNew
from walletd.web.api.reading import body_of, idempotency_key, name_in_path, optional_body_of, services_of
from walletd.web.api.replies import Reply, answer_reply

_OF_CARDS: Final = (
    errors.CardIsRevoked,
    errors.CardIsDeleted,
    CardMerged,
    errors.LoyaltySuspended,
    errors.RedemptionBlocked,
    errors.AccountUnproved,
)

RESERVE: Final = Endpoint(
    "Reserve a redemption",
    right=Right.LEDGER_BOOK,
    status=201,
    body=RedemptionNew,
    answer=RedemptionAnswer,
    idempotency_key="required",
    errors=(
        errors.NotFound,
        errors.AmountInvalid,
        errors.InsufficientBalance,
        errors.CardKeyReplaced,
        RotatingCodeRefused,
        RotatingCodeUsed,
        *_OF_CARDS,
    ),
    example_body=REDEMPTION_NEW,
    example=REDEMPTION,
)
READ: Final = Endpoint("Read a redemption", right=Right.CARDS_READ, answer=RedemptionAnswer, example=REDEMPTION)
CAPTURE: Final = Endpoint(
    "Capture a redemption",
    right=Right.LEDGER_BOOK,
    status=201,
    body=RedemptionCapture,
    answer=RedemptionAnswer,
    idempotency_key="required",
    errors=(errors.AmountInvalid, errors.HoldExpired, errors.HoldClosed, errors.HoldExceeded, *_OF_CARDS),
    example_body=CAPTURE_NEW,
    example=REDEMPTION_CAPTURED,
)
RELEASE: Final = Endpoint(
    "Release a redemption",
    right=Right.LEDGER_BOOK,
    answer=RedemptionAnswer,
    errors=(errors.HoldExpired, errors.HoldClosed, errors.StorageFull, errors.Overloaded, errors.OutcomeUnknown),
    example=REDEMPTION_RELEASED,
)


@post("/redemptions", opt={OPT: RESERVE})
async def reserve_redemption(request: ApiRequest) -> Reply:
    """Hold an amount for exactly 15 minutes, of what expires first."""
    new = await body_of(request, RedemptionNew)
    key = idempotency_key(request)
    return answer_reply(
        await services_of(request).ledger.reserve(request.auth, new.card, new.amount, new.reference, key)
    )


@get("/redemptions/{code:str}", opt={OPT: READ})
async def read_redemption(request: ApiRequest, code: FromPath[str]) -> Reply:
    """Return a redemption as it is now."""
    return Reply(await services_of(request).ledger.redemption(request.auth, name_in_path(code)))


@post("/redemptions/{code:str}/capture", opt={OPT: CAPTURE})
async def capture_redemption(request: ApiRequest, code: FromPath[str]) -> Reply:
    """Take what is held, or a part of it; what is not taken is free again at once."""
    capture = await optional_body_of(request, RedemptionCapture)
    answer = await services_of(request).ledger.capture(
        request.auth, name_in_path(code), capture.amount, idempotency_key(request)
    )
    return answer_reply(answer)


@delete("/redemptions/{code:str}", status_code=200, opt={OPT: RELEASE})
async def release_redemption(request: ApiRequest, code: FromPath[str]) -> Reply:
    """Give back what is held; releasing it again says the same."""
    answer = await services_of(request).ledger.release(request.auth, name_in_path(code))
    return Reply(answer.body)
