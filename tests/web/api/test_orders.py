"""Orders and credit notes over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.web.conftest import Till
from walletd.web.api.promotions.orders import LIST, REPORT, OrderAnswer, OrderHead

API = "/api/v1"


async def an_order(till: Till, **more: Any) -> dict[str, Any]:
    """The example of the document, for a customer of the shop."""
    customer = await till.post("/customers", None, {"last_name": "Weber"})
    return {**(REPORT.example_body or {}), "customer_id": customer.json()["customer_id"], **more}


async def test_an_order_is_reported_listed_and_read_over_http(till: Till) -> None:
    """S4-024, S4-035: the list has the columns, the order itself its addresses and positions."""
    body = await an_order(till)
    reported = await till.post("/orders", None, body)
    assert reported.status_code == 201
    order = msgspec.convert(reported.json(), OrderAnswer, strict=True)
    assert (await till.post("/orders", None, body)).content == reported.content
    other = await till.post("/orders", None, body | {"total": 1})
    assert (other.status_code, other.json()["code"]) == (409, "order_exists")
    listed = await till.client.get(f"{API}/orders?customer_id={order.customer_id}", headers=till.headers)
    (head,) = listed.json()["items"]
    msgspec.convert(head, OrderHead, strict=True)
    assert list(head) == list(LIST.example or ())
    read = await till.client.get(f"{API}/orders/{order.order_id}", headers=till.headers)
    assert read.content == reported.content
    assert (await till.client.get(f"{API}/orders/{order.order_id}", headers=till.stranger)).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"ordered_at": "2026-02-20"}, "/ordered_at"),
        ({"ordered_at": "2026-02-20T10:15:00"}, "/ordered_at"),
        ({"ordered_at": "2026-02-30T10:15:00Z"}, "/ordered_at"),
        ({"ordered_at": "2999-02-20T10:15:00Z"}, "/ordered_at"),
        ({"type": "gift"}, "/type"),
        ({"total": -1}, "/total"),
        ({"total": 1.5}, "/total"),
        ({"points": {"turnover": 2**53}}, "/points/turnover"),
        ({"lines": [{"name": "x", "total": 1, "colour": "red"}]}, "/lines/0/colour"),
        ({"lines": [{"name": "x"}]}, "/lines/0/total"),
        ({"billing_address": {"planet": "Mars"}}, "/billing_address/planet"),
        ({"transactions": ["x"]}, "/transactions/0"),
        ({"card": "x"}, "/customer_id"),
        ({"customer_id": None}, "/customer_id"),
    ],
)
async def test_an_order_that_cannot_be_read_is_refused_with_its_place_over_http(
    till: Till, change: dict[str, Any], pointer: str
) -> None:
    """422 with a JSON pointer, never a fault."""
    refused = await till.post("/orders", None, await an_order(till, **change))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), refused.text


async def test_an_order_in_another_currency_is_refused(till: Till) -> None:
    """422: the shop counts in one."""
    refused = await till.post("/orders", None, await an_order(till, currency="USD"))
    assert (refused.status_code, refused.json()["code"]) == (422, "currency_mismatch")
