"""Routes of the inbox of duplicates: customers who may be one person."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import get, post
from litestar.params import FromPath
from msgspec import Meta, Struct, structs

from walletd.domain.calendar import rfc3339
from walletd.domain.customers.matching import FIELDS, DuplicateDecided
from walletd.domain.merchants.principals import Right
from walletd.services.customers.duplicates import CaseView
from walletd.web.api.customers.merge_answers import DONE, MergeDone
from walletd.web.api.customers.merges import COMMIT
from walletd.web.api.customers.sides import TWIN_ID, SideAnswer, side_answer, side_example
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CUSTOMER, Example
from walletd.web.api.fields import Moment, moment
from walletd.web.api.reading import (
    body_of,
    idempotency_key,
    name_in_path,
    narrowed_page_of,
    optional_body_of,
    services_of,
)
from walletd.web.api.replies import Reply, answer_reply, json_reply, page_reply

_STATE: Final = {"state": "open, merged or dismissed; without it all."}


class DuplicateAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Two customers who may be one person, and why."""

    duplicate_id: str
    state: Annotated[str, Meta(description="open, merged or dismissed.")]
    stage: Annotated[str, Meta(description="email, phone or person: the first stage at which they are the same.")]
    same: Annotated[list[str], Meta(description="The fields that are the same, written one way.")]
    source: Annotated[str, Meta(description="registration or nightly.")]
    older: SideAnswer
    newer: SideAnswer
    reason: str | None
    created_at: Moment
    decided_at: Moment | None


class ConfirmNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who goes on; without it the one who registered last, or the first of two from online, with the first number."""

    identity_survivor: Annotated[str, Meta(max_length=64)] | None = None
    number_survivor: Annotated[str, Meta(max_length=64)] | None = None
    reason: Annotated[str, Meta(max_length=200)] | None = None


class DismissNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """Why they are two persons."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class ObviousNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether to merge, or only to say whom."""

    dry_run: bool = False


class ObviousAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A pair that nobody needs to look at."""

    duplicate_id: str
    older: str
    newer: str
    merged: bool
    refused: Annotated[str | None, Meta(description="The code of what stood against merging them now.")]


class ObviousAnswers(Struct, kw_only=True, forbid_unknown_fields=True):
    """Up to a hundred pairs; call again for more."""

    items: list[ObviousAnswer]
    dry_run: bool


_CASE: Final[Example] = {
    "duplicate_id": "dup_01KB3ZC5V9S1A3C6D8H0K2N4Q6",
    "state": "open",
    "stage": "email",
    "same": ["email"],
    "source": "registration",
    "older": side_example(CUSTOMER["customer_id"], 1001),
    "newer": side_example(TWIN_ID, 1002),
    "reason": None,
    "created_at": "2026-11-23T09:30:00.125Z",
    "decided_at": None,
}
LIST: Final = Endpoint(
    "List possible duplicates",
    right=Right.CUSTOMERS_READ,
    answer=DuplicateAnswer,
    paged=True,
    query=_STATE,
    example=_CASE,
)
CONFIRM: Final = Endpoint(
    "Confirm a duplicate",
    right=Right.MERGE,
    status=201,
    body=ConfirmNew,
    answer=MergeDone,
    idempotency_key="required",
    errors=(*COMMIT.errors, DuplicateDecided),
    example_body={"reason": "same person, registered twice"},
    example=DONE,
)
OBVIOUS: Final = Endpoint(
    "Merge obvious duplicates",
    right=Right.MERGE,
    body=ObviousNew,
    answer=ObviousAnswers,
    example_body={"dry_run": True},
    example={
        "items": [
            {
                "duplicate_id": _CASE["duplicate_id"],
                "older": CUSTOMER["customer_id"],
                "newer": TWIN_ID,
                "merged": False,
                "refused": None,
            }
        ],
        "dry_run": True,
    },
)
DISMISS: Final = Endpoint(
    "Dismiss a duplicate",
    right=Right.MERGE,
    body=DismissNew,
    answer=DuplicateAnswer,
    errors=(DuplicateDecided,),
    example_body={"reason": "father and son"},
    example={**_CASE, "state": "dismissed", "reason": "father and son", "decided_at": "2026-11-23T10:00:00.125Z"},
)


@get("/duplicates", opt={OPT: LIST})
async def list_duplicates(request: ApiRequest) -> Reply:
    """Return pairs of customers who may be one person, the newest first."""
    wanted, chosen = narrowed_page_of(request, _STATE)
    found = await services_of(request).duplicates.page(request.auth, wanted, chosen.get("state"))
    return page_reply(found, _answer)


@post("/duplicates/{duplicate_id:str}/confirm", status_code=201, opt={OPT: CONFIRM})
async def confirm_duplicate(request: ApiRequest, duplicate_id: FromPath[str]) -> Reply:
    """Merge both, as `POST /merges` does; it can be undone as any merge."""
    survivors = structs.asdict(await optional_body_of(request, ConfirmNew))
    name, key = name_in_path(duplicate_id), idempotency_key(request)
    return answer_reply(await services_of(request).duplicates.confirm(request.auth, name, survivors, key))


@post("/duplicates/merge-obvious", status_code=200, opt={OPT: OBVIOUS})
async def merge_obvious(request: ApiRequest) -> Reply:
    """Merge pairs with one e-mail address whose names and birthdays do not contradict; each can be undone."""
    dry_run = (await body_of(request, ObviousNew)).dry_run
    done = await services_of(request).duplicates.merge_obvious(request.auth, dry_run=dry_run)
    items = [
        ObviousAnswer(
            duplicate_id=pair.case_id, older=pair.older, newer=pair.newer, merged=pair.merged, refused=pair.refused
        )
        for pair in done
    ]
    return json_reply(ObviousAnswers(items=items, dry_run=dry_run))


@post("/duplicates/{duplicate_id:str}/dismiss", status_code=200, opt={OPT: DISMISS})
async def dismiss_duplicate(request: ApiRequest, duplicate_id: FromPath[str]) -> Reply:
    """Note that they are two persons; the pair does not come back."""
    reason = (await body_of(request, DismissNew)).reason
    return json_reply(
        _answer(await services_of(request).duplicates.dismiss(request.auth, name_in_path(duplicate_id), reason))
    )


def _answer(view: CaseView) -> DuplicateAnswer:
    case = view.case
    return DuplicateAnswer(
        duplicate_id=case.id,
        state=case.state,
        stage=case.stage,
        same=list(FIELDS[case.stage]),
        source=case.source,
        older=side_answer(view.older),
        newer=side_answer(view.newer),
        reason=case.reason,
        created_at=rfc3339(case.created_at),
        decided_at=moment(case.decided_at),
    )
