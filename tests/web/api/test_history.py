"""The audit log and the history over HTTP."""

from __future__ import annotations

import msgspec

from tests.web.conftest import Till
from walletd.web.api.customers.history import AUDIT, AuditAnswer

API = "/api/v1"


async def test_the_audit_log_is_read_by_administrators_only(till: Till) -> None:
    """Every row has the names of the example; a key without the scope is refused; a filter narrows it."""
    card = await till.shop.card()
    params = {"subject": card["serial_number"], "action": "card.issued"}
    read = await till.client.get(f"{API}/audit", headers=till.headers, params=params)
    (row,) = read.json()["items"]
    assert (row["action"], row["subject"], list(row)) == (
        "card.issued",
        card["serial_number"],
        list(AUDIT.example or ()),
    )
    msgspec.convert(row, AuditAnswer, strict=True)
    secret = (await till.shop.services.api_keys.create(till.shop.principal, "till", ("customers:read",)))[1]
    refused = await till.client.get(f"{API}/audit", headers={"authorization": f"Bearer {secret}"})
    assert refused.status_code == 403


async def test_a_history_speaks_the_language_asked_for(till: Till) -> None:
    """German and English; another language is refused with its pointer; strangers find nobody."""
    card = await till.shop.card()
    path = f"{API}/customers/{card['customer_id']}"
    for language, said in (("de", "Karte ausgegeben"), ("en", "Card issued")):
        page = await till.client.get(f"{path}/history", headers=till.headers, params={"language": language})
        assert said in {row["description"] for row in page.json()["items"]}
    refused = await till.client.get(f"{path}/history", headers=till.headers, params={"language": "fr"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/language")
    for route in ("history", "quick-infos"):
        assert (await till.client.get(f"{path}/{route}", headers=till.stranger)).status_code == 404


async def test_a_list_that_cannot_be_searched_says_so(till: Till) -> None:
    """422 instead of everything: whoever searches would take it for what was found."""
    card = await till.shop.card()
    history = f"/customers/{card['customer_id']}/history"
    for path, wish in (("/audit", "search"), (history, "search"), (history, "sort"), ("/webhooks", "search")):
        refused = await till.client.get(f"{API}{path}", headers=till.headers, params={wish: "at"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{wish}")


async def test_entries_are_searched_by_reference_and_campaign(till: Till) -> None:
    """S4-025 over the point history: the order that a customer asks about is found."""
    card = await till.shop.card()
    for reference, campaign in (("ORDER-7", None), ("ORDER-8", "Weißer Sonntag"), (None, None)):
        await till.shop.post(card["serial_number"], "credit", amount=1, reference=reference, campaign=campaign)
    path = f"{API}/accounts/{card['account_id']}/entries"
    found = {
        text: len((await till.client.get(path, headers=till.headers, params={"search": text})).json()["items"])
        for text in ("order", "order-8", "SONNTAG", "Weißer Sonntag", "_")
    }
    assert found == {"order": 2, "order-8": 1, "SONNTAG": 1, "Weißer Sonntag": 1, "_": 0}
