"""Whatever is sent, the answer is never a 5xx, and the API's is always one that its document names (P21)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from tests.fakes import AUTHORIZATION, PASS_TYPE, SERIAL, FakeServices
from tests.web.conftest import a_client, an_application
from tests.web.serving import Served, serving_shop
from walletd.web.guard import Edge


@cache
def application() -> Edge:
    """The application over stand-ins, made once for all examples."""
    return an_application(FakeServices())


@pytest.fixture
def served(sqlite_url: str) -> Iterator[Served]:
    """A shop that real requests reach."""
    with serving_shop(sqlite_url) as shop:
        yield shop


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_request_that_a_schema_can_make_is_answered_with_5xx(served: Served) -> None:
    """Valid and invalid requests of every route get an answer that the document describes."""
    address = served.address
    schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json")
    statuses: set[int] = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        # A path that an example turned into another one is answered by whatever is there.
        possible = {int(status) for status in operation.definition.raw["responses"]} | {400, 404, 405}
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            for status in send_examples(operation.as_strategy(mode), address, served.api_key):
                assert status in possible, operation.label
                statuses.add(status)
    assert statuses >= {200, 201, 404, 422}


def send_examples(strategy: st.SearchStrategy[Any], address: str, key: str) -> set[int]:
    """Send some examples and return the statuses of their answers."""
    statuses: set[int] = set()

    @settings(max_examples=25, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    @given(strategy)
    def send(case: schemathesis.Case[Any]) -> None:
        answer = case.call(f"{address}/api/v1", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code < 500, answer.text
        statuses.add(answer.status_code)

    send()
    return statuses


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
