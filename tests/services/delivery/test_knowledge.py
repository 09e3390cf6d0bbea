"""What the server takes for known about a phone, and what it never guesses."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

from sqlalchemy import text

from tests.builders import PASS_TYPE, Shop
from tests.services.delivery.fetching import fetched, shown_balance
from walletd.db.delivery import settlements, targets
from walletd.db.engine.leases import Lease
from walletd.domain.delivery.faces import Face
from walletd.wallets import PassIdentity, RenderedPass


async def fetched_before_its_turn(shop: Shop) -> str:
    """Issue a card, and let its phone fetch a booking before it is notified of it; returns the serial number."""
    serial: str = (await shop.card())["serial_number"]
    await shop.until_idle()
    await shop.register(serial)
    await shop.book(serial, "credit", 5)
    await shop.services.publisher.publish_next(10)
    await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    await fetched(shop, serial)
    return serial


async def test_a_balance_that_went_there_and_back_wakes_nobody_again(shop: Shop) -> None:
    """A phone that holds exactly what is published now is neither told nor sent, whatever happened in between."""
    serial = (await shop.card())["serial_number"]
    await shop.until_idle()
    await shop.register(serial)
    listed = await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    file = await fetched(shop, serial)
    assert file is not None
    assert listed is not None
    await shop.book(serial, "credit", 5)
    await shop.services.publisher.publish_next(10)
    await shop.book(serial, "debit", 5)
    await shop.until_idle()
    assert shop.pushes.pushed == []
    assert await shop.services.devices.changed(PASS_TYPE, "device-1", listed[1]) is None
    assert (await shop.services.deliveries.of_card(shop.principal, serial))[0].state == "current"


async def test_a_phone_that_fetched_before_its_turn_is_not_told(shop: Shop) -> None:
    """A push that waited for its turn is dropped when the phone came by itself meanwhile."""
    await fetched_before_its_turn(shop)
    await shop.until_idle()
    assert shop.pushes.pushed == []


async def test_what_is_published_while_a_phone_is_found_to_lack_nothing_is_due_since_then(shop: Shop) -> None:
    """The phone is told of it at once, and nobody takes the worker for being behind."""
    serial = await fetched_before_its_turn(shop)
    database, now = shop.runtime.database, shop.clock()
    lease = Lease(shop.runtime.instance, now + timedelta(seconds=30))
    [target] = await database.write(targets.claim, "apple", shop.principal.merchant_id, now, 10, lease)
    assert not target.needs_notification
    await shop.book(serial, "credit", 5)
    await shop.services.publisher.publish_next(10)
    await database.write(settlements.settle_known, target, now)
    assert (await shop.services.health.ready())["worker"] == "in time"
    await shop.until_idle()
    assert len(shop.pushes.pushed) == 1


async def test_a_render_that_was_overtaken_is_dropped_also_when_nothing_changed(shop: Shop) -> None:
    """A publisher with an older balance in its hands cannot publish it after a newer look found the old content."""
    serial = (await shop.card())["serial_number"]
    await shop.book(serial, "credit", 10)
    await shop.until_idle()
    await shop.book(serial, "credit", 10)
    render = shop.pushes.render
    entered, go_on = threading.Event(), threading.Event()

    def slow_render(merchant_id: str, template: str, identity: PassIdentity, face: Face) -> RenderedPass:
        rendered = render(merchant_id, template, identity, face)
        if not entered.is_set():
            entered.set()
            go_on.wait(10)
        return rendered

    shop.pushes.render = slow_render  # type: ignore[method-assign]  # holds one publisher back between read and write
    late = asyncio.create_task(shop.services.publisher.publish_next(10))
    await asyncio.to_thread(entered.wait, 10)
    await shop.book(serial, "debit", 10)
    assert shown_balance(await fetched(shop, serial)) == 10
    go_on.set()
    await late
    await shop.until_idle()
    assert shown_balance(await fetched(shop, serial)) == await shop.balance(serial) == 10


async def test_a_refresh_by_hand_is_not_mistaken_for_what_the_phone_held_before(shop: Shop) -> None:
    """After a fetch that no list asked for, nothing is taken for known: the phone is told and sent again."""
    serial = (await shop.card())["serial_number"]
    await shop.book(serial, "credit", 10)
    await shop.until_idle()
    await shop.register(serial)
    listed = await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    assert listed is not None
    assert shown_balance(await fetched(shop, serial)) == 10
    await shop.book(serial, "credit", 10)
    assert shown_balance(await fetched(shop, serial)) == 20
    await shop.book(serial, "debit", 10)
    await shop.until_idle()
    assert shop.pushes.pushed == ["aa" * 32]
    news = await shop.services.devices.changed(PASS_TYPE, "device-1", listed[1])
    assert news is not None
    assert shown_balance(await fetched(shop, serial)) == 10


async def test_the_fetch_of_one_phone_never_counts_for_another(shop: Shop) -> None:
    """Two phones hold a pass: one fetches, the other lost its list, asks again with its old tag and is sent."""
    serial = (await shop.card())["serial_number"]
    await shop.until_idle()
    tags = {}
    for device, token in (("device-1", "aa" * 32), ("device-2", "bb" * 32)):
        await shop.register(serial, device=device, token=token)
        listed = await shop.services.devices.changed(PASS_TYPE, device, None)
        assert listed is not None
        tags[device] = listed[1]
    await shop.book(serial, "credit", 5)
    for device, tag in tags.items():
        assert await shop.services.devices.changed(PASS_TYPE, device, tag) is not None
    await fetched(shop, serial)
    assert await shop.services.devices.changed(PASS_TYPE, "device-2", tags["device-2"]) is not None


async def test_a_card_whose_merchant_lost_its_certificate_stays_dirty(shop: Shop) -> None:
    """A process without usable credentials leaves the change for one that has them."""
    serial = (await shop.card())["serial_number"]
    await shop.until_idle()
    await shop.book(serial, "credit", 42)
    configured = shop.pushes._merchants.copy()
    shop.pushes._merchants.clear()
    await shop.until_idle()
    shop.pushes._merchants.update(configured)
    shop.clock.advance(minutes=2)
    await shop.until_idle()
    assert (await shop.services.health.ready())["dirty_cards"] == 0
    assert shown_balance(await fetched(shop, serial)) == 42


async def test_one_card_that_cannot_be_rendered_stops_no_other(shop: Shop) -> None:
    """Whatever goes wrong with one card, the others are published, and it is tried again later."""
    bad, good = (await shop.card())["serial_number"], (await shop.card())["serial_number"]
    render = shop.pushes.render

    def faulty(merchant_id: str, template: str, identity: PassIdentity, face: Face) -> RenderedPass:
        if identity.serial_number == bad:
            raise KeyError("a rule of a later release")
        return render(merchant_id, template, identity, face)

    shop.pushes.render = faulty  # type: ignore[method-assign]  # a fault that no error of ours names
    await shop.until_idle()
    assert (await shop.services.health.ready())["dirty_cards"] == 1
    assert shown_balance(await fetched(shop, good)) == 0
    shop.pushes.render = render  # type: ignore[method-assign]  # mended
    shop.clock.advance(minutes=2)
    await shop.until_idle()
    assert shown_balance(await fetched(shop, bad)) == 0


async def count_devices(shop: Shop) -> int:
    """Return how many devices are known."""
    count: int = await shop.runtime.database.read(
        lambda tx: tx.execute(text("SELECT count(*) FROM apple_devices")).scalar_one()
    )
    return count


async def test_the_last_two_passes_of_a_phone_can_go_at_once(shop: Shop) -> None:
    """Two unregistrations side by side leave no device behind, and one beside a registration keeps it."""
    for _ in range(10):
        first, second = (await shop.card())["serial_number"], (await shop.card())["serial_number"]
        for serial in (first, second):
            await shop.register(serial)
        await asyncio.gather(
            *(
                shop.services.devices.unregister(PASS_TYPE, serial, "device-1", shop.authorization(serial))
                for serial in (first, second)
            )
        )
        assert await count_devices(shop) == 0
        await shop.register(first)
        await asyncio.gather(
            shop.services.devices.unregister(PASS_TYPE, first, "device-1", shop.authorization(first)),
            shop.register(second),
        )
        assert await shop.services.devices.changed(PASS_TYPE, "device-1", None) is not None
        await shop.services.devices.unregister(PASS_TYPE, second, "device-1", shop.authorization(second))
