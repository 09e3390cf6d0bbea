"""Routes of transactions: what a till books on a card."""

from __future__ import annotations

from typing import Final

from litestar import get, post
from litestar.params import FromPath

from walletd.domain import errors
from walletd.domain.cards.rotating_codes import RotatingCodeRefused, RotatingCodeUsed
from walletd.domain.customers.merges import CardMerged
from walletd.domain.merchants.principals import Right
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.ledger.answers import TransactionAnswer
from walletd.web.api.ledger.examples import REVERSAL, REVERSAL_NEW, TRANSACTION, TRANSACTION_NEW
from walletd.web.api.ledger.requests import Reversal, TransactionNew
from walletd.web.api.reading import body_of, idempotency_key, name_in_path, optional_body_of, services_of
from walletd.web.api.replies import Reply, answer_reply

BOOK: Final = Endpoint(
    "Book a transaction",
    right=Right.LEDGER_BOOK,
    status=201,
    body=TransactionNew,
    answer=TransactionAnswer,
    idempotency_key="required",
    errors=(
        errors.NotFound,
        errors.AmountInvalid,
        errors.OperationNotAllowed,
        errors.InsufficientBalance,
        errors.BalanceLimit,
        errors.CardKeyReplaced,
        CardMerged,
        RotatingCodeRefused,
        RotatingCodeUsed,
        errors.CardIsRevoked,
        errors.CardIsDeleted,
        errors.LoyaltySuspended,
        errors.RedemptionBlocked,
        errors.MembershipEnded,
        errors.AccountUnproved,
    ),
    example_body=TRANSACTION_NEW,
    example=TRANSACTION,
)
REVERSE: Final = Endpoint(
    "Reverse a transaction",
    right=Right.LEDGER_ADJUST,
    status=201,
    body=Reversal,
    answer=TransactionAnswer,
    idempotency_key="required",
    errors=(
        errors.AmountInvalid,
        errors.AlreadyReversed,
        errors.ReversalExceeded,
        errors.ReversalNotAllowed,
        errors.BalanceLimit,
    ),
    example_body=REVERSAL_NEW,
    example=REVERSAL,
)
READ: Final = Endpoint("Read a transaction", right=Right.CARDS_READ, answer=TransactionAnswer, example=TRANSACTION)


@post("/transactions", opt={OPT: BOOK})
async def book_transaction(request: ApiRequest) -> Reply:
    """Book on a card, exactly once per Idempotency-Key; a repeated request gets the same answer again."""
    booking = (await body_of(request, TransactionNew)).as_domain()
    answer = await services_of(request).ledger.book(request.auth, booking, idempotency_key(request))
    return answer_reply(answer)


@get("/transactions/{transaction_id:str}", opt={OPT: READ})
async def read_transaction(request: ApiRequest, transaction_id: FromPath[str]) -> Reply:
    """Return one transaction as it was answered when it was booked."""
    body = await services_of(request).ledger.transaction(request.auth, name_in_path(transaction_id))
    return Reply(body)


@post("/transactions/{transaction_id:str}/reverse", opt={OPT: REVERSE})
async def reverse_transaction(request: ApiRequest, transaction_id: FromPath[str]) -> Reply:
    """Take a transaction back, or a part: value returns where it came from, what is missing becomes debt."""
    reversal = (await optional_body_of(request, Reversal)).as_domain(name_in_path(transaction_id))
    answer = await services_of(request).ledger.reverse(request.auth, reversal, idempotency_key(request))
    return answer_reply(answer)
