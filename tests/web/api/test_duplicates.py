"""The inbox of duplicates over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.web.conftest import Till
from walletd.web.api.customers.duplicates import LIST, DuplicateAnswer
from walletd.web.api.customers.merge_answers import MergeDone

API = "/api/v1"


async def _cases(till: Till, **params: str) -> list[dict[str, Any]]:
    listed = await till.client.get(f"{API}/duplicates", headers=till.headers, params=params)
    items: list[dict[str, Any]] = listed.json()["items"]
    return items


async def test_a_pair_is_shown_side_by_side_dismissed_and_confirmed(till: Till) -> None:
    """Answers have the names of the examples; deciding twice is refused; a filter narrows the list."""
    for number in range(3):
        body = {"last_name": f"Weber {number}", "email": "mia@example.org"}
        await till.client.post(f"{API}/customers", headers=till.headers, json=body)
    cases = await _cases(till, state="open")
    assert len(cases) == 3
    for case in cases:
        msgspec.convert(case, DuplicateAnswer, strict=True)
        assert list(case) == list(LIST.example or ())
    path = f"/duplicates/{cases[0]['duplicate_id']}"
    dismissed = await till.post(f"{path}/dismiss", None, {"reason": "two sisters"})
    assert (dismissed.status_code, dismissed.json()["state"]) == (200, "dismissed")
    other = f"/duplicates/{cases[1]['duplicate_id']}/confirm"
    merged = await till.post(other, "once", {})
    msgspec.convert(merged.json(), MergeDone, strict=True)
    again = await till.post(other, "once", {})
    assert (merged.status_code, again.content) == (201, merged.content)
    late = await till.post(f"/duplicates/{cases[1]['duplicate_id']}/dismiss", None, {"reason": "x"})
    assert (late.status_code, late.json()["code"]) == (409, "duplicate_decided")
    assert [len(await _cases(till, state=state)) for state in ("dismissed", "merged")] == [1, 1]
    unknown = await till.post("/duplicates/dup_x/confirm", "twice", {})
    odd = await till.client.get(f"{API}/duplicates", headers=till.headers, params={"state": "x"})
    assert (unknown.status_code, odd.status_code) == (404, 422)


async def test_the_inbox_is_searched_by_either_customer(till: Till) -> None:
    """S0-054: staff look for a name; `%` is a letter like any other."""
    for first_name, email in (
        ("Mia", "a@b.example"),
        ("Maria", "a@b.example"),
        ("X", "c@d.example"),
        ("Y", "c@d.example"),
    ):
        body = {"first_name": first_name, "last_name": "Weber", "email": email}
        await till.client.post(f"{API}/customers", headers=till.headers, json=body)
    (case,) = await _cases(till, search="maria")
    assert {case["older"]["name"], case["newer"]["name"]} == {"Mia Weber", "Maria Weber"}
    assert [len(await _cases(till, search=text)) for text in ("weber", "%", "d.EXAMPLE")] == [2, 0, 1]
