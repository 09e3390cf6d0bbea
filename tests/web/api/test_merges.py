"""Merges over HTTP, as a back end asks for them: preview, commit, look, undo."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.web.conftest import Till
from walletd.web.api.customers.merge_answers import DONE, MERGE, PREVIEW, UNDONE, MergeAnswer, MergeDone, MergePreview


async def _two(till: Till) -> tuple[dict[str, Any], dict[str, Any]]:
    """The applicant with 40 points, and the same person registered twice with 25."""
    one, other = await till.shop.card(), await till.shop.card()
    await till.shop.book(one["serial_number"], "credit", 40)
    await till.shop.book(other["serial_number"], "credit", 25)
    return one, other


def _plan(one: dict[str, Any], other: dict[str, Any]) -> dict[str, str]:
    names = {"identity_survivor": one["customer_id"], "number_survivor": other["customer_id"]}
    return names | {"absorbed": other["customer_id"], "reason": "registered twice"}


def _names(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _names(item) for name, item in value.items()}
    return [_names(item) for item in value[:1]] if isinstance(value, list) else None


async def test_a_merge_is_previewed_done_looked_at_and_undone(till: Till) -> None:
    """Every answer has the names of its example in the OpenAPI document, and reads back through its struct."""
    one, other = await _two(till)
    preview = await till.post("/merges/preview", None, _plan(one, other))
    done = await till.post("/merges", "merge-1", _plan(one, other))
    path = f"/merges/{done.json()['merge_id']}"
    seen = await till.client.get(f"/api/v1{path}", headers=till.headers)
    undone = await till.post(f"{path}/undo", "undo-1", None)
    told = ((preview, 200, PREVIEW, MergePreview), (done, 201, DONE, MergeDone), (seen, 200, MERGE, MergeAnswer))
    for answer, status, example, struct in (*told, (undone, 201, UNDONE, MergeAnswer)):
        assert (answer.status_code, _names(answer.json())) == (status, _names(example))
        msgspec.convert(answer.json(), struct, strict=True)
    assert done.json()["accounts"] == preview.json()["accounts"]
    assert (seen.json()["undo"]["accounts"][0]["returns"], undone.json()["state"]) == (25, "undone")


async def test_a_repeated_merge_is_answered_again_and_not_done_again(till: Till) -> None:
    """P3: the same bytes, marked as replayed; another request under the key is refused."""
    one, other = await _two(till)
    first = await till.post("/merges", "merge-1", _plan(one, other))
    again = await till.post("/merges", "merge-1", _plan(one, other))
    reused = await till.post("/merges", "merge-1", _plan(other, one))
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert await till.shop.balance(one["serial_number"]) == 65


@pytest.mark.parametrize("path", ["/merges", "/merges/preview"])
async def test_customers_that_cannot_be_merged_are_refused_by_name(till: Till, path: str) -> None:
    """Reliability 5, 16: merge_self with the pointer at fault, 404 for a stranger's or unknown customer."""
    one, other = await _two(till)
    key = None if path.endswith("preview") else "merge-1"
    itself = await till.post(path, key, _plan(one, one))
    unknown = await till.post(path, None if key is None else "merge-2", _plan(one, other | {"customer_id": "cus_x"}))
    assert (itself.status_code, itself.json()["code"]) == (422, "merge_self")
    assert itself.json()["errors"][0]["pointer"] == "/absorbed"
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    headers = till.stranger | ({} if key is None else {"idempotency-key": "merge-3"})
    foreign = await till.client.post(f"/api/v1{path}", headers=headers, json=_plan(one, other))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")


async def test_a_booking_on_the_merged_card_names_the_card_to_book_on(till: Till) -> None:
    """Reliability 5, 15: 409 card_merged, with the serial number of the card that goes on; its key books there."""
    one, other = await _two(till)
    await till.post("/merges", "merge-1", _plan(one, other))
    refused = await till.book(other["serial_number"], "book-1", type="debit", amount=1)
    booked = await till.book(one["key"], "book-2", type="debit", amount=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "card_merged")
    assert refused.json()["serial_number"] == one["serial_number"]
    assert booked.json()["account"]["total"] == 64


async def test_a_merged_customer_stands_in_no_list_and_says_who_goes_on(till: Till) -> None:
    """Staff find one customer where there were two, and the old one still leads to it."""
    one, other = await _two(till)
    await till.post("/merges", "merge-1", _plan(one, other))
    listed = await till.client.get("/api/v1/customers", headers=till.headers)
    old = await till.client.get(f"/api/v1/customers/{other['customer_id']}", headers=till.headers)
    changed = await till.client.patch(
        f"/api/v1/customers/{other['customer_id']}", headers=till.headers, json={"email": "new@example.org"}
    )
    assert [item["id"] for item in listed.json()["items"]] == [one["customer_id"]]
    assert old.json()["merged_into"] == one["customer_id"]
    assert (changed.status_code, changed.json()["customer_id"]) == (409, one["customer_id"])
