"""Apple's PassKit web service: five routes as a bare ASGI application (A2, W1 to W27).

What the protocol says stands in the services; here is only how it is spoken: paths, headers, bodies, statuses. Errors
have no body, nothing is redirected, negotiated or set as a cookie (W24), and no header of a request is logged (W27).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote_to_bytes

from litestar.types import HTTPScope, Receive, Send

from walletd import telemetry
from walletd.domain.errors import Unauthenticated, WalletdError
from walletd.services import Services
from walletd.services.delivery.passes import PassFile
from walletd.web.edge import metrics
from walletd.web.edge.bodies import ClientGone, read_body, too_deep
from walletd.web.edge.proxies import Proxies
from walletd.web.edge.rate_limits import RateLimit
from walletd.web.errors import headers_of, status_of
from walletd.web.wallets.passes import PKPASS

_log = telemetry.logger(__name__)

HeaderList = list[tuple[bytes, bytes]]

BODY_MAX: Final = 65_536
LOG_LINES_MAX: Final = 20
LOG_LINE_MAX: Final = 1_024
LOG_TOTAL_MAX: Final = 16_384
LOGS_PER_MINUTE: Final = 10

_PREFIX_LENGTH: Final = len(b"/apple")
_TAG_MAX: Final = 64
_SEGMENT_MAX: Final = 255
_SCHEMES: Final = {scheme.lower(): scheme for scheme in ("ApplePass", "AndroidPass", "WalletUnionPass")}
_AUTHORIZATION: Final = re.compile(rf"({'|'.join(_SCHEMES)}) +([\x21-\x7e]{{1,512}})", re.IGNORECASE)

_SCHEME_NAMES: Final = frozenset(scheme.encode() for scheme in _SCHEMES)
_PASSES: Final = ["v1", "passes"]
_PASS_SEGMENTS: Final = 6  # "", apple, v1, passes, pass type, serial number

_HEADERS: Final[HeaderList] = [
    (b"cache-control", b"private, no-store"),
    (b"x-content-type-options", b"nosniff"),
]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, complete before a byte of it is sent."""

    status: int
    body: bytes = b""
    headers: HeaderList = field(default_factory=list)
    delivers: PassFile | None = None
    """The pass that is sent, so that its arrival can be remembered once it is out."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, reduced to what the routes look at."""

    scope: HTTPScope
    receive: Receive
    names: tuple[str, ...]
    """What the path names, in its order."""

    def header(self, name: bytes) -> str | None:
        """Return the only value of a header; None where it is missing or sent more than once."""
        values = [value for key, value in self.scope["headers"] if key == name]
        return values[0].decode("latin-1") if len(values) == 1 else None

    def authorization(self) -> str:
        """Return the Authorization header of a wallet; raises Unauthenticated for anything garbled (W2, W3)."""
        value = self.header(b"authorization")
        match = _AUTHORIZATION.fullmatch(value) if value is not None else None
        if match is None:
            raise Unauthenticated
        # Schemes are case-insensitive in HTTP; the services know each in the spelling of its wallet.
        return f"{_SCHEMES[match[1].lower()]} {match[2]}"

    def is_known(self) -> bool:
        """Say whether all names in the path are of a form that can exist; others need no look into the database."""
        return all(len(name) <= _SEGMENT_MAX and name.isascii() and name.isprintable() for name in self.names)


Handler = Callable[[Call], Awaitable[Reply]]


class AppleWebService:
    """The routes under `/apple`."""

    def __init__(self, services: Services, proxies: Proxies, limit: RateLimit) -> None:
        self._services = services
        self._proxies = proxies
        self._limit = limit
        self._on_pass: Mapping[str, Handler] = {"GET": self._fetch, "HEAD": self._fetch}
        self._on_registration: Mapping[str, Handler] = {"POST": self._register, "DELETE": self._unregister}
        self._on_list: Mapping[str, Handler] = {"GET": self._list}
        self._on_log: Mapping[str, Handler] = {"POST": self._take_log}

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request whose path starts with `/apple`."""
        started = time.perf_counter()
        if self._is_unchanged(scope):
            metrics.count("apple", "GET", 304, time.perf_counter() - started)
            await send({"type": "http.response.start", "status": 304, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        try:
            reply = await self._reply(scope, receive)
        except ClientGone:
            return
        except WalletdError as error:
            reply = _refusal(error)
        except Exception:  # noqa: BLE001 - the last resort: a device must get an answer, and one that says nothing
            # Without the path, which names a serial number (W27).
            _log.exception("a request to the PassKit web service failed")
            reply = Reply(500)
        metrics.count("apple", scope["method"], reply.status, time.perf_counter() - started)
        headers = [*_HEADERS, *reply.headers]
        if reply.status not in {204, 304}:
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body, "more_body": False})
        if reply.delivers is not None and body:
            await self._remember(reply.delivers)

    def _is_unchanged(self, scope: HTTPScope) -> bool:
        """Say whether this is a fetch that memory alone answers with 304 (W16); everything else goes its full way.

        Most fetches are of this kind, so they are recognised in one pass over the headers, with nothing built.
        """
        if scope["method"] != "GET":
            return False
        authorization = since = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                if authorization is not None:
                    return False
                authorization = value
            elif name == b"if-modified-since":
                if since is not None:
                    return False
                since = value
            elif name == b"if-none-match":
                # By RFC 9110 13.1.3 a date does not count beside an ETag.
                return False
        if authorization is None or since is None or authorization.partition(b" ")[0].lower() not in _SCHEME_NAMES:
            return False
        parts = scope["path"].split("/")
        return (
            len(parts) == _PASS_SEGMENTS
            and parts[2:4] == _PASSES
            and self._services.passes.unchanged(
                parts[4], parts[5], authorization.decode("latin-1"), since.decode("latin-1")
            )
        )

    async def _remember(self, file: PassFile) -> None:
        try:
            await self._services.passes.delivered(file)
        except WalletdError as error:
            # The phone has its pass; that it fetched it will be seen the next time it asks.
            _log.warning("the delivery of a pass could not be remembered", code=error.code)

    async def _reply(self, scope: HTTPScope, receive: Receive) -> Reply:
        raw_path = scope.get("raw_path") or scope["path"].encode()
        # Readers build `…/apple//v1` and add trailing slashes (W24); inside the path an empty segment is a wrong path.
        parts = raw_path.partition(b"?")[0][_PREFIX_LENGTH:].strip(b"/").split(b"/")
        if b"" in parts:
            return Reply(404)
        names: tuple[bytes, ...]
        match parts:
            case [b"v1", b"passes", pass_type, serial_number]:
                names, handlers = (pass_type, serial_number), self._on_pass
            case [b"v1", b"devices", device, b"registrations", pass_type, serial_number]:
                names, handlers = (device, pass_type, serial_number), self._on_registration
            case [b"v1", b"devices", device, b"registrations", pass_type]:
                names, handlers = (device, pass_type), self._on_list
            case [b"v1", b"log"]:
                names, handlers = (), self._on_log
            case _:
                return Reply(404)
        handler = handlers.get(scope["method"])
        if handler is None:
            return Reply(405, headers=[(b"allow", ", ".join(handlers).encode())])
        return await handler(Call(scope, receive, tuple(_text(name) for name in names)))

    async def _fetch(self, call: Call) -> Reply:
        """Send the latest pass: 200, 304 or 401; never 204 (W15, W16, W18 to W21)."""
        authorization = call.authorization()
        if not call.is_known():
            raise Unauthenticated
        since = call.header(b"if-modified-since")
        known_etags = call.header(b"if-none-match")
        if known_etags is not None:
            since = None
        pass_type, serial_number = call.names
        file = await self._services.passes.fetch(pass_type, serial_number, authorization, since)
        if file is None:
            return Reply(304)
        validators = [(b"last-modified", file.last_modified.encode()), (b"etag", file.etag.encode())]
        if known_etags is not None and _matches(known_etags, file.etag):
            return Reply(304, headers=validators)
        return Reply(200, file.content, [(b"content-type", PKPASS.encode()), *validators], file)

    async def _register(self, call: Call) -> Reply:
        """Register a device for a pass: 201 new, 200 known, 401, 400 for a push token that is none (W2 to W7)."""
        authorization = call.authorization()
        if not call.is_known():
            raise Unauthenticated
        body = await read_body(call.receive, call.scope["headers"], BODY_MAX)
        value = _json(body)
        push_token = value.get("pushToken") if isinstance(value, dict) else None
        device, pass_type, serial_number = call.names
        created = await self._services.devices.register(pass_type, serial_number, device, authorization, push_token)
        return Reply(201 if created else 200)

    async def _unregister(self, call: Call) -> Reply:
        """Remove a registration: 200 also where there was none (W5, W6)."""
        authorization = call.authorization()
        if not call.is_known():
            raise Unauthenticated
        device, pass_type, serial_number = call.names
        await self._services.devices.unregister(pass_type, serial_number, device, authorization)
        return Reply(200)

    async def _list(self, call: Call) -> Reply:
        """Say which passes of the device changed since its tag: 200 or 204, whatever was sent (W8 to W12)."""
        if not call.is_known():
            return Reply(204)
        device, pass_type = call.names
        changed = await self._services.devices.changed(pass_type, device, _tag(call.scope["query_string"]))
        if changed is None:
            return Reply(204)
        serial_numbers, tag = changed
        body = json.dumps(
            {"serialNumbers": list(serial_numbers), "lastUpdated": str(tag)}, separators=(",", ":")
        ).encode()
        return Reply(200, body, [(b"content-type", b"application/json")])

    async def _take_log(self, call: Call) -> Reply:
        """Take what a device reports: always 200, but 413 for a flood and 400 for a parser bomb (W22, B25)."""
        body = await read_body(call.receive, call.scope["headers"], BODY_MAX)
        if too_deep(body):
            return Reply(400)
        if not self._limit.admits(self._proxies.client_address(call.scope)):
            return Reply(200)
        try:
            await self._services.devices.log(log_lines(body))
        except WalletdError as error:
            _log.warning("lines of a device's log were lost", code=error.code)
        return Reply(200)


def log_lines(body: bytes) -> list[str]:
    """Return the lines of a log body, cut to 20 lines of 1 KB and 16 KB in all (W22).

    Apple's form is `{"logs": [...]}`; a bare array and plain text are taken too, because some readers send them.
    """
    value = _json(body)
    if value is None:
        value = body.decode("utf-8", "replace")
    if isinstance(value, dict):
        value = value.get("logs", [])
    entries = value if isinstance(value, list) else [value]
    lines: list[str] = []
    left = LOG_TOTAL_MAX
    for entry in entries[:LOG_LINES_MAX]:
        text = entry if isinstance(entry, str) else json.dumps(entry)
        # Cut by bytes, and without half characters and lone surrogates, which could not be stored.
        line = text.encode("utf-8", "replace")[: min(LOG_LINE_MAX, left)].decode("utf-8", "ignore")
        left -= len(line.encode())
        if line:
            lines.append(line)
    return lines


def _json(body: bytes) -> object:
    """Return the value of a body whose form is not worth an error of its own, None where it is no JSON."""
    try:
        return None if too_deep(body) else json.loads(body.decode("utf-8-sig"))
    except ValueError:
        return None


def _refusal(error: WalletdError) -> Reply:
    headers = headers_of(error)
    # A challenge would name a scheme that devices do not know; they expect the bare status (AD-reg, AD-get).
    headers.pop("www-authenticate", None)
    return Reply(status_of(error), headers=[(name.encode(), value.encode()) for name, value in headers.items()])


def _text(segment: bytes) -> str:
    """Return one decoded path segment (W23); bytes that are no UTF-8 become a character that no name contains."""
    if b"%" in segment:
        segment = unquote_to_bytes(segment)
    return segment.decode("utf-8", "replace")


def _tag(query: bytes) -> str | None:
    """Return the tag that the device sent, None where there is none or one that cannot be ours (W12)."""
    try:
        values = parse_qs(query.decode("latin-1"), max_num_fields=20).get("passesUpdatedSince", [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 and len(values[0]) <= _TAG_MAX else None


def _matches(if_none_match: str, etag: str) -> bool:
    """Say whether If-None-Match names the ETag; the weak comparison of RFC 9110 13.1.2."""
    candidates = {candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")}
    return "*" in candidates or etag.removeprefix("W/") in candidates
