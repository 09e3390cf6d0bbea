"""What a person may have handed over: one file with everything, and nothing of anybody else (C-25)."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.builders import Shop, new_customer
from tests.services.customers.merging import merged, two_cards
from tests.web.conftest import Till
from walletd.domain.customers.customers import LoyaltyStatus
from walletd.domain.promotions.orders import NewOrder
from walletd.web.api.customers.personal_data import EXPORT, PersonalDataAnswer

API = "/api/v1"


async def export(till: Till, customer_id: str, **params: str) -> PersonalDataAnswer:
    """The file of a customer."""
    path = f"{API}/customers/{customer_id}/export"
    answer = await till.client.get(path, headers=till.headers, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="{customer_id}.json"'
    assert list(answer.json()) == list(EXPORT.example or ())
    return msgspec.convert(answer.json(), PersonalDataAnswer, strict=True)


async def ordered(shop: Shop, customer_id: str, ref_id: str) -> None:
    """Report an order of a customer."""
    order = NewOrder("webshop", ref_id, "order", 4800, "EUR", shop.clock() - timedelta(hours=1))
    await shop.services.orders.report(shop.principal, order, customer_id=customer_id, card=None)


async def test_a_person_gets_everything_that_is_known_of_them(till: Till) -> None:
    """Master data, cards, accounts, every entry, orders, what happened; of those merged into them too, once each."""
    applicant, other = await two_cards(till.shop)
    for card, points in ((applicant, 40), (other, 25)):
        await till.shop.post(card["serial_number"], "credit", amount=points)
        await ordered(till.shop, card["customer_id"], card["key"])
    await merged(till.shop, applicant, other)
    stranger = await till.shop.card(customer=new_customer(last_name="Fremd"))
    await till.shop.post(stranger["serial_number"], "credit", amount=1)
    data = await export(till, applicant["customer_id"], language="de")
    assert [customer.id for customer in data.customers] == [applicant["customer_id"], other["customer_id"]]
    assert {card.serial_number for card in data.cards} == {applicant["serial_number"], other["serial_number"]}
    assert sum(account.total for account in data.accounts) == 65
    assert {entry.account_id for entry in data.entries} == {account.account_id for account in data.accounts}
    assert len({entry.entry_id for entry in data.entries}) == len(data.entries)
    assert sum(entry.amount for entry in data.entries) == 65
    assert {order.ref_id for order in data.orders} == {applicant["key"], other["key"]}
    assert "Karte ausgegeben" in {row.description for row in data.history}
    assert not {stranger["serial_number"], "Fremd"} & set(repr(data).split("'"))


async def test_a_long_history_comes_whole(till: Till) -> None:
    """More than a page of entries: none is missing, none comes twice."""
    card = await till.shop.card()
    for _ in range(205):
        await till.shop.post(card["serial_number"], "credit", amount=1)
    data = await export(till, card["customer_id"])
    assert len({entry.entry_id for entry in data.entries}) == len(data.entries) == 205


async def test_a_suspended_customer_has_a_right_to_it_and_the_audit_log_knows_who_asked(till: Till) -> None:
    """A block is about bookings and balances at the till, not about the law."""
    card = await till.shop.card()
    suspend, suspended = till.shop.services.customers.set_flag, LoyaltyStatus.SUSPENDED
    await suspend(till.shop.principal, card["customer_id"], "loyalty_status", suspended)
    assert (await export(till, card["customer_id"])).cards[0].serial_number == card["serial_number"]
    params = {"action": "customer.exported"}
    rows = (await till.client.get(f"{API}/audit", headers=till.headers, params=params)).json()["items"]
    assert [row["subject"] for row in rows] == [card["customer_id"]]


async def test_what_is_no_person_any_more_is_not_exported(till: Till) -> None:
    """Merged: 409 that names the survivor; erased: 409; unknown, or another shop's: 404; an odd language: 422."""
    applicant, other = await two_cards(till.shop)
    path = f"{API}/customers/{applicant['customer_id']}/export"
    assert (await till.client.get(path, headers=till.stranger)).status_code == 404
    assert (await till.client.get(path, headers=till.headers, params={"language": "fr"})).status_code == 422
    await merged(till.shop, applicant, other)
    gone = await till.client.get(f"{API}/customers/{other['customer_id']}/export", headers=till.headers)
    assert (gone.status_code, gone.json()["customer_id"]) == (409, applicant["customer_id"])
    await till.shop.services.erasures.erase(till.shop.principal, applicant["customer_id"])
    erased = await till.client.get(path, headers=till.headers)
    assert (erased.status_code, erased.json()["code"]) == (409, "customer_erased")


@pytest.mark.parametrize("scopes", [("customers:read", "cards:read"), ("ledger:write",)])
async def test_only_an_administrator_exports_a_person(till: Till, scopes: tuple[str, ...]) -> None:
    """403: a till has no use for a whole life."""
    card = await till.shop.card()
    secret = (await till.shop.services.api_keys.create(till.shop.principal, "till", scopes))[1]
    path = f"{API}/customers/{card['customer_id']}/export"
    assert (await till.client.get(path, headers={"authorization": f"Bearer {secret}"})).status_code == 403
