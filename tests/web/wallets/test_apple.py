"""Apple's protocol at the edge, clause by clause (W1 to W27, B18 to B26)."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from tests.fakes import AUTHORIZATION, PASS_TYPE, PUSH_TOKEN, SERIAL, FakeServices, a_pass_file
from walletd.domain.errors import RateLimited, SigningUnavailable, StorageFull
from walletd.web.wallets.apple import log_lines

PASS = f"/apple/v1/passes/{PASS_TYPE}/{SERIAL}"
LIST = f"/apple/v1/devices/device-1/registrations/{PASS_TYPE}"
REGISTRATION = f"{LIST}/{SERIAL}"
AUTHORIZED = {"authorization": AUTHORIZATION}


async def test_a_phone_walks_through_the_protocol(client: httpx.AsyncClient, services: FakeServices) -> None:
    """A phone registers, asks what changed, fetches, is told of nothing new, sees a change, and unregisters."""
    body = {"pushToken": PUSH_TOKEN}
    assert (await client.post(REGISTRATION, headers=AUTHORIZED, json=body)).status_code == 201
    assert (await client.post(REGISTRATION, headers=AUTHORIZED, json=body)).status_code == 200

    changed = await client.get(LIST)
    assert changed.json() == {"serialNumbers": [SERIAL], "lastUpdated": "7"}
    assert changed.headers["content-type"] == "application/json"
    assert (await client.get(LIST, params={"passesUpdatedSince": "7"})).status_code == 204

    first = await client.get(PASS, headers=AUTHORIZED)
    assert (first.status_code, first.content) == (200, a_pass_file(1).content)
    conditional = AUTHORIZED | {"if-modified-since": first.headers["last-modified"]}
    assert (await client.get(PASS, headers=conditional)).status_code == 304
    services.passes.version = 2
    second = await client.get(PASS, headers=conditional)
    assert (second.status_code, second.content) == (200, a_pass_file(2).content)

    assert (await client.delete(REGISTRATION, headers=AUTHORIZED)).status_code == 200
    assert (await client.delete(REGISTRATION, headers=AUTHORIZED)).status_code == 200
    assert (await client.get(LIST)).status_code == 204


async def test_a_pass_has_exactly_one_of_each_header(client: httpx.AsyncClient) -> None:
    """A pass is sent with its type, date and hash, once each, and is not to be stored (W15, W18)."""
    answer = await client.get(PASS, headers=AUTHORIZED)
    names = [name.lower() for name, _ in answer.headers.raw]
    assert sorted(names) == [
        b"cache-control",
        b"content-length",
        b"content-type",
        b"etag",
        b"last-modified",
        b"x-content-type-options",
    ]
    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    assert answer.headers["last-modified"] == a_pass_file().last_modified
    assert answer.headers["cache-control"] == "private, no-store"


async def test_head_on_the_pass_has_the_headers_of_get_and_no_body(client: httpx.AsyncClient) -> None:
    """HEAD is seen in the wild and answers as GET does, without the pass (W19, B24)."""
    head = await client.head(PASS, headers=AUTHORIZED)
    get = await client.get(PASS, headers=AUTHORIZED)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "ApplePass",
        "ApplePass ",
        "ApplePassabc",
        "Basic YTpi",
        "Bearer abc",
        "ApplePass ä",
        "ApplePass a b",
        "ApplePass " + "x" * 10_000,
        "ApplePass 00000000000000000000000000000000",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", PASS), ("HEAD", PASS), ("POST", REGISTRATION), ("DELETE", REGISTRATION)]
)
async def test_a_missing_garbled_or_wrong_token_is_answered_with_an_empty_401(
    client: httpx.AsyncClient, method: str, path: str, header: str | None
) -> None:
    """Whatever is wrong with the token, the answer is the same and says nothing (W1, W2, B18)."""
    headers = {} if header is None else {b"authorization": header.encode("latin-1")}
    answer = await client.request(method, path, headers=headers)
    assert (answer.status_code, answer.content) == (401, b"")


async def test_two_authorization_headers_are_garbled(client: httpx.AsyncClient) -> None:
    """Two tokens are no token, so that no part of the way can see another one than walletd."""
    headers = [("authorization", AUTHORIZATION), ("authorization", AUTHORIZATION)]
    assert (await client.get(PASS, headers=headers)).status_code == 401


@pytest.mark.parametrize("serial", ["unknown", "%00", "..", "%2e%2e%2f", "%ff", "a" * 5_000, "%F0%9F%98%80"])
async def test_an_unknown_serial_number_is_answered_like_a_wrong_token(client: httpx.AsyncClient, serial: str) -> None:
    """A serial number that does not exist, or cannot, gives 401: nobody can find out which ones do (W1)."""
    answer = await client.get(f"/apple/v1/passes/{PASS_TYPE}/{serial}", headers=AUTHORIZED)
    assert answer.status_code in {401, 404}
    assert answer.status_code == 401 or "." in serial
    assert answer.content == b""


async def test_a_pass_that_went_out_is_remembered(client: httpx.AsyncClient, services: FakeServices) -> None:
    """Staff can see what a phone has fetched: a whole pass counts, a 304 and a HEAD do not."""
    await client.head(PASS, headers=AUTHORIZED)
    await client.get(PASS, headers=AUTHORIZED | {"if-modified-since": a_pass_file().last_modified})
    assert services.passes.delivered_versions == []
    await client.get(PASS, headers=AUTHORIZED)
    assert services.passes.delivered_versions == [1]


async def test_the_scheme_is_taken_in_any_case(client: httpx.AsyncClient) -> None:
    """Schemes are case-insensitive in HTTP; the services see Apple's spelling."""
    lowered = {"authorization": AUTHORIZATION.replace("ApplePass", "applepass")}
    assert (await client.get(PASS, headers=lowered)).status_code == 200


async def test_the_scheme_of_other_wallets_reaches_the_services(client: httpx.AsyncClient) -> None:
    """Android wallets send their own scheme; the edge lets it through for the services to judge (W3)."""
    answer = await client.get(PASS, headers={"authorization": AUTHORIZATION.replace("ApplePass", "AndroidPass")})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", [f"{PASS}/", f"/apple/{PASS.removeprefix('/apple')}", f"/apple//{PASS[7:]}//"])
async def test_double_and_trailing_slashes_are_tolerated(client: httpx.AsyncClient, path: str) -> None:
    """Readers build `…//v1` and add slashes at the end (W24)."""
    assert (await client.get(path, headers=AUTHORIZED)).status_code == 200


async def test_a_percent_encoded_segment_is_decoded_once(client: httpx.AsyncClient) -> None:
    """Path segments arrive percent-encoded, and a slash inside one does not split it (W23)."""
    encoded = PASS_TYPE.replace(".", "%2E")
    assert (await client.get(f"/apple/v1/passes/{encoded}/{SERIAL}", headers=AUTHORIZED)).status_code == 200
    assert (await client.get(f"/apple/v1/passes/{encoded}%2F{SERIAL}", headers=AUTHORIZED)).status_code == 404
    assert (await client.get(f"/apple/v1/passes/{PASS_TYPE}/{SERIAL[:-1]}%257A", headers=AUTHORIZED)).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PASS, "GET, HEAD"),
        ("POST", LIST, "GET"),
        ("GET", REGISTRATION, "POST, DELETE"),
        ("GET", "/apple/v1/log", "POST"),
        ("OPTIONS", PASS, "GET, HEAD"),
    ],
)
async def test_an_unknown_method_is_named_with_those_allowed(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    """A method that a route does not know gives 405 with Allow, and no body."""
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, allowed, b"")


@pytest.mark.parametrize(
    "path", ["/apple/", "/apple/v1", "/apple/v2/log", f"{PASS}/x", "/apple/v1/devices//registrations/t"]
)
async def test_an_unknown_path_is_an_empty_404(client: httpx.AsyncClient, path: str) -> None:
    """Paths that Apple does not define give 404 without a body, and never a redirect (W24)."""
    answer = await client.get(path)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{'pushToken': 1}",
        b'{"pushToken": 7}',
        b'{"pushToken": "../../x"}',
        b'{"pushToken": ""}',
        b'{"pushToken": "' + b"a" * 10_240 + b'"}',
        b'{"pushToken": ' * 10_000,
        b'{"pushToken": ' + b"1" * 10_000 + b"}",
    ],
)
async def test_a_push_token_that_is_none_registers_nothing(
    client: httpx.AsyncClient, services: FakeServices, body: bytes
) -> None:
    """A body without a usable push token gives 400 and leaves no registration (B20)."""
    answer = await client.post(REGISTRATION, headers=AUTHORIZED, content=body)
    assert (answer.status_code, answer.content) == (413 if len(body) > 65_536 else 400, b"")
    assert services.devices.push_tokens == {}


@pytest.mark.parametrize(
    "media_type", [None, "text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded"]
)
async def test_a_registration_is_taken_with_any_content_type(client: httpx.AsyncClient, media_type: str | None) -> None:
    """The type of the body is not looked at; some clients send none (W24)."""
    headers = AUTHORIZED if media_type is None else AUTHORIZED | {"content-type": media_type}
    answer = await client.post(REGISTRATION, headers=headers, content=json.dumps({"pushToken": PUSH_TOKEN}))
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("query", "tag"),
    [
        ("", None),
        ("passesUpdatedSince=", None),
        ("passesUpdatedSince=12", "12"),
        ("passesUpdatedSince=2026-11-23T09:30:00+00:00", "2026-11-23T09:30:00 00:00"),
        ("passesUpdatedSince=%ff%00", "\ufffd\x00"),
        ("passesUpdatedSince=1&passesUpdatedSince=2", None),
        ("passesUpdatedSince=" + "9" * 1_000, None),
        ("&".join(f"a{number}=1" for number in range(100)), None),
    ],
)
async def test_the_list_never_refuses_a_tag(
    client: httpx.AsyncClient, services: FakeServices, query: str, tag: str | None
) -> None:
    """Whatever stands in the query, the list answers 200 or 204 (W12, B21 and B22)."""
    answer = await client.get(f"{LIST}?{query}")
    assert answer.status_code == 204
    assert services.devices.tags == [tag]


async def test_the_list_needs_no_token_and_tells_an_unknown_device_nothing(client: httpx.AsyncClient) -> None:
    """The device's identifier is its secret; an unknown or impossible one gets 204 (B22)."""
    for device in ("unknown", "%00", "a" * 1_000):
        answer = await client.get(f"/apple/v1/devices/{device}/registrations/{PASS_TYPE}")
        assert (answer.status_code, answer.content) == (204, b"")


async def test_an_etag_is_compared_instead_of_the_date(client: httpx.AsyncClient) -> None:
    """If-None-Match decides alone where it is sent: other clients than Apple's use it (W18, RFC 9110 13.1)."""
    file = a_pass_file()
    same = {"if-none-match": f'"other", W/{file.etag}'}
    other = {"if-none-match": '"other"', "if-modified-since": file.last_modified}
    unchanged = await client.get(PASS, headers=AUTHORIZED | same)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", file.etag)
    assert (await client.get(PASS, headers=AUTHORIZED | other)).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        (SigningUnavailable(), 503, "300"),
        (RateLimited(retry_after_seconds=17.2), 429, "18"),
        (StorageFull(), 503, "60"),
        (ZeroDivisionError(), 500, None),
    ],
)
async def test_trouble_is_answered_without_a_body_and_says_when_to_return(
    client: httpx.AsyncClient, services: FakeServices, fault: Exception, status: int, retry_after: str | None
) -> None:
    """A phone learns the status and how long to wait, and nothing else (P15)."""
    services.passes.fault = services.devices.fault = fault
    for answer in (
        await client.get(PASS, headers=AUTHORIZED),
        await client.post(REGISTRATION, headers=AUTHORIZED, json={"pushToken": PUSH_TOKEN}),
    ):
        assert (answer.status_code, answer.content) == (status, b"")
        assert answer.headers.get("retry-after") == retry_after


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b'{"logs": ["one", "two"]}', ["one", "two"]),
        (b'["one"]', ["one"]),
        (b'"one"', ["one"]),
        (b'{"logs": "one"}', ["one"]),
        (b'{"logs": [{"a": 1}, 2]}', ['{"a": 1}', "2"]),
        (b"not json", ["not json"]),
        (b'{"other": 1}', []),
        (b'{"logs": ["\\ud800x", ""]}', ["?x"]),
        (b"\xff\xfe", ["\ufffd\ufffd"]),
        (b"", []),
    ],
)
async def test_the_log_takes_what_devices_send(
    client: httpx.AsyncClient, services: FakeServices, body: bytes, lines: list[str]
) -> None:
    """Apple's form, a bare array and plain text are all taken with 200 (W22)."""
    assert (await client.post("/apple/v1/log", content=body)).status_code == 200
    assert services.devices.lines == lines


async def test_the_log_refuses_a_flood_and_a_parser_bomb(client: httpx.AsyncClient, services: FakeServices) -> None:
    """Five megabytes give 413 and ten thousand brackets 400; nothing is kept of either (B25)."""
    assert (await client.post("/apple/v1/log", content=b"x" * 5_000_000)).status_code == 413
    assert (await client.post("/apple/v1/log", content=b"[" * 10_000)).status_code == 400
    assert (await client.post("/apple/v1/log", content=b'{"a":' * 10_000)).status_code == 400
    assert services.devices.lines == []


def test_the_log_is_cut_to_twenty_lines_of_a_kilobyte_and_sixteen_in_all() -> None:
    """However much is sent, 20 lines, 1 KB each and 16 KB together are kept, and no half character (W22)."""
    assert log_lines(json.dumps([str(number) for number in range(50)]).encode()) == [
        str(number) for number in range(20)
    ]
    lines = log_lines(json.dumps(["ä" * 1_000] * 20).encode())
    assert sum(len(line.encode()) for line in lines) <= 16_384
    assert lines[0] == "ä" * 512
    assert len(lines) == 16


async def test_the_log_answers_200_when_an_address_writes_too_much(
    client: httpx.AsyncClient, services: FakeServices
) -> None:
    """Ten reports a minute and address are kept; more are dropped without a word (H3)."""
    for _ in range(30):
        assert (await client.post("/apple/v1/log", json={"logs": ["line"]})).status_code == 200
    assert len(services.devices.lines) == 10


async def test_the_log_answers_200_when_the_disk_is_full(client: httpx.AsyncClient, services: FakeServices) -> None:
    """A device's log is never worth an error (AD-log: never 5xx)."""
    services.devices.fault = StorageFull()
    assert (await client.post("/apple/v1/log", json={"logs": ["line"]})).status_code == 200


async def test_nothing_sets_a_cookie_or_redirects(client: httpx.AsyncClient) -> None:
    """Devices keep no cookies and follow no redirects (W24)."""
    for path in (PASS, LIST, "/apple/v1/log", "/apple/v1/"):
        answer = await client.get(path, headers=AUTHORIZED | {"accept": "text/html", "cookie": "a=b"})
        assert "set-cookie" not in answer.headers
        assert not answer.is_redirect
        assert answer.status_code != 406


async def test_no_token_reaches_the_log_lines(
    client: httpx.AsyncClient, services: FakeServices, log_lines_written: Callable[[], str]
) -> None:
    """Tokens and serial numbers stay out of the log even where a request fails unexpectedly (W27)."""
    services.passes.fault = ZeroDivisionError()
    await client.get(PASS, headers=AUTHORIZED)
    written = log_lines_written()
    assert "ZeroDivisionError" in written
    assert SERIAL not in written
    assert AUTHORIZATION.split()[1] not in written
