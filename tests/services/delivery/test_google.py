"""Cards in Google Wallet as business events: saved, changed, removed, revoked; and what goes wrong at Google."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.builders import Shop
from tests.demo.google.test_fake_google import client
from tests.services.delivery.googling import GoogleShop, a_google_shop, shown
from tests.wallets.google.samples import FACES, schema_of
from walletd.demo.google.errors import ApiError
from walletd.demo.google.faults import Fault
from walletd.demo.google.rules import faults
from walletd.domain.delivery.wallet_errors import WalletUnavailable
from walletd.domain.errors import NotFound, SigningUnavailable, Unauthenticated
from walletd.wallets.google.names import RESOURCES


@pytest_asyncio.fixture
async def at_google(shop: Shop) -> AsyncIterator[GoogleShop]:
    """A shop with a fake Google."""
    async with a_google_shop(shop) as opened:
        yield opened


async def status(at: GoogleShop, serial: str) -> str:
    """The status of a card."""
    return (await at.shop.services.cards.get(at.shop.principal, serial)).card.status


@pytest.mark.parametrize("kind", sorted(FACES))
async def test_a_save_link_brings_a_card_of_each_kind_to_google_first(at_google: GoogleShop, kind: str) -> None:
    """Class and object by REST, and a link that names the object and nothing else (G2.2)."""
    card = await at_google.shop.card(kind)
    link = await at_google.shop.services.wallet_objects.link_of_card(
        at_google.shop.principal, "google", card["serial_number"]
    )
    token = link.rpartition("/")[2]
    claims = at_google.google.accounts.claims(token)
    (objects,) = claims["payload"].values()
    stored = at_google.object_of(card["serial_number"])
    assert len(token) <= 1800
    assert objects == [{"id": stored.body["id"]}]
    assert (claims["aud"], claims["typ"], claims["origins"]) == ("google", "savetowallet", [])
    assert card["key"] in shown(stored)
    assert at_google.google.store.items[stored.body["classId"]].body["reviewStatus"] == "APPROVED"


@pytest.mark.parametrize("kind", sorted(FACES))
async def test_the_client_of_google_reads_what_walletd_wrote(at_google: GoogleShop, kind: str) -> None:
    """Class and object, through Google's own library; both pass Google's schema, and hold the card."""
    card = await at_google.saved(kind)
    stored = at_google.object_of(card["serial_number"])

    def read() -> tuple[Any, Any]:
        with client(at_google.served) as service:
            objects = getattr(service, f"{RESOURCES[kind].lower()}object")()
            classes = getattr(service, f"{RESOURCES[kind].lower()}class")()
            found = objects.get(resourceId=stored.body["id"]).execute()
            return classes.get(resourceId=found["classId"]).execute(), found

    of_class, found = await asyncio.to_thread(read)
    assert found["barcode"]["value"] == card["key"]
    assert of_class["issuerName"] == "Café Morgenrot"
    for what, body in (("Class", at_google.google.store.items[of_class["id"]].body), ("Object", stored.body)):
        assert list(faults(schema_of(kind, what), body)) == []


async def test_a_card_that_nobody_saves_costs_no_call(at_google: GoogleShop) -> None:
    """Only classes are written before somebody opens a link (G3.8)."""
    card = await at_google.shop.card()
    await at_google.shop.until_idle()
    calls = len(at_google.google.faults.requests)
    await at_google.shop.book(card["serial_number"], "credit", 5)
    await at_google.shop.until_idle()
    assert len(at_google.google.faults.requests) == calls
    assert {stored.resource for stored in at_google.google.store.items.values()} == {"loyaltyClass"}


async def test_a_booking_reaches_google_as_one_patch_of_what_changed(at_google: GoogleShop) -> None:
    """Five bookings at once are one call; a document that is as before is none."""
    serial = (await at_google.saved())["serial_number"]
    calls = len(at_google.google.faults.requests)
    for amount in (1, 2, 3, 4, 5):
        await at_google.shop.book(serial, "credit", amount)
    await at_google.shop.until_idle()
    assert at_google.points(serial) == {"int": 15}
    assert [request.verb for request in at_google.google.faults.requests][calls:] == ["PATCH"]
    await at_google.shop.book(serial, "credit", 5)
    await at_google.shop.book(serial, "debit", 5)
    await at_google.shop.until_idle()
    assert len(at_google.google.faults.requests) == calls + 1


async def test_three_changes_a_day_are_announced_and_the_fourth_comes_silently(at_google: GoogleShop) -> None:
    """Google allows three; walletd counts itself and never meets the refusal (G5)."""
    serial = (await at_google.saved())["serial_number"]
    for _ in range(5):
        await at_google.shop.book(serial, "credit", 1)
        await at_google.shop.until_idle()
    stored = at_google.object_of(serial)
    assert (at_google.points(serial), len(stored.field_notifications)) == ({"int": 5}, 3)
    assert 403 not in [request.status for request in at_google.google.faults.requests]
    at_google.shop.clock.advance(days=1)
    await at_google.shop.book(serial, "credit", 1)
    await at_google.shop.until_idle()
    assert stored.field_notifications == [at_google.shop.clock.now]


async def test_corrections_and_merges_are_not_announced(at_google: GoogleShop) -> None:
    """A holder is told of what he did, not of what was put right (G5)."""
    card, other = await at_google.saved(), await at_google.shop.card()
    done = await at_google.shop.book(card["serial_number"], "credit", 10)
    await at_google.shop.until_idle()
    announced = len(at_google.object_of(card["serial_number"]).field_notifications)
    await at_google.shop.reverse(done["transaction_id"])
    await at_google.shop.until_idle()
    await at_google.shop.book(other["serial_number"], "credit", 7)
    await at_google.shop.merge(card["customer_id"], other["customer_id"])
    await at_google.shop.until_idle()
    assert at_google.points(card["serial_number"]) == {"int": 7}
    assert len(at_google.object_of(card["serial_number"]).field_notifications) == announced == 1


async def test_saved_and_removed_follow_google_and_apple_together(at_google: GoogleShop) -> None:
    """D-13: installed while any wallet has it; uninstalled once the last one lost it."""
    serial = (await at_google.linked())["serial_number"]
    assert await status(at_google, serial) == "issued"
    await at_google.event(serial, "save")
    assert await status(at_google, serial) == "installed"
    await at_google.shop.until_idle()
    await at_google.shop.register(serial)
    await at_google.event(serial, "del")
    assert await status(at_google, serial) == "installed"
    await at_google.event(serial, "save")
    authorization = at_google.shop.authorization(serial)
    await at_google.shop.services.devices.unregister("pass.demo.walletd", serial, "device-1", authorization)
    assert await status(at_google, serial) == "installed"
    await at_google.event(serial, "del")
    assert await status(at_google, serial) == "uninstalled"


async def test_an_event_that_is_repeated_has_no_second_effect(at_google: GoogleShop) -> None:
    """R8: a nonce counts once; what Google invents later is accepted and means nothing."""
    serial = (await at_google.linked())["serial_number"]
    take = at_google.shop.services.wallet_objects.take_event
    name = at_google.object_of(serial).body["id"]
    save = at_google.google.callback_of(name, "save")
    assert [await take("google", save), await take("google", save)] == [1, 0]
    await at_google.event(serial, "del")
    assert await take("google", save) == 0
    assert await take("google", at_google.google.callback_of(name, "activate")) == 0
    assert await status(at_google, serial) == "uninstalled"


async def test_an_event_that_google_did_not_sign_is_refused(at_google: GoogleShop) -> None:
    """One changed letter, another signer, garbage: 401, and nothing happens."""
    serial = (await at_google.linked())["serial_number"]
    name = at_google.object_of(serial).body["id"]
    genuine = at_google.google.callback_of(name, "save")
    for body in (genuine.replace(b"save", b"sav3"), b"", b"{}", b"[" * 5000, b"\xff\xfe"):
        with pytest.raises(Unauthenticated):
            await at_google.shop.services.wallet_objects.take_event("google", body)
    assert await status(at_google, serial) == "issued"


async def test_a_revoked_card_keeps_nothing_at_google_and_a_reinstated_one_has_it_again(at_google: GoogleShop) -> None:
    """G3.7: state and neutral text; nothing to redeem, nothing of the person."""
    card = await at_google.saved()
    serial, cards = card["serial_number"], at_google.shop.services.cards
    await at_google.shop.book(serial, "credit", 5)
    await at_google.shop.until_idle()
    await cards.revoke(at_google.shop.principal, serial, "lost")
    await at_google.shop.until_idle()
    void = at_google.object_of(serial).body
    assert void["state"] == "INACTIVE"
    assert not void.keys() & {"barcode", "accountId", "accountName", "loyaltyPoints"}
    assert card["key"] not in shown(at_google.object_of(serial))
    assert "Muster" not in shown(at_google.object_of(serial))
    await cards.reinstate(at_google.shop.principal, serial, "found")
    await at_google.shop.until_idle()
    assert (at_google.object_of(serial).body["state"], at_google.points(serial)) == ("ACTIVE", {"int": 5})


async def test_a_merge_shows_both_cards_the_joined_account(at_google: GoogleShop) -> None:
    """G3.7: both objects live on, with the surviving number and the joined balance."""
    new, old = await at_google.saved(), await at_google.saved()
    for card, amount in ((new, 40), (old, 25)):
        await at_google.shop.book(card["serial_number"], "credit", amount)
    await at_google.shop.merge(new["customer_id"], old["customer_id"])
    await at_google.shop.until_idle()
    for card in (new, old):
        body = at_google.object_of(card["serial_number"]).body
        assert (body["accountId"], body["barcode"]["value"]) == (old["key"], old["key"])
        assert at_google.points(card["serial_number"]) == {"int": 65}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(ApiError(503, "backendError", "Service Unavailable")),
        Fault(ApiError(429, "rateLimitExceeded", "Quota exceeded")),
        Fault(ApiError(403, "userRateLimitExceeded", "Rate Limit Exceeded")),
        Fault(ApiError(403, "quotaExceeded", "Quota exceeded for issuer")),
        Fault(ApiError(401, "authError", "Invalid Credentials")),
        Fault(ApiError(404, "resourceNotFound", "not found")),
        Fault(lost=True),
    ],
    ids=["503", "429", "rate", "notifications", "401", "404", "lost"],
)
async def test_trouble_at_google_delays_a_change_and_loses_nothing(at_google: GoogleShop, fault: Fault) -> None:
    """Every row of the error table ends with Google showing what the books say (G3.5)."""
    serial = (await at_google.saved())["serial_number"]
    await at_google.shop.book(serial, "credit", 8)
    at_google.google.faults.play(fault, path="Object")
    for _ in range(6):
        await at_google.shop.until_idle()
        at_google.shop.clock.advance(seconds=90)
    assert at_google.points(serial) == {"int": 8}
    assert (await at_google.shop.services.wallet_objects.statuses(at_google.shop.principal, serial))[0].is_current


async def test_a_lost_reply_of_the_first_write_leads_to_a_patch(at_google: GoogleShop) -> None:
    """409 on our own insert is no fault: the object is brought to what is wanted now."""
    card = await at_google.shop.card()
    at_google.google.faults.play(Fault(lost=True), path="Object")
    link = at_google.shop.services.wallet_objects.link_of_card
    with pytest.raises(WalletUnavailable):
        await link(at_google.shop.principal, "google", card["serial_number"])
    await at_google.shop.book(card["serial_number"], "credit", 3)
    await at_google.shop.until_idle()
    assert await link(at_google.shop.principal, "google", card["serial_number"])
    assert at_google.points(card["serial_number"]) == {"int": 3}


async def test_missing_permission_pauses_the_merchant_and_goes_on_when_it_is_given(at_google: GoogleShop) -> None:
    """P16: nothing is lost, nobody hammers, and no attempt is used up."""
    serial = (await at_google.saved())["serial_number"]
    await at_google.shop.book(serial, "credit", 4)
    permissions, at_google.google._users = at_google.google._users, {}
    await at_google.shop.until_idle()
    calls = len(at_google.google.faults.requests)
    await at_google.shop.until_idle()
    assert len(at_google.google.faults.requests) == calls
    status = (await at_google.shop.services.wallet_objects.statuses(at_google.shop.principal, serial))[0]
    assert "permissionDenied" in status.last_reason
    at_google.google._users = permissions
    at_google.shop.clock.advance(minutes=2)
    await at_google.shop.until_idle()
    assert at_google.points(serial) == {"int": 4}


async def test_a_document_that_google_refuses_is_not_sent_again_until_it_changes(at_google: GoogleShop) -> None:
    """G3.5: 400 is our fault; it is shown, and no call repeats it."""
    serial = (await at_google.saved())["serial_number"]
    await at_google.shop.book(serial, "credit", 4)
    at_google.google.faults.play(Fault(ApiError(400, "invalidResource", "Barcode type must be set.")))
    await at_google.shop.until_idle()
    calls = len(at_google.google.faults.requests)
    at_google.shop.clock.advance(hours=5)
    await at_google.shop.until_idle()
    status = (await at_google.shop.services.wallet_objects.statuses(at_google.shop.principal, serial))[0]
    assert len(at_google.google.faults.requests) == calls
    assert "Barcode type must be set." in status.last_reason
    await at_google.shop.book(serial, "credit", 1)
    await at_google.shop.until_idle()
    assert at_google.points(serial) == {"int": 5}


async def test_a_changed_name_changes_the_class_and_no_object(at_google: GoogleShop) -> None:
    """One call reaches every holder (G3.4)."""
    serial = (await at_google.saved())["serial_number"]
    await at_google.shop.until_idle()
    calls = len(at_google.google.faults.requests)
    program = await at_google.shop.program()
    await at_google.shop.services.programs.update(at_google.shop.principal, program, name="Gold club")
    await at_google.shop.until_idle()
    class_id = at_google.object_of(serial).body["classId"]
    assert at_google.google.store.items[class_id].body["programName"] == "Gold club"
    assert [request.verb for request in at_google.google.faults.requests][calls:] == ["PATCH"]


async def test_the_nightly_look_finds_saves_whose_calls_were_lost(at_google: GoogleShop) -> None:
    """G3.7, G4.1: callbacks are best effort; `hasUsers` says what is true."""
    cards = [await at_google.linked() for _ in range(3)]
    serials = [card["serial_number"] for card in cards]
    at_google.object_of(serials[0]).users.add("mia")
    await at_google.event(serials[1], "save")
    assert await at_google.shop.services.wallet_objects.reconcile() == 2
    assert [await status(at_google, serial) for serial in serials] == ["installed", "uninstalled", "issued"]
    assert await at_google.shop.services.wallet_objects.reconcile() == 0


async def test_an_access_token_serves_many_calls(at_google: GoogleShop) -> None:
    """One exchange for all of them (G3.2)."""
    for _ in range(5):
        await at_google.linked()
    assert at_google.google.tokens_given == 1


async def test_a_shop_without_google_gives_no_link(shop: Shop) -> None:
    """What is not configured is said, not tried."""
    serial = (await shop.card())["serial_number"]
    with pytest.raises(SigningUnavailable):
        await shop.services.wallet_objects.link_of_card(shop.principal, "google", serial)
    with pytest.raises(NotFound):
        await shop.services.wallet_objects.link_of_card(shop.principal, "samsung", serial)
