"""Whatever is sent, the answer is never a 5xx, and the API's is always one that its document names (P21)."""

from __future__ import annotations

import asyncio
import re
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import soak_requests
from tests.fakes import AUTHORIZATION, PASS_TYPE, SERIAL, FakeServices
from tests.web.conftest import a_client, an_application
from walletd.web.guard import Edge

EXAMPLES = 5
"""A fifth of what `make soak` sends of each route."""


@cache
def application() -> Edge:
    """The application over stand-ins, made once for all examples."""
    return an_application(FakeServices())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_request_that_a_schema_can_make_is_answered_with_5xx(capsys: pytest.CaptureFixture[str]) -> None:
    """Valid and invalid requests of every route get an answer that the document describes."""
    assert soak_requests.main(["--examples", str(EXAMPLES)]) == 0
    answered = capsys.readouterr().out.partition(": answered ")[2]
    assert {int(status) for status in re.findall(r"\d+", answered)} >= {200, 201, 404, 422}


SEGMENTS = st.sampled_from(
    ["v1", "passes", "devices", "registrations", "log", PASS_TYPE, SERIAL, "device-1", "", "..", "%00", "%ff", "%"]
) | st.text(st.characters(codec="ascii", exclude_characters="/?#\r\n"), max_size=12).map(lambda text: text or "x")
HEADERS = st.dictionaries(
    st.sampled_from([b"authorization", b"if-modified-since", b"if-none-match", b"content-length", b"content-type"]),
    st.binary(max_size=40)
    | st.sampled_from([AUTHORIZATION.encode(), b"Mon, 23 Nov 2026 09:30:01 GMT", b'"version-1"']),
)
BODIES = st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(lambda value: httpx.Request("POST", "http://x", json=value).read())


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS", "X"]),
    segments=st.lists(SEGMENTS, max_size=7),
    query=st.binary(max_size=60),
    headers=HEADERS,
    body=BODIES,
)
@settings(max_examples=400)
def test_no_request_to_apples_routes_is_answered_with_5xx(
    method: str, segments: list[str], query: bytes, headers: dict[bytes, bytes], body: bytes
) -> None:
    """Any path, headers and body give one complete answer below 500, and errors without a body."""
    path = "/apple/" + "/".join(segments)
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": list(headers.items()),
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application()(scope, receive, send))  # type: ignore[arg-type]  # ASGI as a server sends it
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] < 500
    assert sent[0]["status"] == 200 or sent[1]["body"] == b""


@given(path=st.lists(SEGMENTS, max_size=4), user_agent=st.binary(max_size=60), language=st.binary(max_size=60))
@settings(max_examples=150)
def test_no_request_to_the_pages_is_answered_with_5xx(path: list[str], user_agent: bytes, language: bytes) -> None:
    """Any path, browser and language give a page or a problem."""

    async def ask() -> httpx.Response:
        async with a_client(application()) as client:
            headers = {b"user-agent": user_agent, b"accept-language": language}
            url = httpx.URL("https://cards.example", raw_path=quote(f"/add/{'/'.join(path)}", safe="/%").encode())
            return await client.get(url, headers=headers)

    assert asyncio.run(ask()).status_code < 500
