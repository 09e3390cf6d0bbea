"""Which addresses may be called: every address of a name is checked, and the one that was checked is connected to.

Whoever enters a URL must not be able to reach what only this machine reaches: other services behind the firewall, the
cloud's metadata, walletd itself (B31). A name that changes its address between check and connection
gains nothing, because it is not looked up again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class BlockedTarget(Exception):
    """The name leads to an address that must not be called."""


class UnknownHost(Exception):
    """The name leads nowhere."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, or the address that is written in its place; raises UnknownHost."""
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHost(f"{host} cannot be resolved") from error
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def is_public(address: Address) -> bool:
    """Say whether an address is reachable by anybody; forms of IPv6 that hide an IPv4 address count as that one."""
    hidden = _hidden(address)
    if hidden is not None:
        return is_public(hidden)
    return address.is_global and not (address.is_multicast or address.is_reserved)


class AddressGuard:
    """Returns the addresses of a name where all of them may be called; `allowed` lists private networks that may."""

    def __init__(self, allowed: Iterable[Network] = (), resolver: Resolve = resolve) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolver

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return all addresses of a host; raises BlockedTarget where one of them must not be called, UnknownHost."""
        found = await self._resolve(host, port)
        if not found:
            raise UnknownHost(f"{host} has no address")
        for text in found:
            if not self._may_be_called(ipaddress.ip_address(text)):
                raise BlockedTarget(f"{host} leads to {text}, which is not on the public internet")
        return list(found)

    async def is_inside(self, host: str, port: int) -> bool:
        """Say whether all addresses of a host lie in the private networks that are allowed."""
        addresses = [ipaddress.ip_address(text) for text in await self._resolve(host, port)]
        return bool(addresses) and all(self._is_allowed(address) for address in addresses)

    def _may_be_called(self, address: Address) -> bool:
        return self._is_allowed(address) or is_public(address)

    def _is_allowed(self, address: Address) -> bool:
        plain = _hidden(address) or address
        return any(plain.version == network.version and plain in network for network in self._allowed)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to names through the guard, and to nothing else."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; TLS still asks for the certificate of the name."""
        error: Exception = httpcore.ConnectError("no address")
        for address in await self._guard.addresses(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
        raise error

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: a URL never leads to a socket of this machine."""
        del timeout, socket_options
        raise BlockedTarget(f"{path} is a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


def _hidden(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address inside an IPv6 address: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (None if teredo is None else teredo[1])
