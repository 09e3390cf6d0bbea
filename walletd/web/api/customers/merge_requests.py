"""Routes of merge requests: customers ask for two accounts to become one, staff decide."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from walletd.domain.calendar import rfc3339
from walletd.domain.customers.consent import MailUnavailable
from walletd.domain.customers.erasures import CustomerIsErased
from walletd.domain.customers.merge_requests import (
    MergeRequestDecided,
    MergeRequestOpen,
    MergeRequestRefused,
    MergeRequestState,
    MergeRequestUnconfirmed,
)
from walletd.domain.customers.merges import CardMerged, MergeSelf
from walletd.domain.errors import NotFound
from walletd.domain.merchants.principals import Right
from walletd.services.customers.merge_requests import RequestView
from walletd.web.api.customers.merge_answers import DONE, MergeDone
from walletd.web.api.customers.merges import COMMIT
from walletd.web.api.customers.sides import TWIN_ID, SideAnswer, side_answer, side_example
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CUSTOMER, Example
from walletd.web.api.fields import Moment, Note, moment
from walletd.web.api.reading import (
    body_of,
    idempotency_key,
    name_in_path,
    narrowed_page_of,
    optional_body_of,
    services_of,
)
from walletd.web.api.replies import Reply, answer_reply, json_reply, page_reply

_STATE: Final = {"state": "open, awaiting_confirmation, confirmed, approved, rejected or expired; without it all."}
_CustomerId = Annotated[str, Meta(min_length=1, max_length=64)]


class MergeRequestNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who asks, and whose account is to be integrated into theirs."""

    requested_by: Annotated[_CustomerId, Meta(description="The applicant; this account becomes the main account.")]
    requested_for: Annotated[_CustomerId, Meta(description="The account to be integrated; its address confirms.")]
    remark: Note | None = None


class MergeRequestApproval(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose card number goes on, the applicant's unless named; the remark is kept with the merge."""

    number_survivor: _CustomerId | None = None
    remark: Note | None = None


class MergeRequestRejection(Struct, kw_only=True, forbid_unknown_fields=True):
    """A remark, for staff only."""

    remark: Note | None = None


class MergeRequestAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A merge request, with what is known of both customers."""

    merge_request_id: str
    state: Annotated[str, Meta(description="open, awaiting_confirmation, confirmed, approved, rejected or expired.")]
    requested_by: SideAnswer
    requested_for: SideAnswer
    remark: str
    merged: bool
    merge_id: str | None
    created_at: Moment
    confirm_until: Annotated[Moment | None, Meta(description="Null where nobody has to confirm.")]
    confirmed_at: Moment | None
    decided_at: Moment | None


_AWAITING: Final[Example] = {
    "merge_request_id": "mrq_01KB3ZD7X1T3B5D9F2K4M6P8R0",
    "state": "awaiting_confirmation",
    "requested_by": side_example(CUSTOMER["customer_id"], 1001),
    "requested_for": side_example(TWIN_ID, 1002),
    "remark": "Neuer Eintrag",
    "merged": False,
    "merge_id": None,
    "created_at": "2026-11-23T09:30:00.125Z",
    "confirm_until": "2026-11-30T09:30:00.125Z",
    "confirmed_at": None,
    "decided_at": None,
}
LIST: Final = Endpoint(
    "List merge requests",
    right=Right.CUSTOMERS_READ,
    answer=MergeRequestAnswer,
    paged=True,
    query=_STATE,
    example=_AWAITING,
)
READ: Final = Endpoint("Read a merge request", right=Right.CUSTOMERS_READ, answer=MergeRequestAnswer, example=_AWAITING)
FILE: Final = Endpoint(
    "File a merge request",
    right=Right.MERGE,
    status=201,
    body=MergeRequestNew,
    answer=MergeRequestAnswer,
    errors=(
        NotFound,
        MergeSelf,
        CardMerged,
        CustomerIsErased,
        MergeRequestRefused,
        MergeRequestOpen,
        MailUnavailable,
    ),
    example_body={"requested_by": CUSTOMER["customer_id"], "requested_for": TWIN_ID},
    example=_AWAITING,
)
APPROVE: Final = Endpoint(
    "Approve a merge request",
    right=Right.MERGE,
    status=201,
    body=MergeRequestApproval,
    answer=MergeDone,
    idempotency_key="required",
    errors=(*COMMIT.errors, MergeRequestUnconfirmed, MergeRequestDecided),
    example_body={"remark": "one person, two addresses"},
    example=DONE,
)
REJECT: Final = Endpoint(
    "Reject a merge request",
    right=Right.MERGE,
    body=MergeRequestRejection,
    answer=MergeRequestAnswer,
    errors=(MergeRequestDecided,),
    example_body={"remark": "two persons"},
    example={**_AWAITING, "state": "rejected", "remark": "two persons", "decided_at": "2026-11-23T10:00:00.125Z"},
)


@get("/merge-requests", opt={OPT: LIST})
async def list_merge_requests(request: ApiRequest) -> Reply:
    """Return open and decided requests, the newest first."""
    wanted, chosen = narrowed_page_of(request, _STATE)
    found = await services_of(request).merge_requests.page(request.auth, wanted, chosen.get("state"))
    return page_reply(found, _answer)


@post("/merge-requests", opt={OPT: FILE})
async def file_merge_request(request: ApiRequest) -> Reply:
    """File a request for a customer.

    What is allowed, `walletd merchant set --merge-requests` says. Usually the address of the account to be integrated
    is mailed a link that is good for seven days, and only once it confirmed can staff approve.
    """
    new = await body_of(request, MergeRequestNew)
    requests = services_of(request).merge_requests
    filed = await requests.file(request.auth, new.requested_by, new.requested_for, new.remark)
    return json_reply(_answer(filed), 201)


@get("/merge-requests/{merge_request_id:str}", opt={OPT: READ})
async def read_merge_request(request: ApiRequest, merge_request_id: FromPath[str]) -> Reply:
    """Return a request with what is known of both; `POST /merges/preview` shows what a merge would move."""
    found = await services_of(request).merge_requests.get(request.auth, name_in_path(merge_request_id))
    return json_reply(_answer(found))


@post("/merge-requests/{merge_request_id:str}/approve", status_code=201, opt={OPT: APPROVE})
async def approve_merge_request(request: ApiRequest, merge_request_id: FromPath[str]) -> Reply:
    """Merge both, as `POST /merges` does, and write to both addresses; staff can undo it as any merge."""
    approval = await optional_body_of(request, MergeRequestApproval)
    name, key = name_in_path(merge_request_id), idempotency_key(request)
    requests = services_of(request).merge_requests
    return answer_reply(await requests.approve(request.auth, name, approval.number_survivor, approval.remark, key))


@post("/merge-requests/{merge_request_id:str}/reject", status_code=200, opt={OPT: REJECT})
async def reject_merge_request(request: ApiRequest, merge_request_id: FromPath[str]) -> Reply:
    """Reject a request; whoever asked is told by mail, without the remark."""
    remark = (await optional_body_of(request, MergeRequestRejection)).remark
    rejected = await services_of(request).merge_requests.reject(request.auth, name_in_path(merge_request_id), remark)
    return json_reply(_answer(rejected))


def _answer(view: RequestView) -> MergeRequestAnswer:
    request = view.request
    moments = {
        name: moment(at) for name in ("confirm_until", "confirmed_at", "decided_at") for at in [getattr(request, name)]
    }
    return MergeRequestAnswer(
        merge_request_id=request.id,
        state=request.state,
        requested_by=side_answer(view.applicant),
        requested_for=side_answer(view.second),
        remark=request.remark,
        merged=request.state == MergeRequestState.APPROVED,
        merge_id=request.merge_id,
        created_at=rfc3339(request.created_at),
        **moments,
    )
