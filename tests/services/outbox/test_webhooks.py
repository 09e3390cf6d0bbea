"""Webhooks as their merchant sees them: what is told, endpoints, secrets."""

from __future__ import annotations

import asyncio

import pytest

from tests.builders import Shop
from tests.channels.receiver import Receiver
from tests.services.outbox.webhooks import an_endpoint, data, deliver, messages
from walletd.db.engine.base import Tx
from walletd.db.outbox import webhooks
from walletd.domain.errors import (
    InsufficientBalance,
    NotFound,
    ValidationFailed,
    WebhookTargetRefused,
)

# --- what is told -----------------------------------------------------------------------------------------------------


async def test_the_life_of_a_card_is_told_without_a_word_about_the_person(shop: Shop, receiver: Receiver) -> None:
    """Issued, booked on, installed, uninstalled, revoked, reinstated: thin messages, each signed."""
    _, secret = await an_endpoint(shop, receiver)
    card = await shop.card()
    serial = card["serial_number"]
    await shop.post(serial, "credit", amount=7)
    await shop.register(serial)
    await shop.services.cards.revoke(shop.principal, serial, "lost")
    await shop.services.cards.reinstate(shop.principal, serial, "found")
    await shop.services.checkpoints.make()
    await deliver(shop)
    told = {request.message["type"] for request in receiver.received}
    assert told >= {"card.issued", "account.changed", "card.installed", "card.revoked", "card.reinstated"}
    assert "ledger.checkpoint" in told
    assert all(request.is_signed_with(secret) for request in receiver.received)
    assert not any("Muster" in request.body or "Mia" in request.body for request in receiver.received)
    (issued,) = data(receiver, "card.issued")
    assert issued["serial_number"] == serial
    (checkpoint,) = data(receiver, "ledger.checkpoint")
    assert shop.services.checkpoints.read(checkpoint["checkpoint"].encode()).checkpoint.number == checkpoint["number"]


async def test_an_endpoint_is_told_only_what_it_asked_for(shop: Shop, receiver: Receiver) -> None:
    """One wants cards, one accounts; a merchant's endpoint hears nothing of another merchant."""
    await an_endpoint(shop, receiver, "card.issued", path="/cards")
    await an_endpoint(shop, receiver, "account.changed", path="/accounts")
    stranger = await shop.stranger()
    await shop.services.webhooks.create(stranger, receiver.url("/stranger"))
    serial = (await shop.card())["serial_number"]
    await shop.post(serial, "credit", amount=7)
    await deliver(shop)
    assert [
        (request.path, request.message["type"]) for request in receiver.received if request.path != "/accounts"
    ] == [("/cards", "card.issued")]
    assert receiver.ids("/accounts")


async def test_changes_that_wait_together_are_told_once_with_the_newest_state(shop: Shop, receiver: Receiver) -> None:
    """A hundred bookings while nobody was reached become one message per account; what comes later is told again."""
    await an_endpoint(shop, receiver, "account.changed")
    serial = (await shop.card())["serial_number"]
    await asyncio.gather(*(shop.post(serial, "credit", amount=1) for _ in range(100)))
    await deliver(shop)
    assert [said["sequence"] for said in data(receiver, "account.changed")] == [100]
    await shop.post(serial, "credit", amount=1)
    await deliver(shop)
    assert [said["sequence"] for said in data(receiver, "account.changed")] == [100, 101]


async def test_no_change_is_lost_between_booking_and_sending(shop: Shop, receiver: Receiver) -> None:
    """Bookings and deliveries race; in the end the receiver knows the newest sequence of every account."""
    await an_endpoint(shop, receiver, "account.changed")
    cards = [await shop.card() for _ in range(4)]
    done = asyncio.Event()

    async def send() -> None:
        while not done.is_set():
            await shop.services.webhook_delivery.start_due()
            await asyncio.sleep(0.001)

    sending = asyncio.create_task(send())
    for _ in range(15):
        await asyncio.gather(
            *(shop.post(card["serial_number"], "credit", amount=1) for card in cards for _ in range(3))
        )
    done.set()
    await sending
    await shop.services.webhook_delivery.finish()
    await deliver(shop)
    newest: dict[str, int] = {}
    for said in data(receiver, "account.changed"):
        newest[said["account_id"]] = max(newest.get(said["account_id"], 0), said["sequence"])
    assert newest == {card["account_id"]: 45 for card in cards}


async def test_what_was_not_committed_is_not_told(shop: Shop, receiver: Receiver) -> None:
    """A refused booking makes no message."""
    endpoint, _ = await an_endpoint(shop, receiver, "account.changed")
    serial = (await shop.card())["serial_number"]
    with pytest.raises(InsufficientBalance):
        await shop.post(serial, "debit", amount=7)
    assert await messages(shop, endpoint) == []


# --- endpoints --------------------------------------------------------------------------------------------------------


async def test_a_new_secret_and_the_old_one_both_sign_for_a_day(shop: Shop, receiver: Receiver) -> None:
    """A receiver can be changed over without losing a message."""
    endpoint, old = await an_endpoint(shop, receiver, "card.issued")
    _, new = await shop.services.webhooks.rotate_secret(shop.principal, endpoint.id)
    signed = []
    for hours in (23, 2):
        shop.clock.advance(hours=hours)
        await shop.card()
        await deliver(shop)
        signed.append(tuple(receiver.received[-1].is_signed_with(secret) for secret in (old, new)))
    assert signed == [(True, True), (False, True)]


async def test_secrets_are_sealed_where_they_are_kept(shop: Shop, receiver: Receiver) -> None:
    """Neither the row nor the audit log shows one."""
    endpoint, secret = await an_endpoint(shop, receiver)
    sealed = await shop.runtime.database.read(_secrets, endpoint.id)
    assert secret.removeprefix("whsec_").encode() not in sealed
    assert len(secret) > len("whsec_") + 32


def _secrets(tx: Tx, endpoint_id: str) -> bytes:
    return webhooks.secrets(tx, endpoint_id).secret


async def test_a_deleted_endpoint_is_told_nothing_more(shop: Shop, receiver: Receiver) -> None:
    """Also what was waiting is not sent, and nobody finds it any more."""
    endpoint, _ = await an_endpoint(shop, receiver)
    await shop.card()
    await shop.services.webhooks.delete(shop.principal, endpoint.id)
    await deliver(shop)
    assert receiver.received == []
    with pytest.raises(NotFound):
        await shop.services.webhooks.get(shop.principal, endpoint.id)


async def test_a_test_message_and_a_single_replay_show_that_it_works(shop: Shop, receiver: Receiver) -> None:
    """Somebody who sets up a receiver sends one, and sends it again."""
    endpoint, _ = await an_endpoint(shop, receiver, "card.revoked")
    message = await shop.services.webhooks.test(shop.principal, endpoint.id)
    await deliver(shop)
    assert await shop.services.webhooks.replay(shop.principal, endpoint.id, message.id) == 1
    await deliver(shop)
    assert receiver.ids() == [message.id, message.id]
    with pytest.raises(NotFound):
        await shop.services.webhooks.replay(shop.principal, endpoint.id, "msg_unknown")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://shop.example/",
        "https://",
        "https://user:secret@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:99999/",
        "https://shop.example/a b",
        "https://shöp.example/",
        "https://[::1",
        "javascript:alert(1)",
        "https://shop.example/" + "x" * 2000,
    ],
)
async def test_an_address_of_a_form_that_is_never_called_is_refused(shop: Shop, url: str) -> None:
    """422 with the field, before anything is looked up."""
    with pytest.raises(ValidationFailed):
        await shop.services.webhooks.create(shop.principal, url)


async def test_an_address_inside_is_refused_when_it_is_entered(shop: Shop) -> None:
    """Without a network that the operator allows (B31)."""
    for url in ("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https://localhost/"):
        with pytest.raises(WebhookTargetRefused):
            await shop.services.webhooks.create(shop.principal, url)


async def test_events_that_do_not_exist_are_refused(shop: Shop) -> None:
    """With the list of those that do."""
    with pytest.raises(ValidationFailed, match=r"card\.issued"):
        await shop.services.webhooks.create(shop.principal, "https://shop.example/", ["card.eaten"])
