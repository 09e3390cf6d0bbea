"""Cursors: every one that a list gives leads on, and every other is refused (P21)."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.web.conftest import Till
from walletd.domain.promotions.orders import NewOrder

API = "/api/v1"
LISTS = ("/orders", "/merge-requests", "/customers", "/duplicates", "/audit", "/cards", "/programs", "/webhooks")


def a_cursor(*position: Any) -> str:
    """A cursor as somebody could make it up."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "position",
    [
        (2**70, "x"),
        (1, 2**63),
        ("\ud800", "x"),
        ("\x00", "x"),
        (1, "\x00"),
        (True, "x"),
        (None, "x"),
        (1.5, "x"),
        ({}, "x"),
        (1,),
        (1, "x", "y"),
    ],
)
async def test_a_cursor_that_somebody_made_up_is_refused(till: Till, position: tuple[Any, ...]) -> None:
    """400 `cursor_invalid` on every list, whatever stands in it; never a fault."""
    for path in LISTS:
        answer = await till.client.get(f"{API}{path}", headers=till.headers, params={"cursor": a_cursor(*position)})
        assert (path, answer.status_code, answer.json()["code"]) == (path, 400, "cursor_invalid")


async def test_a_cursor_of_another_order_is_refused(till: Till) -> None:
    """A text is no number: what was sorted by reference does not go on by number."""
    await ordered(till, 12)
    page = await till.client.get(f"{API}/orders?sort=ref_id&page_size=10", headers=till.headers)
    params = {"sort": "number", "cursor": page.json()["next_cursor"]}
    answer = await till.client.get(f"{API}/orders", headers=till.headers, params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_a_list_of_long_names_is_read_to_its_end(till: Till) -> None:
    """The longest text of the widest letters still makes a cursor that is taken."""
    await ordered(till, 12)
    for number in range(12):
        body = dict.fromkeys(("first_name", "last_name", "company"), f"{number:02}{'語' * 198}")
        await till.client.post(f"{API}/customers", headers=till.headers, json=body)
    for path, sort, count in (("/orders", "ref_id", 12), ("/customers", "-name", 13)):
        found, params = 0, {"sort": sort, "page_size": "10"}
        while True:
            page = await till.client.get(f"{API}{path}", headers=till.headers, params=params)
            assert page.status_code == 200, page.text
            found += len(page.json()["items"])
            if page.json()["next_cursor"] is None:
                break
            params["cursor"] = page.json()["next_cursor"]
        assert found == count


async def ordered(till: Till, count: int) -> None:
    """Report orders with long references of one customer."""
    card = await till.shop.card()
    for number in range(count):
        at = till.shop.clock() - timedelta(hours=1)
        order = NewOrder("webshop", f"{number:02}{'語' * 198}", "order", 1, "EUR", at)
        await till.shop.services.orders.report(till.shop.principal, order, customer_id=card["customer_id"], card=None)
