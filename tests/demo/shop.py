"""A small pass server that is right in everything, and wrong in exactly what a test asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from tests.demo.certificates import Leaf
from tests.demo.iphone.passes import document, pkpass

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Published:
    """The state of one pass on the server."""

    document: dict[str, Any]
    sequence: int
    content: bytes

    @property
    def last_modified(self) -> str:
        """One second per change."""
        return format_datetime(_START + timedelta(seconds=self.sequence), usegmt=True)


@dataclass
class Answer:
    """A status with headers and a body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Shop:
    """An ASGI application with the six endpoints a phone uses, and an add link."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.passes: dict[str, Published] = {}
        self.registrations: dict[tuple[str, str], str] = {}
        self.log: list[str] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.sequence = 0
        self.faults: set[str] = set()
        """What to do wrong; each name stands where it is obeyed."""
        self.statuses: list[int] = []
        """Statuses to answer the next requests with, instead of the right answer."""
        self.during_next: Callable[[], None] | None = None
        self.add_page: Answer | None = None

    def publish(self, serial: str, points: int, **changes: Any) -> None:
        """Give a pass a new state and the next update number."""
        self.sequence += 1
        made = document(serial, points, **changes)
        self.passes[serial] = Published(made, self.sequence, pkpass(made, self.leaf))

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.requests.append((scope["method"], scope["path"], headers))
        if self.during_next is not None:
            during, self.during_next = self.during_next, None
            during()
        await asyncio.sleep(0)
        answer = self._answer(scope, headers, body)
        pairs = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer.body})

    def _answer(self, scope: MutableMapping[str, Any], headers: dict[str, str], body: bytes) -> Answer:
        parts = scope["path"].strip("/").split("/")
        if parts[0] == "add":
            return self._added(parts[1])
        if parts[2] == "log":
            self.log += json.loads(body)["logs"]
            return Answer(200)
        if self.statuses:
            return Answer(self.statuses.pop(0))
        if parts[2] == "passes":
            return self._fetched(parts[4], headers)
        if len(parts) == 6:
            return self._changed(parts[3], parse_qs(scope["query_string"].decode()))
        return self._registered(scope["method"], parts[3], parts[6], headers, body)

    def _added(self, serial: str) -> Answer:
        if self.add_page is not None:
            page, self.add_page = self.add_page, None
            return page
        return self._pass_answer(self.passes[serial], with_last_modified=False)

    def _registered(self, method: str, device: str, serial: str, headers: dict[str, str], body: bytes) -> Answer:
        if not self._is_authorized(serial, headers):
            return Answer(401)
        is_new = (device, serial) not in self.registrations
        if method == "DELETE":
            self.registrations.pop((device, serial), None)
            return Answer(200)
        self.registrations[device, serial] = json.loads(body)["pushToken"]
        return Answer(201 if is_new else 200)

    def _changed(self, device: str, query: dict[str, list[str]]) -> Answer:
        tag = query.get("passesUpdatedSince", ["0"])[0]
        mine = [serial for serial in self.passes if (device, serial) in self.registrations]
        newer = [serial for serial in mine if self.passes[serial].sequence > int(tag)]
        if "foreign_serial" in self.faults:
            newer.append("somebody-elses")
        if "same_tag" in self.faults:
            newer = mine
        if "empty_list" in self.faults:
            return Answer(200, {}, b'{"serialNumbers":[],"lastUpdated":"77"}')
        if not newer:
            return Answer(204)
        last: object = str(max((self.passes[serial].sequence for serial in newer if serial in self.passes), default=0))
        found: dict[str, object] = {"serialNumbers": newer, "lastUpdated": last}
        if "same_tag" in self.faults:
            found["lastUpdated"] = tag
        if "no_tag" in self.faults:
            del found["lastUpdated"]
        if "number_tag" in self.faults:
            found["lastUpdated"] = int(str(last))
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(found).encode())

    def _fetched(self, serial: str, headers: dict[str, str]) -> Answer:
        if not self._is_authorized(serial, headers):
            return Answer(401)
        published = self.passes[serial]
        is_known = headers.get("if-modified-since") == published.last_modified
        if is_known and "ignore_condition" not in self.faults:
            return Answer(304)
        return self._pass_answer(published, with_last_modified="no_last_modified" not in self.faults)

    def _pass_answer(self, published: Published, *, with_last_modified: bool) -> Answer:
        headers = {
            "Content-Type": "application/vnd.apple.pkpass",
            "Content-Disposition": 'attachment; filename="card.pkpass"',
        }
        if with_last_modified:
            headers["Last-Modified"] = published.last_modified
        return Answer(200, headers, published.content)

    def _is_authorized(self, serial: str, headers: dict[str, str]) -> bool:
        published = self.passes.get(serial)
        if published is None:
            return False
        return headers.get("authorization") == f"ApplePass {published.document['authenticationToken']}"
