"""The phone reports a misbehaving server in the words of iOS, and nothing of a server that behaves (A8)."""

from __future__ import annotations

from tests.demo.conftest import MovableClock
from tests.demo.iphone.steps import KEY, SERIAL, SERVICE, codes, installed, pushed
from tests.demo.shop import Shop
from walletd.demo.iphone.iphone import Code, VirtualIPhone


async def test_code_0_pass_unchanged_after_requested_update(
    phone: VirtualIPhone,
    shop: Shop,
    clock: MovableClock,
) -> None:
    """The list names a card whose content is the same: reported once the knowledge is five minutes old."""
    await installed(phone)
    clock.advance(301)
    shop.publish(SERIAL, 10)
    await pushed(phone)
    assert Code.UNCHANGED in codes(phone)
    assert any("but the pass was unchanged" in line for line in shop.log)


async def test_code_0_is_forgiven_within_five_minutes(phone: VirtualIPhone, shop: Shop, clock: MovableClock) -> None:
    """A race between two updates is nobody's fault."""
    await installed(phone)
    clock.advance(299)
    shop.publish(SERIAL, 10)
    await pushed(phone)
    assert Code.UNCHANGED not in codes(phone)


async def test_code_1_last_modified_missing(phone: VirtualIPhone, shop: Shop) -> None:
    """A pass without Last-Modified cannot be fetched conditionally."""
    shop.faults.add("no_last_modified")
    await installed(phone)
    assert codes(phone) == [Code.NO_LAST_MODIFIED]
    assert "did not provide a 'last-modified' header" in shop.log[0]


async def test_code_2_condition_ignored(phone: VirtualIPhone, shop: Shop) -> None:
    """The whole pass comes although it is the same."""
    await installed(phone)
    shop.faults.add("ignore_condition")
    phone.pull_to_refresh(KEY)
    await phone.until_idle()
    assert codes(phone) == [Code.IF_MODIFIED_SINCE_IGNORED]
    assert "Server ignored the 'if-modified-since' header" in shop.log[0]


async def test_code_3_spurious_push_after_five_minutes(phone: VirtualIPhone, shop: Shop, clock: MovableClock) -> None:
    """A push without changes is reported when the tag is older than five minutes."""
    await installed(phone)
    clock.advance(301)
    await pushed(phone)
    assert codes(phone) == [Code.SPURIOUS_PUSH]
    assert "Device received spurious push" in shop.log[0]


async def test_code_3_is_forgiven_within_five_minutes(phone: VirtualIPhone, clock: MovableClock) -> None:
    """A doubled push is nobody's fault."""
    await installed(phone)
    clock.advance(299)
    await pushed(phone)
    assert codes(phone) == []


async def test_code_4_unregistered_serial(phone: VirtualIPhone, shop: Shop) -> None:
    """The list names a card this phone never registered."""
    await installed(phone)
    shop.faults.add("foreign_serial")
    await pushed(phone)
    assert codes(phone) == [Code.UNREGISTERED_SERIAL]
    assert "Update requested for unregistered serial number somebody-elses" in shop.log[0]


async def test_code_5_tag_missing(phone: VirtualIPhone, shop: Shop) -> None:
    """Serial numbers without lastUpdated are reported, and fetched all the same."""
    await installed(phone)
    shop.publish(SERIAL, 40)
    shop.faults.add("no_tag")
    await pushed(phone)
    assert codes(phone) == [Code.TAG_MISSING]
    assert "omitted a lastUpdated tag" in shop.log[0]
    assert phone.card(SERIAL).value("balance") == "40"


async def test_code_6_tag_unchanged(phone: VirtualIPhone, shop: Shop) -> None:
    """Serial numbers with the tag that was sent are reported."""
    await installed(phone)
    shop.faults.add("same_tag")
    await pushed(phone)
    assert codes(phone) == [Code.TAG_UNCHANGED]
    assert "remained the same" in shop.log[0]


async def test_tag_of_an_empty_list_is_kept(phone: VirtualIPhone, shop: Shop) -> None:
    """A tag without serial numbers moves the phone on all the same."""
    await installed(phone)
    shop.faults.add("empty_list")
    await pushed(phone)
    assert phone.tags == {SERVICE: "77"}
    assert codes(phone) == []


async def test_same_content_under_a_new_date_is_reported_as_ios_does(phone: VirtualIPhone, shop: Shop) -> None:
    """Where a card went there and back between two fetches, iOS takes the new date for an ignored condition."""
    await installed(phone)
    shop.publish(SERIAL, 70)
    shop.publish(SERIAL, 10)
    await pushed(phone)
    assert codes(phone) == [Code.IF_MODIFIED_SINCE_IGNORED]


async def test_number_as_tag_is_ignored_without_a_word(phone: VirtualIPhone, shop: Shop) -> None:
    """A lastUpdated that is not a string makes the phone do nothing at all (W8)."""
    await installed(phone)
    shop.publish(SERIAL, 50)
    shop.faults.add("number_tag")
    await pushed(phone)
    assert phone.card(SERIAL).value("balance") == "10"
    assert codes(phone) == []


async def test_update_with_another_authentication_token_is_invalid(phone: VirtualIPhone, shop: Shop) -> None:
    """The phone keeps the old pass and reports invalid pass data."""
    await installed(phone)
    token = shop.passes[SERIAL].document["authenticationToken"]
    shop.publish(SERIAL, 60, authenticationToken="another-token-1234")
    shop.passes[SERIAL].document["authenticationToken"] = token
    await pushed(phone)
    assert codes(phone) == [Code.INVALID_PASS]
    assert phone.card(SERIAL).value("balance") == "10"
