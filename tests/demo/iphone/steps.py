"""What a person and the shop do in these tests, and what the phone thought of it."""

from __future__ import annotations

from tests.demo.iphone.passes import PASS_TYPE
from walletd.demo.iphone.card import CardKey, ServiceKey
from walletd.demo.iphone.iphone import Code, VirtualIPhone

SERIAL = "serial-0001"
KEY = CardKey(PASS_TYPE, SERIAL)
SERVICE = ServiceKey("http://shop.test/wallet", PASS_TYPE)
ADD_URL = f"http://shop.test/add/{SERIAL}"


async def installed(phone: VirtualIPhone) -> None:
    """Add the shop's card and wait until it is registered and fetched."""
    await phone.add_from_url(ADD_URL)
    await phone.until_idle()


async def pushed(phone: VirtualIPhone) -> None:
    """Push and wait for what the phone does about it."""
    phone.receive_push(PASS_TYPE)
    await phone.until_idle()


def codes(phone: VirtualIPhone) -> list[Code]:
    """The codes of everything the phone complained about."""
    return [complaint.code for complaint in phone.complaints]
