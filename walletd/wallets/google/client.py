"""One merchant's connection to the REST API of Google Wallet: rate-limited requests, answers by their meaning.

Requests may be repeated: whatever walletd writes is absolute, so a reply that was lost costs nothing but a call.
"""

from __future__ import annotations

import json
from typing import Any, Final

import httpx

from walletd.wallets import RateLimit
from walletd.wallets.google.answers import ApiAnswer, Meaning, lost, read_answer
from walletd.wallets.google.credentials import GoogleCredentials
from walletd.wallets.google.tokens import AccessTokens, TokenRefused, TokenUnavailable, authorities

Json = dict[str, Any]

REQUEST_SECONDS: Final = 10.0
_PREFIX: Final = "/walletobjects/v1"
_ANSWER_MAX: Final = 8 * 1024 * 1024


class GoogleClient:
    """The API with one service account, inside one event loop."""

    def __init__(self, credentials: GoogleCredentials, api_url: str) -> None:
        self.tokens = AccessTokens(credentials)
        self._http = httpx.AsyncClient(
            base_url=api_url.rstrip("/"), timeout=REQUEST_SECONDS, trust_env=False, verify=authorities()
        )

    async def get(self, resource: str, name: str, rate_limit: RateLimit) -> ApiAnswer:
        """Read a class or object."""
        return await self._send(rate_limit, "GET", f"/{resource}/{name}")

    async def list(
        self, resource: str, class_id: str, size: int, token: str | None, rate_limit: RateLimit
    ) -> ApiAnswer:
        """Read a page of the objects of a class."""
        query = {"classId": class_id, "maxResults": str(size)} | ({} if token is None else {"token": token})
        return await self._send(rate_limit, "GET", f"/{resource}", query=query)

    async def insert(self, resource: str, body: Json, rate_limit: RateLimit) -> ApiAnswer:
        """Make a class or object."""
        return await self._send(rate_limit, "POST", f"/{resource}", body)

    async def patch(self, resource: str, name: str, changes: Json, rate_limit: RateLimit) -> ApiAnswer:
        """Change members of a class or object; null takes one away, a list replaces the whole list."""
        return await self._send(rate_limit, "PATCH", f"/{resource}/{name}", changes)

    async def add_message(self, resource: str, name: str, message: Json, rate_limit: RateLimit) -> ApiAnswer:
        """Add a message to the back of a card."""
        return await self._send(rate_limit, "POST", f"/{resource}/{name}/addMessage", {"message": message})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(
        self,
        rate_limit: RateLimit,
        verb: str,
        path: str,
        body: Json | None = None,
        *,
        query: dict[str, str] | None = None,
    ) -> ApiAnswer:
        """Send a request; a token that is not taken any more is exchanged once."""
        refused: str | None = None
        for _ in range(2):
            try:
                authorization = await self.tokens.header(not_this=refused)
            except TokenRefused as error:
                return ApiAnswer(Meaning.FORBIDDEN, 0, f"no access token: {error}")
            except TokenUnavailable as error:
                return lost(f"no access token: {error}")
            await rate_limit()
            answer = await self._once(verb, path, body, query, authorization)
            if answer.meaning is not Meaning.UNAUTHENTICATED:
                return answer
            refused = authorization
        return ApiAnswer(Meaning.FORBIDDEN, 401, "authError", "Google takes no access token of this service account")

    async def _once(
        self, verb: str, path: str, body: Json | None, query: dict[str, str] | None, authorization: str
    ) -> ApiAnswer:
        headers = {"authorization": authorization, "accept": "application/json"}
        content = None
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers["content-type"] = "application/json; charset=utf-8"
        try:
            request = self._http.build_request(verb, _PREFIX + path, content=content, params=query, headers=headers)
            response = await self._http.send(request, stream=True)
            try:
                received = b""
                async for chunk in response.aiter_bytes():
                    received += chunk
                    if len(received) > _ANSWER_MAX:
                        return lost("the answer is too long")
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            return lost(type(error).__name__)
        return read_answer(response.status_code, response.headers, received)
