"""Merge requests over HTTP: the routes of staff, and the page that the second address answers."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from tests.channels.mailbox import Mailbox
from tests.services.outbox.test_mail import work
from tests.web.conftest import Till
from tests.web.pages.test_opt_in import OPENED, mailbox
from walletd.web.api.customers.merge_answers import MergeDone
from walletd.web.api.customers.merge_requests import LIST, MergeRequestAnswer

API = "/api/v1"
__all__ = ["mailbox"]


async def filed(till: Till, mailbox: Mailbox) -> tuple[dict[str, Any], str]:
    """A request, and the path of the page in the mail."""
    names = []
    for email in ("new@example.org", "old@example.org"):
        body = {"last_name": "Weber", "email": email}
        names.append((await till.post("/customers", None, body)).json()["customer_id"])
    answer = await till.post("/merge-requests", None, {"requested_by": names[0], "requested_for": names[1]})
    assert answer.status_code == 201, answer.text
    await work(till.shop)
    found = re.search(r"/confirm/\S+", mailbox.received[-1].text)
    assert found is not None
    return answer.json(), found[0]


async def test_a_request_is_filed_confirmed_and_approved(till: Till, mailbox: Mailbox) -> None:
    """S4-056 to S4-063: the answers have the names of the example; merged turns from no to yes."""
    request, page = await filed(till, mailbox)
    msgspec.convert(request, MergeRequestAnswer, strict=True)
    assert list(request) == list(LIST.example or ())
    path = f"/merge-requests/{request['merge_request_id']}"
    early = await till.post(f"{path}/approve", "early", {})
    assert (early.status_code, early.json()["code"]) == (409, "merge_request_unconfirmed")
    again = await till.post(
        "/merge-requests",
        None,
        {name: request[name]["customer_id"] for name in ("requested_by", "requested_for")},
    )
    assert (again.status_code, again.json()["code"]) == (409, "merge_request_open")
    await till.client.post(page, headers=OPENED, data={"answer": "yes"})
    merged = await till.post(f"{path}/approve", "once", {})
    msgspec.convert(merged.json(), MergeDone, strict=True)
    assert (await till.post(f"{path}/approve", "once", {})).content == merged.content
    shown = (await till.client.get(f"{API}{path}", headers=till.headers)).json()
    assert (shown["state"], shown["merged"], shown["merge_id"]) == ("approved", True, merged.json()["merge_id"])
    listed = await till.client.get(f"{API}/merge-requests?state=approved", headers=till.headers)
    assert listed.json()["items"] == [shown]
    late = await till.post(f"{path}/reject", None, {"remark": "x"})
    assert (late.status_code, late.json()["code"]) == (409, "merge_request_decided")
    assert (await till.client.get(f"{API}{path}", headers=till.stranger)).status_code == 404


async def test_a_request_is_rejected_with_a_remark(till: Till, mailbox: Mailbox) -> None:
    """S4-061, S4-065: the remark replaces the one it was filed with."""
    request, _ = await filed(till, mailbox)
    path = f"/merge-requests/{request['merge_request_id']}"
    rejected = await till.post(f"{path}/reject", None, {"remark": "two persons"})
    assert (rejected.status_code, rejected.json()["state"], rejected.json()["remark"]) == (
        200,
        "rejected",
        "two persons",
    )


async def test_opening_the_confirmation_changes_nothing_and_its_button_does(till: Till, mailbox: Mailbox) -> None:
    """S4-063: who asks is shown, nothing else of the person; a mail scanner confirms nothing."""
    request, page = await filed(till, mailbox)
    for _ in range(2):
        shown = await till.client.get(page, headers=OPENED)
        assert (shown.status_code, "Ja, zusammenlegen" in shown.text) == (200, True)
        assert "new@example.org" in shown.text
        assert "Weber" not in shown.text
        assert "form-action 'self'" in shown.headers["content-security-policy"]
    answered = await till.client.post(page, headers=OPENED, data={"answer": "yes"})
    assert (answered.status_code, "Danke!" in answered.text) == (200, True)
    path = f"{API}/merge-requests/{request['merge_request_id']}"
    assert (await till.client.get(path, headers=till.headers)).json()["state"] == "confirmed"
    declined = await till.client.post(page, headers=OPENED, data={"answer": "no"})
    assert (declined.status_code, "bleiben getrennt" in declined.text) == (200, True)
    late = await till.client.post(page, headers={"accept-language": "en"}, data={"answer": "yes"})
    assert (late.status_code, "stay apart" in late.text) == (409, True)


@pytest.mark.parametrize("answer", ["", "perhaps", "%ff%00"])
async def test_a_confirmation_that_is_neither_yes_nor_no_is_refused(till: Till, mailbox: Mailbox, answer: str) -> None:
    """422, never a fault."""
    _, page = await filed(till, mailbox)
    headers = OPENED | {"content-type": "application/x-www-form-urlencoded"}
    assert (await till.client.post(page, headers=headers, content=f"answer={answer}")).status_code == 422


@pytest.mark.parametrize("token", ["x", "A" * 63, "%00", "ä"])
async def test_a_confirmation_link_that_is_not_ours_is_explained(till: Till, token: str) -> None:
    """404 with a page for people; a link of an invitation to a newsletter is none either."""
    for method in ("GET", "POST"):
        shown = await till.client.request(method, f"/confirm/{token}", headers=OPENED, data={"answer": "yes"})
        assert (shown.status_code, "nicht gültig" in shown.text) == (404, True)


async def test_a_link_of_one_purpose_does_not_serve_another(till: Till, mailbox: Mailbox) -> None:
    """A token is bound to what it was made for."""
    _, page = await filed(till, mailbox)
    assert (await till.client.get(page.replace("confirm", "opt-in"), headers=OPENED)).status_code == 404


async def test_a_confirmation_that_came_too_late_says_what_to_do(till: Till, mailbox: Mailbox) -> None:
    """410, and the request is to be filed again."""
    _, page = await filed(till, mailbox)
    till.shop.clock.advance(days=7, seconds=1)
    shown = await till.client.get(page, headers=OPENED)
    assert (shown.status_code, "noch einmal" in shown.text) == (410, True)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/requested_by"),
        ({"requested_by": "", "requested_for": "y"}, "/requested_by"),
        ({"requested_by": "x", "requested_for": 1}, "/requested_for"),
        ({"requested_by": "x", "requested_for": "y", "remark": "a" * 201}, "/remark"),
        ({"requested_by": "x", "requested_for": "y", "note": ""}, "/note"),
    ],
)
async def test_a_request_that_cannot_be_read_is_refused_with_its_place(
    till: Till, body: dict[str, object], pointer: str
) -> None:
    """422 with a JSON pointer."""
    refused = await till.post("/merge-requests", None, body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_requests_are_searched_by_either_customer(till: Till, mailbox: Mailbox) -> None:
    """S4-025: as every table."""
    await filed(till, mailbox)
    path = f"{API}/merge-requests"
    found = [
        len((await till.client.get(path, headers=till.headers, params={"search": text})).json()["items"])
        for text in ("OLD@example", "new@", "nobody")
    ]
    assert found == [1, 1, 0]
