"""How the API answers: JSON once encoded, and the ready answers of the services byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
from litestar.types import Receive, Scope, Send

from walletd.domain.pages import Page
from walletd.services.idempotency import Answer
from walletd.web.errors import PROBLEM_TYPE

JSON: Final = "application/json"
_encode: Final = msgspec.json.Encoder().encode
Item = TypeVar("Item")
Document = msgspec.Struct | Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes with a status; an ASGI application that sends them.

    The answers of the API are complete bytes, so Litestar's Response would only copy their headers around.
    """

    body: bytes
    status: int = 200
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the answer."""
        headers = [
            (b"content-type", self.media_type.encode()),
            (b"content-length", str(len(self.body)).encode()),
            *((name.encode(), value.encode()) for name, value in self.headers.items()),
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """A file that is sent while it is being made, in bounded memory; an ASGI application that sends it."""

    chunks: AsyncIterator[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the file; where making it fails, the connection breaks, so that no half file passes for a whole."""
        headers = [
            (b"content-type", self.media_type.encode()),
            *((name.encode(), value.encode()) for name, value in self.headers.items()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for chunk in self.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def json_reply(answer: Document, status: int = 200) -> Reply:
    """Return a document as JSON."""
    return Reply(_encode(answer), status)


def page_reply(page: Page[Item], answer: Callable[[Item], Document]) -> Reply:
    """Return a page of a list: `{"items": […], "next_cursor": …}`."""
    items = [answer(item) for item in page.items]
    return Reply(_encode({"items": items, "next_cursor": page.next_cursor}))


def answer_reply(answer: Answer) -> Reply:
    """Return the bytes of a booked, or declined, request as they were stored (P3)."""
    return Reply(
        answer.body,
        answer.status,
        PROBLEM_TYPE if answer.status >= 400 else JSON,
        {"idempotency-replayed": "true"} if answer.replayed else {},
    )
