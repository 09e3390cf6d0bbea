"""P16: messages to webhooks are tried for 72 hours and then kept, and what fails holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.builders import Shop
from tests.channels.receiver import Received, Receiver, answer
from tests.services.outbox.webhooks import an_endpoint, deliver, messages
from walletd.db.outbox import webhook_messages
from walletd.domain.errors import (
    StorageUnavailable,
    WebhookDisabled,
)
from walletd.domain.outbox.webhooks import Endpoint, Message
from walletd.services.changes.webhook_events import new_message

# --- failures ---------------------------------------------------------------------------------------------------------


async def hours_until(shop: Shop, endpoint: Endpoint, is_over: Callable[[Message], bool]) -> float:
    """Let time go on from attempt to attempt until the only message is over; return the hours it took."""
    started = shop.clock.now
    for _ in range(100):
        await deliver(shop)
        (message,) = await messages(shop, endpoint)
        if is_over(message):
            return (shop.clock.now - started).total_seconds() / 3600
        assert message.due_at is not None
        shop.clock.now = max(message.due_at, shop.clock.now)
    raise AssertionError("never over")


async def test_a_message_is_tried_for_72_hours_and_then_is_a_dead_letter(shop: Shop, receiver: Receiver) -> None:
    """The same id each time, ever longer pauses, a last attempt at the end; replayed it has its 72 hours again."""
    endpoint, _ = await an_endpoint(shop, receiver, "card.issued")
    receiver.answer = lambda _request: answer(500)
    await shop.card()
    hours = await hours_until(shop, endpoint, lambda message: message.state == "dead")
    assert hours == 72
    (dead,) = await messages(shop, endpoint, "dead")
    assert (dead.last_status, dead.last_reason, dead.due_at) == (500, "HTTP 500", None)
    assert len(set(receiver.ids())) == 1
    assert 10 <= len(receiver.ids()) <= 20
    receiver.answer = lambda _request: answer(204)
    assert await shop.services.webhooks.replay(shop.principal, endpoint.id, None) == 1
    await deliver(shop)
    assert await messages(shop, endpoint, "dead") == []
    assert (await messages(shop, endpoint))[0].state == "delivered"
    assert len(set(receiver.ids())) == 1


async def test_nobody_reached_costs_no_attempt_and_pauses_the_endpoint(shop: Shop, receiver: Receiver) -> None:
    """Refused connections and 401 are no fault of a message: one knocks until somebody opens, then all are sent."""
    endpoint, _ = await an_endpoint(shop, receiver, "card.issued")
    receiver.answer = lambda _request: answer(401)
    for _ in range(40):
        await shop.card()
    await deliver(shop)
    assert {message.attempts for message in await messages(shop, endpoint)} == {0}
    paused = await shop.services.webhooks.get(shop.principal, endpoint.id)
    assert (paused.reason, paused.paused_until) == ("HTTP 401", shop.clock.now + timedelta(seconds=5))
    before = len(receiver.received)
    await deliver(shop)
    assert len(receiver.received) == before
    shop.clock.advance(seconds=5)
    await deliver(shop)
    assert len(receiver.received) == before + 1
    receiver.answer = lambda _request: answer(204)
    shop.clock.advance(seconds=10)
    await deliver(shop)
    assert {message.state for message in await messages(shop, endpoint)} == {"delivered"}
    assert (await shop.services.webhooks.get(shop.principal, endpoint.id)).reason == ""


async def test_an_endpoint_that_is_never_reached_ends_in_dead_letters_too(shop: Shop, receiver: Receiver) -> None:
    """After 72 hours a message is a dead letter, whoever was to blame; nothing grows without end."""
    endpoint, _ = await an_endpoint(shop, receiver, "card.issued")
    receiver.answer = lambda _request: answer(403)
    await shop.card()
    await deliver(shop)
    shop.clock.advance(hours=72)
    await deliver(shop)
    (dead,) = await messages(shop, endpoint, "dead")
    assert dead.attempts == 0


async def test_a_receiver_that_answers_410_is_told_no_more(shop: Shop, receiver: Receiver) -> None:
    """It is disabled and says why; enabled again, its dead letters can be replayed."""
    endpoint, _ = await an_endpoint(shop, receiver, "card.issued")
    receiver.answer = lambda _request: answer(410)
    await shop.card()
    await deliver(shop)
    disabled = await shop.services.webhooks.get(shop.principal, endpoint.id)
    assert (disabled.state, "410" in disabled.reason) == ("disabled", True)
    await shop.card()
    await deliver(shop)
    assert len(receiver.received) == 1
    with pytest.raises(WebhookDisabled):
        await shop.services.webhooks.test(shop.principal, endpoint.id)
    with pytest.raises(WebhookDisabled):
        await shop.services.webhooks.replay(shop.principal, endpoint.id, None)
    receiver.answer = lambda _request: answer(204)
    await shop.services.webhooks.enable(shop.principal, endpoint.id)
    assert await shop.services.webhooks.replay(shop.principal, endpoint.id, None) == 1
    await deliver(shop)
    assert [message.state for message in await messages(shop, endpoint)] == ["delivered"]


async def crash(*_arguments: object) -> None:
    """End before anything is noted."""
    raise StorageUnavailable


async def test_a_crash_between_sending_and_noting_sends_the_same_message_again(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: after the lease the message is sent once more, under its id."""
    endpoint, _ = await an_endpoint(shop, receiver, "card.issued")
    await shop.card()
    delivery = shop.services.webhook_delivery
    with monkeypatch.context() as crashing:
        crashing.setattr(delivery, "_settle", crash)
        await deliver(shop)
    await deliver(shop)
    assert len(receiver.received) == 1
    shop.clock.advance(seconds=31)
    await deliver(shop)
    assert len(receiver.received) == 2
    assert len(set(receiver.ids())) == 1
    assert (await messages(shop, endpoint))[0].state == "delivered"


async def test_poison_stops_nobody(shop: Shop, receiver: Receiver) -> None:
    """P16: of 1 000 messages every hundredth is refused for ever; all others arrive at the first attempt.

    The poison is in the dead letters after 72 hours, and after the repair every one of it is replayed.
    """
    endpoint, _ = await an_endpoint(shop, receiver, "card.issued")
    count = 1_000
    await shop.runtime.database.write(webhook_messages.insert, many(endpoint, shop, count))

    def refuse_poison(request: Received) -> bytes:
        return answer(400 if int(request.message["data"]["number"]) % 100 == 0 else 204)

    receiver.answer = refuse_poison
    await deliver(shop)
    assert len(receiver.received) == count
    for _ in range(30):
        shop.clock.advance(hours=6)
        await deliver(shop)
    assert len(await messages(shop, endpoint, "dead")) == count // 100
    receiver.answer = lambda _request: answer(204)
    assert await shop.services.webhooks.replay(shop.principal, endpoint.id, None) == count // 100
    await deliver(shop)
    assert await messages(shop, endpoint, "dead") == []


async def test_an_endpoint_that_hangs_holds_up_no_other(shop: Shop, receiver: Receiver) -> None:
    """P16: one receiver hangs with a thousand messages; another shop's message arrives while it does."""
    slow, _ = await an_endpoint(shop, receiver, "card.issued", path="/slow")
    await an_endpoint(shop, receiver, "card.revoked", path="/fast")
    receiver.answer = lambda request: b"" if request.path == "/slow" else answer(204)
    await shop.runtime.database.write(webhook_messages.insert, many(slow, shop, 1_000))
    assert await shop.services.webhook_delivery.start_due() == 1
    serial = (await shop.card())["serial_number"]
    await shop.services.cards.revoke(shop.principal, serial, "lost")
    assert await shop.services.webhook_delivery.start_due() == 1
    for _ in range(400):
        if receiver.ids("/fast"):
            break
        await asyncio.sleep(0.01)
    assert len(receiver.ids("/fast")) == 1
    assert len(receiver.ids("/slow")) <= 32
    receiver.answer = lambda _request: answer(410)


def many(endpoint: Endpoint, shop: Shop, count: int) -> list[Message]:
    """Return messages that are due, numbered."""
    return [
        new_message(endpoint, "card.issued", str(number), {"number": number}, shop.clock.now) for number in range(count)
    ]
