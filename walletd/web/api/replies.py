"""How the API answers: JSON once encoded, and the ready answers of the services byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from litestar import Response

from walletd.domain.pages import Page
from walletd.services.idempotency import Answer
from walletd.web.errors import PROBLEM_TYPE

JSON = "application/json"
_encode = msgspec.json.Encoder().encode
Item = TypeVar("Item")
Document = msgspec.Struct | Mapping[str, object]


def json_reply(answer: Document, status: int = 200) -> Response[bytes]:
    """Return a document as JSON."""
    return Response(_encode(answer), status_code=status, media_type=JSON)


def page_reply(page: Page[Item], answer: Callable[[Item], Document]) -> Response[bytes]:
    """Return a page of a list: `{"items": […], "next_cursor": …}` (api.md 4)."""
    items = [answer(item) for item in page.items]
    return Response(_encode({"items": items, "next_cursor": page.next_cursor}), media_type=JSON)


def answer_reply(answer: Answer) -> Response[bytes]:
    """Return the bytes of a booked, or declined, request as they were stored (reliability.md P3)."""
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=PROBLEM_TYPE if answer.status >= 400 else JSON,
        headers={"idempotency-replayed": "true"} if answer.replayed else None,
    )
