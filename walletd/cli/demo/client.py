"""A till for the demo: it talks to the API as any other would, over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

_SECONDS: Final = 10.0


class Refused(Exception):
    """The server answered something else than was asked for."""


class Till:
    """Sends requests with an API key; every booking has an idempotency key of its own."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url
        self._api_key = api_key

    async def get(self, path: str) -> bytes:
        """Return what a GET answers; raises Refused, OSError."""
        return await asyncio.to_thread(self._ask, "GET", path, None)

    async def post(self, path: str, body: dict[str, object]) -> Any:
        """Return the JSON that a POST answers; raises Refused, OSError."""
        return json.loads(await asyncio.to_thread(self._ask, "POST", path, body))

    async def is_ready(self) -> bool:
        """Say whether the server is ready and has published what its shop began with."""
        try:
            state = json.loads(await self.get("/readyz"))
        except (OSError, Refused):
            return False
        return bool(state["dirty_cards"] == 0)

    def _ask(self, method: str, path: str, body: dict[str, object] | None) -> bytes:
        parts = urlsplit(self.url)
        plain = parts.scheme == "http"
        kind = http.client.HTTPConnection if plain else http.client.HTTPSConnection
        connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
        headers = {"authorization": f"Bearer {self._api_key}", "idempotency-key": str(uuid4())}
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status not in {http.client.OK, http.client.CREATED}:
            raise Refused(f"{method} {path} answered {answer.status}: {text[:300].decode('utf-8', 'replace')}")
        return text
