"""Which addresses a webhook may lead to (B31)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest

from walletd.channels.addresses import AddressGuard, BlockedTarget, UnknownHost, is_public

PRIVATE = (
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",  # noqa: S104 - an address that must be refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
)


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_only_this_machine_or_network_reaches_is_not_public(text: str) -> None:
    """Loopback, private, link-local, shared, documentation, multicast, and IPv6 that hides one of them."""
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_an_address_that_everybody_reaches_is_public(text: str) -> None:
    """The rest of both internets."""
    assert is_public(ipaddress.ip_address(text))


def a_guard(*addresses: str, allowed: str = "") -> AddressGuard:
    """A guard whose only name has these addresses."""

    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return AddressGuard([ipaddress.ip_network(allowed)] if allowed else [], resolver)


async def test_one_private_address_among_many_blocks_the_name() -> None:
    """Whoever may choose among the addresses must find no private one."""
    assert await a_guard("1.1.1.1", "2606:4700::1111").addresses("hooks.example", 443) == ["1.1.1.1", "2606:4700::1111"]
    with pytest.raises(BlockedTarget, match=r"10\.0\.0\.7"):
        await a_guard("1.1.1.1", "10.0.0.7").addresses("hooks.example", 443)


async def test_a_network_that_the_operator_allows_may_be_called_in_every_form() -> None:
    """The till's server in the shop's own network; nothing beside it."""
    guard = a_guard("10.1.0.7", "::ffff:10.1.0.8", allowed="10.1.0.0/16")
    assert len(await guard.addresses("till.lan", 443)) == 2
    assert await guard.is_inside("till.lan", 443)
    with pytest.raises(BlockedTarget):
        await a_guard("10.2.0.7", allowed="10.1.0.0/16").addresses("till.lan", 443)


async def test_a_name_without_an_address_is_unknown() -> None:
    """Nothing is connected to."""
    with pytest.raises(UnknownHost):
        await a_guard().addresses("nowhere.example", 443)
