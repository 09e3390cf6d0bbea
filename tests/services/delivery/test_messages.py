"""Messages to holders: on the pass as a field that announces itself, at Google as messages; three announced a day."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.builders import Shop
from tests.services.delivery.fetching import fetched, shown_field
from tests.services.delivery.googling import GoogleShop, a_google_shop, shown
from walletd.demo.google.errors import ApiError
from walletd.demo.google.faults import Fault
from walletd.domain.errors import CardIsRevoked, NotFound, ValidationFailed
from walletd.domain.merchants.principals import Principal, PrincipalKind
from walletd.services.delivery.messages import NewMessage


@pytest_asyncio.fixture
async def at_google(shop: Shop) -> AsyncIterator[GoogleShop]:
    """A shop with a fake Google."""
    async with a_google_shop(shop) as opened:
        yield opened


async def _send(shop: Shop, serial: str, body: str = "2 für 1", key: str | None = None) -> dict[str, Any]:
    answer = await shop.services.messages.send(shop.principal, NewMessage(serial, "Heute", body), key)
    document: dict[str, Any] = json.loads(answer.body)
    return document


async def _deliver(shop: Shop) -> None:
    while await shop.services.jobs.start_due():
        await shop.services.jobs.finish()
    await shop.until_idle()


async def test_a_message_is_a_field_of_the_pass_that_announces_its_change(shop: Shop) -> None:
    """Apple's phones show a banner when the field changes, so it is there before the first message too."""
    serial = (await shop.card())["serial_number"]
    assert shown_field(await fetched(shop, serial), "message")["value"] == "–"
    sent = await _send(shop, serial)
    field = shown_field(await fetched(shop, serial), "message")
    assert (field["value"], field["changeMessage"], sent["wallets"]) == ("Heute: 2 für 1", "change_message", ["apple"])


async def test_google_gets_each_message_with_its_id_and_announces_three_a_day(at_google: GoogleShop) -> None:
    """The fourth comes silently, and no call is refused (G5)."""
    serial = (await at_google.saved())["serial_number"]
    sent = [await _send(at_google.shop, serial, f"Angebot {number}") for number in range(4)]
    await _deliver(at_google.shop)
    messages = at_google.object_of(serial).body["messages"]
    assert {item["id"]: item["body"] for item in messages} == {item["message_id"]: item["body"] for item in sent}
    assert sorted(item["messageType"] for item in messages) == ["TEXT"] + ["TEXT_AND_NOTIFY"] * 3
    assert sent[0]["wallets"] == ["apple", "google"]
    assert 403 not in [request.status for request in at_google.google.faults.requests]


async def test_trouble_at_google_delays_a_message(at_google: GoogleShop) -> None:
    """It is a job: tried again until Google takes it."""
    serial = (await at_google.saved())["serial_number"]
    at_google.google.faults.play(Fault(ApiError(503, "backendError", "Service Unavailable")), path="addMessage")
    await _send(at_google.shop, serial)
    await _deliver(at_google.shop)
    assert "messages" not in at_google.object_of(serial).body
    at_google.shop.clock.advance(minutes=30)
    await _deliver(at_google.shop)
    assert "2 für 1" in shown(at_google.object_of(serial))


async def test_google_refusing_a_notification_gets_the_message_silently(at_google: GoogleShop) -> None:
    """Somebody else may have used the quota up; the message comes all the same."""
    serial = (await at_google.saved())["serial_number"]
    at_google.google.faults.play(Fault(ApiError(403, "quotaExceeded", "Quota exceeded for issuer")), path="addMessage")
    await _send(at_google.shop, serial)
    await _deliver(at_google.shop)
    assert [item["messageType"] for item in at_google.object_of(serial).body["messages"]] == ["TEXT"]


async def test_a_booking_after_a_message_leaves_the_messages_alone(at_google: GoogleShop) -> None:
    """A PATCH of what changed never replaces the list of messages (G3.3)."""
    serial = (await at_google.saved())["serial_number"]
    await _send(at_google.shop, serial)
    await _deliver(at_google.shop)
    await at_google.shop.book(serial, "credit", 5)
    await at_google.shop.until_idle()
    assert (at_google.points(serial), len(at_google.object_of(serial).body["messages"])) == ({"int": 5}, 1)


async def test_a_repeated_request_sends_nothing_again(at_google: GoogleShop) -> None:
    """With an Idempotency-Key the holder is told once."""
    serial = (await at_google.saved())["serial_number"]
    first, again = [await _send(at_google.shop, serial, key="m-1") for _ in range(2)]
    await _deliver(at_google.shop)
    assert first == again
    assert len(at_google.object_of(serial).body["messages"]) == 1


@pytest.mark.parametrize(("header", "body"), [("", "x"), ("x", ""), ("x" * 61, "x"), ("x", "x" * 501), ("a\nb", "x")])
async def test_a_message_that_no_wallet_can_show_is_refused(shop: Shop, header: str, body: str) -> None:
    """The field at fault is named."""
    serial = (await shop.card())["serial_number"]
    with pytest.raises(ValidationFailed):
        await shop.services.messages.send(shop.principal, NewMessage(serial, header, body), None)


async def test_revoked_cards_and_those_of_others_get_no_message(shop: Shop) -> None:
    """Nobody is told on a card that is not valid, or not ours."""
    serial = (await shop.card())["serial_number"]
    stranger = Principal("mer_00000000000000000000000000", PrincipalKind.API_KEY, "key_x", "Stranger")
    with pytest.raises(NotFound):
        await shop.services.messages.send(stranger, NewMessage(serial, "a", "b"), None)
    await shop.services.cards.revoke(shop.principal, serial, "lost")
    with pytest.raises(CardIsRevoked):
        await _send(shop, serial)
