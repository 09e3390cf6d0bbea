"""The phone page as an ASGI application: the page, its pictures, live updates by server-sent events, and the buttons.

Every button is a plain form, so the page works without scripts; with them, changes show within a moment.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import httpx

from walletd.demo.google.android import SavedCard, VirtualAndroid
from walletd.demo.iphone.card import Card
from walletd.demo.iphone.card_html import colour_rules
from walletd.demo.iphone.iphone import PassRefused, VirtualIPhone
from walletd.demo.page_html import Phone, page_html, parts_html
from walletd.demo.texts.catalogues import choose_language, translations

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PAGES: Final = Path(__file__).parent / "pages"
_STATIC: Final = {
    "/static/phones.css": "text/css; charset=utf-8",
    "/static/phones.js": "text/javascript; charset=utf-8",
    "/static/phone.svg": "image/svg+xml",
}
_COLOURS = re.compile(r"/colours/([0-9a-f]{6}(?:-[0-9a-f]{6}){2})\.css")
_IMAGE = re.compile(r"/phones/(\d{1,4})/cards/([0-9a-f]{16})/(logo|strip|thumbnail|icon|hero)\.png")
_ADD = re.compile(r"/phones/(\d{1,4})/add")
_NETWORK = re.compile(r"/phones/(\d{1,4})/(go_offline|go_online)")
_CARD = re.compile(r"/phones/(\d{1,4})/cards/([0-9a-f]{16})/(refresh|delete)")
_FORM_BYTES_MAX: Final = 16_384
_STREAMS_MAX: Final = 100
_COALESCE_SECONDS: Final = 0.05
_KEEP_ALIVE_SECONDS: Final = 15.0
_SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Stream:
    """One open page: the phones whose parts it has not seen yet."""

    stale: set[int]
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class PhonePage:
    """Shows phones and presses their buttons. `close` ends the live streams, so that a server can stop."""

    def __init__(self, phones: Sequence[Phone]) -> None:
        self._phones = phones
        self._numbers = {phone.device_library_identifier: number for number, phone in enumerate(phones)}
        self._notices: dict[int, str] = {}
        self._streams: set[_Stream] = set()
        self._is_closing = False
        self._static = {path: (_PAGES / path.rpartition("/")[2]).read_bytes() for path in _STATIC}
        for phone in phones:
            phone.listeners.append(self._phone_changed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        language = choose_language(headers.get("accept-language", ""))
        if scope["path"] == "/events" and scope["method"] == "GET" and len(self._streams) < _STREAMS_MAX:
            await self._stream(language, receive, send)
            return
        if scope["method"] == "POST":
            answer = await self._press(scope["path"], headers, language, receive)
        else:
            answer = self._show(scope["path"], parse_qs(scope["query_string"].decode("latin-1")), language)
        await _respond(send, answer)

    def close(self) -> None:
        """End all live streams."""
        self._is_closing = True
        for stream in self._streams:
            stream.changed.set()

    def _show(self, path: str, query: dict[str, list[str]], language: str) -> _Answer:
        if path == "/":
            content = page_html(self._phones, self._notices, language).encode()
            vary = {"Cache-Control": "no-store", "Vary": "Accept-Language"}
            return _Answer(200, content, {"Content-Type": "text/html; charset=utf-8", **vary})
        if path in self._static:
            return _Answer(200, self._static[path], {"Content-Type": _STATIC[path], "Cache-Control": "no-cache"})
        for_ever = {"Cache-Control": "private, max-age=31536000, immutable"}
        if match := _COLOURS.fullmatch(path):
            return _Answer(200, colour_rules(match[1]).encode(), {"Content-Type": "text/css", **for_ever})
        if match := _IMAGE.fullmatch(path):
            card = self._card(int(match[1]), match[2])
            image = _image_of(card, match[3], query.get("language", ["en"])[0])
            if image is not None:
                return _Answer(200, image, {"Content-Type": "image/png", **for_ever})
        return _Answer(404, b"Not found", {"Content-Type": "text/plain"})

    async def _press(self, path: str, headers: dict[str, str], language: str, receive: Receive) -> _Answer:
        # Browsers say where a form comes from; other sites may not press buttons here.
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _Answer(403, b"This button belongs to another page", {"Content-Type": "text/plain"})
        form = parse_qs((await _body(receive)).decode("utf-8", "replace"))
        if not await self._act(path, form, language):
            return _Answer(404, b"Not found", {"Content-Type": "text/plain"})
        return _Answer(303, b"", {"Location": "/"})

    async def _act(self, path: str, form: dict[str, list[str]], language: str) -> bool:
        if match := _ADD.fullmatch(path):
            return await self._add(int(match[1]), form.get("url", [""])[0].strip(), language)
        if (match := _NETWORK.fullmatch(path)) and isinstance(phone := self._phone(int(match[1])), VirtualIPhone):
            (phone.go_offline if match[2] == "go_offline" else phone.go_online)()
            return True
        if match := _CARD.fullmatch(path):
            phone, card = self._phone(int(match[1])), self._card(int(match[1]), match[2])
            return _press_on_card(phone, card, match[3])
        return False

    async def _add(self, number: int, url: str, language: str) -> bool:
        phone = self._phone(number)
        if phone is None:
            return False
        gettext = translations(language).gettext
        self._notices.pop(number, None)
        try:
            await phone.add_from_url(url)
        except PassRefused as error:
            self._notices[number] = gettext("Not added: %(reason)s") % {"reason": error}
        except (httpx.HTTPError, httpx.InvalidURL):
            self._notices[number] = gettext("Nobody answers at this address.")
        self._phone_changed(phone)
        return True

    def _phone(self, number: int) -> Phone | None:
        return self._phones[number] if number < len(self._phones) else None

    def _card(self, number: int, card_id: str) -> Card | SavedCard | None:
        phone = self._phone(number)
        cards: Sequence[Card | SavedCard] = () if phone is None else list(phone.cards.values())
        return next((card for card in cards if card.card_id == card_id), None)

    def _phone_changed(self, phone: Phone) -> None:
        number = self._numbers[phone.device_library_identifier]
        for stream in self._streams:
            stream.stale.add(number)
            stream.changed.set()

    async def _stream(self, language: str, receive: Receive, send: Send) -> None:
        """Send changed parts as they change, until the page or the server goes."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", **_SECURITY}
        await send({"type": "http.response.start", "status": 200, "headers": _header_pairs(headers)})
        stream = _Stream(set(range(len(self._phones))))
        stream.changed.set()
        self._streams.add(stream)
        gone = asyncio.get_running_loop().create_task(_wait_for_disconnect(receive))
        gone.add_done_callback(lambda _: stream.changed.set())
        try:
            while not self._is_closing and not gone.done():
                await self._send_stale(stream, language, send)
                try:
                    await asyncio.wait_for(stream.changed.wait(), _KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    await _send_chunk(send, ": still here\n\n")
                await asyncio.sleep(_COALESCE_SECONDS)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._streams.discard(stream)
            gone.cancel()

    async def _send_stale(self, stream: _Stream, language: str, send: Send) -> None:
        stream.changed.clear()
        numbers, stream.stale = sorted(stream.stale), set()
        for number in numbers:
            parts = parts_html(number, self._phones[number], self._notices, language)
            await _send_chunk(send, f"data: {json.dumps({'phone': number, 'parts': parts})}\n\n")


def phone_app(phones: Sequence[Phone]) -> PhonePage:
    """Return the ASGI application that shows these phones."""
    return PhonePage(phones)


def _image_of(card: Card | SavedCard | None, name: str, language: str) -> bytes | None:
    if isinstance(card, SavedCard):
        return card.image(name)
    return None if card is None or name == "hero" else card.opened.image(name, language)


def _press_on_card(phone: Phone | None, card: Card | SavedCard | None, button: str) -> bool:
    if isinstance(phone, VirtualAndroid) and isinstance(card, SavedCard):
        if button == "delete":
            phone.delete_card(card.object_id)
        return button == "delete"
    if isinstance(phone, VirtualIPhone) and isinstance(card, Card):
        (phone.pull_to_refresh if button == "refresh" else phone.delete_card)(card.key)
        return True
    return False


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > _FORM_BYTES_MAX:
            return bytes(body[:_FORM_BYTES_MAX])


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_chunk(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _respond(send: Send, answer: _Answer) -> None:
    headers = {**_SECURITY, "Content-Length": str(len(answer.body)), **answer.headers}
    await send({"type": "http.response.start", "status": answer.status, "headers": _header_pairs(headers)})
    await send({"type": "http.response.body", "body": answer.body})


def _header_pairs(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
