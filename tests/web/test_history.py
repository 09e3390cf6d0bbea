"""The audit log and the history over HTTP."""

from __future__ import annotations

import msgspec

from tests.web.conftest import Till
from walletd.web.api.history import AUDIT, AuditAnswer

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
