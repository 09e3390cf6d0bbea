"""Delivering: who is told, when, and what every answer of the platform means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.builders import PASS_TYPE, Shop, demo_credentials
from walletd.db.delivery import targets
from walletd.db.engine.leases import Lease
from walletd.domain.errors import CertificateInvalid, PushTokenInvalid, RateLimited
from walletd.domain.outbox.attempts import Attempt, Verdict

TOKEN = "aa" * 32


async def registered(shop: Shop, **named: str) -> str:
    """Return a card that a phone holds in its newest version."""
    serial: str = (await shop.card())["serial_number"]
    await shop.until_idle()
    await shop.register(serial, **named)
    return serial


async def test_one_push_per_phone_however_many_of_its_passes_changed(shop: Shop) -> None:
    """A phone asks for all passes of a type, so one push is enough (N8)."""
    serials = [await registered(shop) for _ in range(4)]
    for serial in serials:
        await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert shop.pushes.pushed == [TOKEN]


async def test_a_small_burst_goes_out_at_once_and_many_changes_are_delayed(shop: Shop) -> None:
    """A till earns and redeems within a minute; only a score that rises by Apple's formula delays (N11)."""
    serial = await registered(shop)
    for _ in range(5):
        await shop.book(serial, "credit", 1)
        await shop.until_idle()
        shop.clock.advance(seconds=5)
    assert len(shop.pushes.pushed) == 5
    for _ in range(5):
        await shop.book(serial, "credit", 1)
        await shop.until_idle()
        shop.clock.advance(seconds=5)
    assert len(shop.pushes.pushed) < 8
    phone = (await shop.services.deliveries.of_card(shop.principal, serial))[0]
    assert phone.state == "waiting"
    shop.clock.advance(hours=1)
    await shop.until_idle()
    phone = (await shop.services.deliveries.of_card(shop.principal, serial))[0]
    assert phone.state == "announced"


async def test_trouble_with_the_platform_is_tried_again_later(shop: Shop) -> None:
    """A failed push keeps its target due and waits at least as long as the platform asks."""
    serial = await registered(shop)
    shop.pushes.answers[TOKEN] = Attempt(Verdict.RETRY, "ServiceUnavailable", retry_after_seconds=900)
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    shop.pushes.answers.clear()
    shop.clock.advance(seconds=899)
    await shop.until_idle()
    assert len(shop.pushes.pushed) == 1
    shop.clock.advance(seconds=2)
    await shop.until_idle()
    assert len(shop.pushes.pushed) == 2


async def test_a_phone_that_is_gone_is_forgotten_and_its_card_uninstalled(shop: Shop) -> None:
    """410 drops the phone's registrations of the type (A3)."""
    serial = await registered(shop)
    assert (await shop.services.cards.get(shop.principal, serial)).card.status == "installed"
    gone = shop.clock.now + timedelta(seconds=1)
    shop.pushes.answers[TOKEN] = Attempt(Verdict.GONE, "Unregistered", gone_since=gone)
    shop.clock.advance(seconds=2)
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert await shop.services.deliveries.of_card(shop.principal, serial) == ()
    assert (await shop.services.cards.get(shop.principal, serial)).card.status == "uninstalled"
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert len(shop.pushes.pushed) == 1


async def test_a_phone_that_registered_again_after_it_was_gone_is_kept(shop: Shop) -> None:
    """A 410 about an older registration of the token changes nothing."""
    serial = await registered(shop)
    shop.pushes.answers[TOKEN] = Attempt(Verdict.GONE, "Unregistered", gone_since=shop.clock.now - timedelta(seconds=1))
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert len(await shop.services.deliveries.of_card(shop.principal, serial)) == 1


async def test_a_mass_rejection_deletes_nobody_however_long_it_lasts(shop: Shop) -> None:
    """When Apple knows none of our tokens, we are wrong and not the phones: all of them stay, and we are told."""
    serials = []
    for number in range(12):
        token = f"{number:064x}"
        serials.append(await registered(shop, device=f"device-{number}", token=token))
        shop.pushes.answers[token] = Attempt(Verdict.REFUSED, "BadDeviceToken")
    for _ in range(24):
        for serial in serials:
            await shop.book(serial, "credit", 1)
        await shop.until_idle()
        shop.clock.advance(hours=1)
    kept = [len(await shop.services.deliveries.of_card(shop.principal, serial)) for serial in serials]
    assert sum(kept) == 12
    assert (await shop.services.health.ready())["paused_channels"]
    shop.pushes.answers.clear()
    shop.clock.advance(days=2)
    await shop.until_idle()
    states = {(await shop.services.deliveries.of_card(shop.principal, serial))[0].state for serial in serials}
    assert states == {"announced"}
    assert not (await shop.services.health.ready())["paused_channels"]


async def one_accepted_and_one_rejected(shop: Shop) -> tuple[str, str]:
    """Book on two cards, of whose phones Apple knows the first only; returns their serial numbers."""
    good = await registered(shop)
    bad = await registered(shop, device="device-2", token="bb" * 32)
    shop.pushes.answers["bb" * 32] = Attempt(Verdict.REFUSED, "BadDeviceToken")
    for serial in (good, bad):
        await shop.book(serial, "credit", 1)
    return good, bad


async def test_a_rejected_token_is_dropped_beside_one_that_is_accepted(shop: Shop) -> None:
    """An accepted push proves that host and certificate are right, so the fault is the token's."""
    good, bad = await one_accepted_and_one_rejected(shop)
    await shop.until_idle()
    assert len(await shop.services.deliveries.of_card(shop.principal, good)) == 1
    assert await shop.services.deliveries.of_card(shop.principal, bad) == ()


async def test_what_is_noted_together_happened_at_the_same_time_however_long_the_noting_takes(shop: Shop) -> None:
    """A token that was rejected beside one that was accepted is dropped, although the clock goes on meanwhile."""
    _, bad = await one_accepted_and_one_rejected(shop)
    await shop.services.publisher.publish_next(10)

    def ticking() -> datetime:
        shop.clock.advance(milliseconds=1)
        return shop.clock()

    shop.runtime.clock = ticking
    await shop.services.deliveries.deliver_due()
    assert await shop.services.deliveries.of_card(shop.principal, bad) == ()


async def test_made_up_tokens_on_one_card_stop_nobody_else_s_pushes(shop: Shop) -> None:
    """Whoever registers tokens that do not exist harms only his own pass (P16)."""
    innocent = await registered(shop)
    evil = (await shop.card())["serial_number"]
    await shop.until_idle()
    for number in range(20):
        token = f"{number:064x}"
        await shop.register(evil, device=f"evil-{number}", token=token)
        shop.pushes.answers[token] = Attempt(Verdict.REFUSED, "BadDeviceToken")
    await shop.book(evil, "credit", 1)
    await shop.until_idle()
    shop.clock.advance(seconds=1)
    await shop.book(innocent, "credit", 1)
    await shop.until_idle()
    assert shop.pushes.pushed[-1] == TOKEN
    shop.clock.advance(hours=2)
    await shop.until_idle()
    assert await shop.services.deliveries.of_card(shop.principal, evil) == ()


async def test_an_answer_about_an_old_token_does_not_touch_a_phone_with_a_new_one(shop: Shop) -> None:
    """A phone that posted a new token while the old one was being pushed to is kept and told."""
    serial = await registered(shop)
    other = await registered(shop, device="device-2", token="cc" * 32)
    await shop.book(serial, "credit", 1)
    await shop.book(other, "credit", 1)
    await shop.services.publisher.publish_next(10)
    shop.pushes.answers[TOKEN] = Attempt(Verdict.REFUSED, "BadDeviceToken")
    deliver = shop.pushes.deliver

    async def deliver_while_the_phone_registers(merchant_id: str, addresses: Sequence[str]) -> list[Attempt]:
        if TOKEN in addresses:
            await shop.register(serial, token="bb" * 32)
        return await deliver(merchant_id, addresses)

    shop.pushes.deliver = deliver_while_the_phone_registers  # type: ignore[method-assign]  # a moment in the middle
    await shop.services.deliveries.deliver_due()
    shop.clock.advance(minutes=1)
    await shop.until_idle()
    assert len(await shop.services.deliveries.of_card(shop.principal, serial)) == 1
    assert shop.pushes.pushed[-1] == "bb" * 32


async def test_a_phone_that_becomes_another_wallet_is_never_pushed_to(shop: Shop) -> None:
    """A device that registers again with a foreign scheme while a push is due keeps its token from APNs."""
    serial = await registered(shop)
    await shop.book(serial, "credit", 1)
    await shop.services.publisher.publish_next(10)
    authorization = shop.authorization(serial).replace("ApplePass", "AndroidPass")
    await shop.services.devices.register(PASS_TYPE, serial, "device-1", authorization, "fcm:token")
    await shop.until_idle()
    assert shop.pushes.pushed == []


async def test_a_paused_channel_goes_on_after_the_certificate_is_mended(shop: Shop) -> None:
    """403 pauses the channel without using up attempts; later everything is delivered."""
    serial = await registered(shop)
    shop.pushes.answers[TOKEN] = Attempt(Verdict.CHANNEL_FAILED, "BadCertificate")
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert len(shop.pushes.pushed) == 1
    shop.pushes.answers.clear()
    shop.clock.advance(minutes=2)
    await shop.until_idle()
    assert len(shop.pushes.pushed) == 2
    assert not (await shop.services.health.ready())["paused_channels"]


async def test_a_phone_that_was_told_but_never_fetched_is_reminded_a_few_times(shop: Shop) -> None:
    """200 from APNs is not an update: a stale phone is told again, with growing pauses and an end (N12)."""
    serial = await registered(shop)
    shop.clock.advance(seconds=1)
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    for _ in range(200):
        shop.clock.advance(minutes=20)
        await shop.services.upkeep.remind_stale()
        await shop.until_idle()
    assert len(shop.pushes.pushed) == 1 + 6
    assert (await shop.services.deliveries.of_card(shop.principal, serial))[0].state == "stale"


async def test_a_phone_that_fetched_is_not_reminded(shop: Shop) -> None:
    """A phone that holds the newest version is left in peace."""
    serial = await registered(shop)
    await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    shop.clock.advance(seconds=1)
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    file = await shop.services.passes.fetch(PASS_TYPE, serial, shop.authorization(serial), None)
    assert file is not None
    await shop.services.passes.delivered(file)
    shop.clock.advance(hours=5)
    await shop.services.upkeep.remind_stale()
    await shop.until_idle()
    assert len(shop.pushes.pushed) == 1
    assert (await shop.services.deliveries.of_card(shop.principal, serial))[0].state == "current"


async def test_registering_again_replaces_the_push_token(shop: Shop) -> None:
    """A device posts its registration again when its token changed; the new one is pushed to (W4)."""
    serial = await registered(shop)
    assert await shop.register(serial) is False
    assert await shop.register(serial, token="bb" * 32) is False
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert shop.pushes.pushed == ["bb" * 32]


async def test_unregistering_twice_and_out_of_order_is_harmless(shop: Shop) -> None:
    """DELETE is idempotent, never deletes the pass, and forgets the device with its last pass (W5, W6)."""
    serial = await registered(shop)
    for _ in range(2):
        await shop.services.devices.unregister(PASS_TYPE, serial, "device-1", shop.authorization(serial))
    assert (await shop.services.cards.get(shop.principal, serial)).card.status == "uninstalled"
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert shop.pushes.pushed == []
    assert await shop.services.devices.changed(PASS_TYPE, "device-1", None) is None
    assert await shop.services.passes.fetch(PASS_TYPE, serial, shop.authorization(serial), None) is not None


async def test_tokens_of_other_wallets_are_kept_but_never_pushed_to(shop: Shop) -> None:
    """An Android wallet registers with its own scheme; APNs never sees its token (W3)."""
    serial = (await shop.card())["serial_number"]
    authorization = shop.authorization(serial).replace("ApplePass", "AndroidPass")
    await shop.services.devices.register(PASS_TYPE, serial, "android-1", authorization, "firebase:token_1")
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert shop.pushes.pushed == []
    assert await shop.services.devices.changed(PASS_TYPE, "android-1", None) is not None


@pytest.mark.parametrize("token", ["../../x", "", "g" * 64, "a" * 31, "a" * 10_000, None, 7, ["a" * 64]])
async def test_a_push_token_that_is_none_is_refused(shop: Shop, token: object) -> None:
    """Push tokens become part of a path at APNs: only hexadecimal ones are stored."""
    serial = (await shop.card())["serial_number"]
    with pytest.raises(PushTokenInvalid):
        await shop.services.devices.register(PASS_TYPE, serial, "d", shop.authorization(serial), token)
    assert await shop.services.deliveries.of_card(shop.principal, serial) == ()


async def test_a_pass_that_is_registered_everywhere_at_once_is_slowed_down(shop: Shop) -> None:
    """Twenty new devices per hour for one pass, then a pause (B26)."""
    serial = (await shop.card())["serial_number"]
    for number in range(20):
        await shop.register(serial, device=f"d{number}")
    with pytest.raises(RateLimited):
        await shop.register(serial, device="d20")
    shop.clock.advance(hours=2)
    assert await shop.register(serial, device="d20")


async def test_a_new_certificate_opens_a_paused_channel_at_once(shop: Shop) -> None:
    """Nobody waits for the end of a pause once its cause is mended (B29)."""
    serial = await registered(shop)
    shop.pushes.answers[TOKEN] = Attempt(Verdict.CHANNEL_FAILED, "BadCertificate")
    await shop.book(serial, "credit", 1)
    await shop.until_idle()
    assert await shop.services.deliveries.seconds_until_due() is None
    shop.pushes.answers.clear()
    credentials = demo_credentials()
    await shop.services.merchants.set_credentials(
        shop.principal.merchant_id, "apple", PASS_TYPE, credentials.to_bytes(), credentials.not_valid_after
    )
    await shop.until_idle()
    assert len(shop.pushes.pushed) == 2


async def test_a_certificate_of_another_pass_type_is_refused(shop: Shop) -> None:
    """Installed passes belong to their pass type for ever (PK14)."""
    credentials = demo_credentials()
    with pytest.raises(CertificateInvalid, match="Installed passes"):
        await shop.services.merchants.set_credentials(
            shop.principal.merchant_id, "apple", "pass.other", credentials.to_bytes(), credentials.not_valid_after
        )


async def test_a_target_whose_worker_died_is_told_by_another_when_the_lease_ends(shop: Shop) -> None:
    """A crash between claim and settle loses nothing."""
    serial = await registered(shop)
    await shop.book(serial, "credit", 1)
    await shop.services.publisher.publish_next(10)
    now = shop.clock()
    lease = Lease("somebody who died", now + timedelta(seconds=30))
    database = shop.runtime.database
    claimed = await database.write(targets.claim, "apple", shop.principal.merchant_id, now, 10, lease)
    assert len(claimed) == 1
    await shop.until_idle()
    assert shop.pushes.pushed == []
    shop.clock.advance(seconds=31)
    await shop.until_idle()
    assert shop.pushes.pushed == [TOKEN]
