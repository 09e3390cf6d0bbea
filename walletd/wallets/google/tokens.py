"""Access tokens and save links: what the key of a service account signs (G2.1, G3.2).

One access token serves many calls: whoever comes while one is exchanged waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

import google.auth.jwt
import httpx
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport import Request, Response
from google.oauth2 import service_account

from walletd.wallets.google.credentials import GoogleCredentials

SCOPE: Final = "https://www.googleapis.com/auth/wallet_object.issuer"
LINK_LONGEST: Final = 1800
"""Characters of a save token; browsers cut longer addresses (G2.2)."""

_SECONDS: Final = 10.0

logging.getLogger("google.auth").setLevel(logging.WARNING)


class TokenRefused(Exception):
    """Google gives no access token for this key; the message says what it answered."""


class TokenUnavailable(Exception):
    """Google could not be asked for an access token."""


class AccessTokens:
    """The access tokens of one service account, inside one event loop."""

    def __init__(self, credentials: GoogleCredentials) -> None:
        self._google: Any = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            credentials.account, scopes=[SCOPE]
        )
        self._lock = asyncio.Lock()

    async def header(self, *, not_this: str | None = None) -> str:
        """Return the Authorization header; `not_this` was refused. Raises TokenRefused, TokenUnavailable."""
        async with self._lock:
            present = f"Bearer {self._google.token}"
            if self._google.token is None or self._google.expired or present == not_this:
                await asyncio.to_thread(self._refresh)
            return f"Bearer {self._google.token}"

    def save_token(self, issued_at: datetime, payload: Mapping[str, object]) -> str:
        """Return the signed token of a save link, `aud` google and without origins (G2.1)."""
        claims = {
            "iss": self._google.service_account_email,
            "aud": "google",
            "typ": "savetowallet",
            "iat": int(issued_at.timestamp()),
            "origins": [],
            "payload": payload,
        }
        token: bytes = google.auth.jwt.encode(self._google.signer, claims)  # type: ignore[no-untyped-call]
        if len(token) > LINK_LONGEST:
            raise ValueError(f"a save token of {len(token)} characters would be cut by browsers")
        return token.decode()

    def _refresh(self) -> None:
        try:
            self._google.refresh(_HttpxRequest())
        except TransportError as error:
            raise TokenUnavailable(type(error).__name__) from error
        except GoogleAuthError as error:
            said = str(error.args[0])[:200] if error.args else type(error).__name__
            if error.retryable:
                raise TokenUnavailable(said) from error
            raise TokenRefused(said) from error


@cache
def authorities() -> ssl.SSLContext:
    """Return what Google's servers are checked by, read once per process for all merchants."""
    return httpx.create_ssl_context(trust_env=False)


class _HttpxRequest(Request):
    """google-auth's port to HTTP, over httpx; it runs in a thread of its own."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: object,
    ) -> _HttpxResponse:
        """Send one request; raises TransportError."""
        try:
            with httpx.Client(trust_env=False, timeout=timeout or _SECONDS, verify=authorities()) as client:
                return _HttpxResponse(client.request(method, url, content=body, headers=dict(headers or {})))
        except httpx.HTTPError as error:
            raise TransportError(type(error).__name__) from error  # type: ignore[no-untyped-call]


class _HttpxResponse(Response):
    """An answer as google-auth reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """Return the status."""
        return self._response.status_code

    @property
    def headers(self) -> httpx.Headers:
        """Return the headers."""
        return self._response.headers

    @property
    def data(self) -> bytes:
        """Return the body."""
        return self._response.content
