"""Whose word about the client's address counts: reverse proxies that the operator listed, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from litestar.types import HTTPScope

_FORWARDING: Final = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"})


class Proxies:
    """The reverse proxies whose word about the client's address counts."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(text, strict=False) for text in trusted
        )

    def client_address(self, scope: HTTPScope) -> str:
        """Return the address of the client: the rightmost one that no trusted proxy has.

        A connection without an address came over a local socket, which only the operator can reach: it counts as
        loopback. Text in X-Forwarded-For that is no address ends the search, so it can name nobody else.
        """
        peer = scope["client"]
        address = _plain(peer[0]) if peer is not None else "127.0.0.1"
        forwarded = _forwarded_for(scope)
        while forwarded and self.is_trusted(address):
            candidate = _plain(forwarded.pop())
            if not candidate:
                break
            address = candidate
        return address

    def is_trusted(self, address: str) -> bool:
        """Say whether the address is one of the trusted proxies."""
        return bool(address) and any(ip_address(address) in network for network in self._networks)

    def is_operator(self, scope: HTTPScope) -> bool:
        """Say whether a request comes from this machine or a trusted proxy itself, forwarded for nobody.

        A proxy forwards the requests of strangers from an address that looks like the operator's; its forwarding
        headers give it away.
        """
        if any(name in _FORWARDING for name, _ in scope["headers"]):
            return False
        address = self.client_address(scope)
        return self.is_trusted(address) or (bool(address) and ip_address(address).is_loopback)


def _forwarded_for(scope: HTTPScope) -> list[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [part.strip() for part in b",".join(values).decode("latin-1").split(",") if part.strip()]


def _plain(address: str) -> str:
    """Return the address in one spelling, IPv4 where it is mapped into IPv6; empty for text that is no address."""
    try:
        parsed = ip_address(address.strip("[]"))
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
