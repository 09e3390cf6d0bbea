"""Routes of merges: two customers turn out to be one."""

from __future__ import annotations

from typing import Final

from litestar import get, post
from litestar.params import FromPath

from walletd.domain import errors
from walletd.domain.customers.merges import CardMerged, MergeNotUndoable, MergeSelf, RedemptionOpen
from walletd.domain.merchants.principals import Right
from walletd.web.api.customers.merge_answers import (
    DONE,
    MERGE,
    MERGE_NEW,
    PREVIEW,
    UNDONE,
    MergeAnswer,
    MergeDone,
    MergePreview,
)
from walletd.web.api.customers.requests import MergeNew
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.reading import body_of, idempotency_key, name_in_path, services_of
from walletd.web.api.replies import Reply, answer_reply, json_reply

SHOW: Final = Endpoint(
    "Preview a merge",
    right=Right.CUSTOMERS_READ,
    body=MergeNew,
    answer=MergePreview,
    errors=(errors.NotFound, MergeSelf, CardMerged),
    example_body=MERGE_NEW,
    example=PREVIEW,
)
COMMIT: Final = Endpoint(
    "Merge two customers",
    right=Right.MERGE,
    status=201,
    body=MergeNew,
    answer=MergeDone,
    idempotency_key="required",
    errors=(
        errors.NotFound,
        MergeSelf,
        CardMerged,
        RedemptionOpen,
        errors.CurrencyMismatch,
        errors.CardIsRevoked,
        errors.AccountUnproved,
        errors.BalanceLimit,
    ),
    example_body=MERGE_NEW,
    example=DONE,
)
READ: Final = Endpoint("Read a merge", right=Right.CUSTOMERS_READ, answer=MergeAnswer, example=MERGE)
UNDO: Final = Endpoint(
    "Undo a merge",
    right=Right.MERGE,
    status=201,
    answer=MergeAnswer,
    idempotency_key="required",
    errors=(MergeNotUndoable, RedemptionOpen, errors.AccountUnproved),
    example=UNDONE,
)


@post("/merges/preview", opt={OPT: SHOW}, status_code=200)
async def preview_merge(request: ApiRequest) -> Reply:
    """Show both customers, what would move, which keys go on, and what stands against it; nothing is changed."""
    plan = (await body_of(request, MergeNew)).as_domain()
    return json_reply(await services_of(request).merges.preview(request.auth, plan))


@post("/merges", opt={OPT: COMMIT})
async def merge_customers(request: ApiRequest) -> Reply:
    """Make two customers one, in one transaction.

    In programs that collect, accounts are joined: lots keep their locks and validity, the survivor's card goes on with
    the key of `number_survivor`, the other card shows the same, and both keys lead to it. Vouchers, coupons and packs
    of visits only change their owner.
    """
    plan = (await body_of(request, MergeNew)).as_domain()
    return answer_reply(await services_of(request).merges.commit(request.auth, plan, idempotency_key(request)))


@get("/merges/{merge_id:str}", opt={OPT: READ})
async def read_merge(request: ApiRequest, merge_id: FromPath[str]) -> Reply:
    """Return a merge; while it stands, with what undoing it would bring back now."""
    return json_reply(await services_of(request).merges.get(request.auth, name_in_path(merge_id)))


@post("/merges/{merge_id:str}/undo", opt={OPT: UNDO})
async def undo_merge(request: ApiRequest, merge_id: FromPath[str]) -> Reply:
    """Undo a merge within 30 days: what is left of what came over goes back, cards and keys are as before."""
    answer = await services_of(request).merges.undo(request.auth, name_in_path(merge_id), idempotency_key(request))
    return answer_reply(answer)
