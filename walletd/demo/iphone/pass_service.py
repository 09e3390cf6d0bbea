"""A phone's side of the PassKit web service: the calls of A2, their answers, and retries with growing delays.

It decides nothing about passes; `iphone` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx

from walletd.demo.iphone.card import Card, ServiceKey
from walletd.demo.iphone.safari import PKPASS

_USER_AGENT: Final = "passd/1.0 CFNetwork/3826.500.131 Darwin/24.5.0"
_TIMEOUT_SECONDS: Final = 30.0


class _Call(NamedTuple):
    """A kind of request: how iOS names it, its method, and the statuses that mean something."""

    task: str
    method: str
    statuses: tuple[int, ...]


_REGISTER: Final = _Call("Register task", "POST", (200, 201))
_UNREGISTER: Final = _Call("Unregister task", "DELETE", (200,))
_CHANGES: Final = _Call("Get serial #s task", "GET", (200, 204))
_FETCH: Final = _Call("Get pass task", "GET", (200, 304))


class GaveUp(Exception):
    """No usable answer came, not even after retries; `status` is the last one, None where nobody answered."""

    def __init__(self, task: str, status: int | None) -> None:
        super().__init__(task)
        self.task = task
        self.status = status

    @property
    def may_recover(self) -> bool:
        """Whether the same request may well succeed later."""
        return self.status is None or _is_trouble(self.status)


class Offline(Exception):
    """The phone has no network now."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The answer to "what changed": serial numbers and the new tag, both as the server gave them."""

    serials: tuple[str, ...]
    tag: object
    """A text, as it must be; None where it is missing; anything else is ignored by phones (W8)."""


@dataclass(frozen=True, slots=True)
class FetchedPass:
    """A pass as it came, with its Last-Modified where there was one."""

    content: bytes
    last_modified: str | None


OnUnexpected = Callable[[str, int], None]


class PassService:
    """Speaks to web services for one phone. `on_unexpected(task, status)` hears of every status without a meaning."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        device: str,
        retry_delays_seconds: tuple[float, ...],
        on_unexpected: OnUnexpected,
    ) -> None:
        self.is_online = True
        self.requests_made = 0
        self._http = http
        self._device = device
        self._retry_delays_seconds = retry_delays_seconds
        self._on_unexpected = on_unexpected

    async def register(self, card: Card, push_token: str) -> None:
        """Register a card for pushes, or refresh its push token."""
        await self._ask(_REGISTER, self._registration(card), card, {"pushToken": push_token})

    async def unregister(self, card: Card) -> None:
        """End the registration of a card."""
        await self._ask(_UNREGISTER, self._registration(card), card)

    async def changes(self, service: ServiceKey, tag: str | None) -> Changes | None:
        """Ask which cards changed since the tag; None where nothing did."""
        path = f"/v1/devices/{quote(self._device, safe='')}/registrations/{quote(service.pass_type, safe='')}"
        query = "" if tag is None else f"?passesUpdatedSince={quote(tag, safe='')}"
        response = await self._ask(_CHANGES, f"{service.url}{path}{query}")
        if response.status_code == 204:
            return None
        body = _json_object(response)
        serials = body.get("serialNumbers")
        if not isinstance(serials, list) or not all(isinstance(each, str) for each in serials):
            raise GaveUp(_CHANGES.task, response.status_code)
        return Changes(tuple(serials), body.get("lastUpdated"))

    async def fetch(self, card: Card) -> FetchedPass | None:
        """Fetch a card, conditionally where the phone knows a Last-Modified; None where it is unchanged."""
        opened = card.opened
        path = f"/v1/passes/{quote(opened.pass_type_identifier, safe='')}/{quote(opened.serial_number, safe='')}"
        response = await self._ask(_FETCH, f"{opened.web_service_url}{path}", card)
        if response.status_code == 304:
            return None
        media_type = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        content = response.content if media_type == PKPASS else b""
        return FetchedPass(content, response.headers.get("Last-Modified"))

    async def log(self, service_url: str, lines: list[str]) -> bool:
        """Post complaints; tries once, and says whether the server took them."""
        if not self.is_online:
            return False
        try:
            response = await self._send("POST", f"{service_url}/v1/log", {}, {"logs": lines})
        except httpx.TransportError:
            return False
        return response.status_code == 200

    def _registration(self, card: Card) -> str:
        opened = card.opened
        parts = (self._device, "registrations", opened.pass_type_identifier, opened.serial_number)
        return f"{opened.web_service_url}/v1/devices/{'/'.join(quote(part, safe='') for part in parts)}"

    async def _ask(
        self,
        call: _Call,
        url: str,
        card: Card | None = None,
        body: object = None,
    ) -> httpx.Response:
        """Send a request, again and again with growing delays while nobody answers or the server is in trouble."""
        headers = {}
        if card is not None:
            headers["Authorization"] = f"ApplePass {card.opened.authentication_token}"
            if call is _FETCH and card.last_modified is not None:
                headers["If-Modified-Since"] = card.last_modified
        status: int | None = None
        for delay in (*self._retry_delays_seconds, None):
            if not self.is_online:
                raise Offline
            try:
                response = await self._send(call.method, url, headers, body)
            except httpx.TransportError:
                status = None
            else:
                status = response.status_code
                if status in call.statuses:
                    return response
                self._on_unexpected(call.task, status)
                if not _is_trouble(status):
                    break
            if delay is not None:
                await asyncio.sleep(delay)
        raise GaveUp(call.task, status)

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: object) -> httpx.Response:
        self.requests_made += 1
        return await self._http.request(
            method,
            url,
            headers={"User-Agent": _USER_AGENT, "Accept": "*/*", **headers},
            json=body,
            follow_redirects=False,
            timeout=_TIMEOUT_SECONDS,
        )


def _is_trouble(status: int) -> bool:
    return status == 429 or status >= 500


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
