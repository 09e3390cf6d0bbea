"""From a commit to a phone that holds the newest pass: publishing, listing, fetching."""

from __future__ import annotations

import asyncio

import pytest

from tests.builders import PASS_TYPE, Shop
from tests.services.delivery.fetching import fetched, shown_balance
from walletd.domain.errors import Unauthenticated


async def test_a_booking_reaches_the_phone(shop: Shop) -> None:
    """Booked, published, pushed, listed, fetched: the phone shows the new balance."""
    serial = (await shop.card())["serial_number"]
    first = await fetched(shop, serial)
    assert first is not None
    await shop.register(serial)
    listed = await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    assert listed is not None
    await shop.book(serial, "credit", 25)
    shop.clock.advance(seconds=1)
    await shop.until_idle()
    assert shop.pushes.pushed == ["aa" * 32]
    news = await shop.services.devices.changed(PASS_TYPE, "device-1", listed[1])
    assert news is not None
    assert news[0] == [serial]
    assert int(news[1]) > int(listed[1])
    assert shown_balance(await fetched(shop, serial, first.last_modified)) == 25


async def test_a_second_change_within_a_second_is_never_hidden_by_a_304(shop: Shop) -> None:
    """Last-Modified rises strictly in whole seconds, also with a clock that stands still."""
    serial = (await shop.card())["serial_number"]
    dates: list[str] = []
    for amount in range(1, 6):
        await shop.book(serial, "credit", amount)
        file = await fetched(shop, serial, dates[-1] if dates else None)
        assert file is not None
        dates.append(file.last_modified)
    assert len(set(dates)) == 5


async def test_a_pass_that_did_not_change_answers_304_from_memory_or_database(shop: Shop) -> None:
    """The date of the newest version gives 304; after that the answer comes from memory where only we write."""
    serial = (await shop.card())["serial_number"]
    file = await fetched(shop, serial)
    assert file is not None
    assert await fetched(shop, serial, file.last_modified) is None
    known = shop.services.passes.unchanged(PASS_TYPE, serial, shop.authorization(serial), file.last_modified)
    assert known is shop.runtime.database.exclusive


async def test_memory_forgets_a_card_before_its_booking_is_answered(shop: Shop) -> None:
    """No 304 from memory after a booking was answered."""
    serial = (await shop.card())["serial_number"]
    file = await fetched(shop, serial)
    assert file is not None
    for amount in range(1, 20):
        await fetched(shop, serial, file.last_modified)
        await shop.book(serial, "credit", amount)
        assert not shop.services.passes.unchanged(PASS_TYPE, serial, shop.authorization(serial), file.last_modified)
        file = await fetched(shop, serial)
        assert file is not None


async def test_a_fetch_of_a_dirty_card_publishes_it_first(shop: Shop) -> None:
    """A phone that asks before the publisher came gets the newest balance."""
    serial = (await shop.card())["serial_number"]
    await fetched(shop, serial)
    await shop.book(serial, "credit", 3)
    assert shown_balance(await fetched(shop, serial)) == 3


async def test_a_change_that_nobody_can_see_wakes_no_phone(shop: Shop) -> None:
    """A booking that leaves the pass as it was gives no version and no push (W17)."""
    serial = (await shop.card())["serial_number"]
    await shop.until_idle()
    await shop.register(serial)
    listed = await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    assert listed is not None
    await shop.book(serial, "credit", 5)
    await shop.book(serial, "debit", 5)
    await shop.until_idle()
    assert shop.pushes.pushed == []
    assert await shop.services.devices.changed(PASS_TYPE, "device-1", listed[1]) is None


@pytest.mark.parametrize("tag", [None, "", "garbage", "-1", "7", "99000000000001", "1999999999999", "1" * 40, "٣" * 13])
async def test_a_tag_we_did_not_give_returns_everything(shop: Shop, tag: str | None) -> None:
    """Absent, garbled, foreign and future tags are taken as no tag (W12)."""
    serial = (await shop.card())["serial_number"]
    await shop.register(serial)
    news = await shop.services.devices.changed(PASS_TYPE, "device-1", tag)
    assert news is not None
    assert news[0] == [serial]
    assert news[1].isdigit()


async def test_a_list_for_an_unknown_device_is_empty(shop: Shop) -> None:
    """A device that never registered has no news."""
    assert await shop.services.devices.changed(PASS_TYPE, "nobody", None) is None


async def test_all_passes_that_changed_are_listed_not_only_the_newest(shop: Shop) -> None:
    """Every registered pass above the tag is listed, with the highest number as the new tag (W11)."""
    serials = [(await shop.card())["serial_number"] for _ in range(3)]
    for serial in serials:
        await shop.register(serial)
    listed = await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    assert listed is not None
    for serial in serials:
        await shop.book(serial, "credit", 1)
    news = await shop.services.devices.changed(PASS_TYPE, "device-1", listed[1])
    assert news is not None
    assert sorted(news[0]) == sorted(serials)
    assert await shop.services.devices.changed(PASS_TYPE, "device-1", news[1]) is None


async def test_a_phone_that_was_given_a_newer_version_is_not_sent_again_for_it(shop: Shop) -> None:
    """A version that came between list and fetch does not make the phone fetch an unchanged pass."""
    serial = (await shop.card())["serial_number"]
    await shop.register(serial)
    await shop.book(serial, "credit", 1)
    listed = await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    assert listed is not None
    await shop.book(serial, "credit", 1)
    assert shown_balance(await fetched(shop, serial)) == 2
    assert await shop.services.devices.changed(PASS_TYPE, "device-1", listed[1]) is None


async def test_a_file_that_did_not_arrive_is_listed_again(shop: Shop) -> None:
    """As long as a fetch was not carried through, the list keeps naming the pass."""
    serial = (await shop.card())["serial_number"]
    await shop.register(serial)
    listed = await shop.services.devices.changed(PASS_TYPE, "device-1", None)
    assert listed is not None
    await shop.book(serial, "credit", 1)
    await shop.services.passes.fetch(PASS_TYPE, serial, shop.authorization(serial), None)
    news = await shop.services.devices.changed(PASS_TYPE, "device-1", listed[1])
    assert news is not None
    assert news[0] == [serial]


@pytest.mark.parametrize(
    "authorization", [None, "", "ApplePass", "ApplePass ", "Bearer x", "ApplePass \x00", "x" * 9999]
)
async def test_a_wrong_token_is_refused(shop: Shop, authorization: str | None) -> None:
    """Missing and garbled authorizations are all the same: unauthenticated."""
    serial = (await shop.card())["serial_number"]
    with pytest.raises(Unauthenticated):
        await shop.services.passes.fetch(PASS_TYPE, serial, authorization, None)


async def test_a_token_opens_only_its_own_pass(shop: Shop) -> None:
    """The token of one pass is refused for another, for an unknown serial and for another pass type (W1)."""
    mine, other = (await shop.card())["serial_number"], (await shop.card())["serial_number"]
    for pass_type, serial in ((PASS_TYPE, other), (PASS_TYPE, "a" * 26), ("pass.other", mine), (PASS_TYPE, "")):
        with pytest.raises(Unauthenticated):
            await shop.services.passes.fetch(pass_type, serial, shop.authorization(mine), None)


async def test_concurrent_publishers_never_let_a_card_go_back(shop: Shop) -> None:
    """Publishers and fetches side by side with bookings: versions rise and the last one is the ledger's balance."""
    serial = (await shop.card())["serial_number"]
    seen: list[int] = []

    async def book() -> None:
        for _ in range(15):
            await shop.book(serial, "credit", 1)

    async def fetch() -> None:
        for _ in range(10):
            balance = shown_balance(await fetched(shop, serial))
            seen.append(balance)

    async def publish() -> None:
        for _ in range(20):
            await shop.services.publisher.publish_next(10)

    await asyncio.gather(book(), fetch(), publish(), publish())
    assert seen == sorted(seen)
    assert shown_balance(await fetched(shop, serial)) == await shop.balance(serial) == 15


async def test_a_revised_rule_reaches_every_card_of_the_program(shop: Shop) -> None:
    """A changed program publishes its cards anew."""
    serial = (await shop.card("stamp"))["serial_number"]
    first = await fetched(shop, serial)
    await shop.services.programs.update(shop.principal, shop.programs["stamp"], rules={"slots": 5})
    second = await fetched(shop, serial)
    assert first is not None
    assert second is not None
    assert first.etag != second.etag
