"""A Google Wallet on this machine: the REST API, the token endpoint, save links, published keys and signed callbacks.

It speaks the real protocols: routes and schemas are those of Google's discovery document, tokens and save links are
checked against the public key of the service account, callbacks are signed with a chain of keys (G9.2).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import httpx

from walletd.demo.clock import Clock, utc_now
from walletd.demo.google.errors import ApiError, invalid, not_permitted
from walletd.demo.google.faults import GoogleFaults
from walletd.demo.google.keys import CallbackSigner, ServiceAccounts, TokenRefused
from walletd.demo.google.routes import Route, route_of
from walletd.demo.google.rules import issuer_of
from walletd.demo.google.store import GoogleStore, Stored

Json = dict[str, Any]
Scope = Mapping[str, Any]

_TOKEN_SECONDS: Final = 3600
_TOKEN_AUDIENCE: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, no secret
_SKEW_SECONDS: Final = 300
_BODY_MAX: Final = 1_048_576
_SAVE_PATH_MAX: Final = 2048
_CALLBACK_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()


class LostReply(Exception):
    """The request was carried out; its reply is not to arrive."""


class FakeGoogle:
    """The service as an ASGI application, and the hands of the people who save and remove cards."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self.accounts = ServiceAccounts()
        self.faults = GoogleFaults()
        self.store = GoogleStore(clock)
        self.signer = CallbackSigner(clock)
        self._tokens: dict[str, tuple[str, float]] = {}
        self._users: dict[str, set[str]] = {}
        self.tokens_given = 0

    def permit(self, issuer_id: str, email: str) -> None:
        """Make a service account a user of an issuer, as in Google's console."""
        self._users.setdefault(issuer_id, set()).add(email)

    async def __call__(self, scope: Scope, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            reply = await self._answer(scope, await _body(receive))
        except LostReply:
            # The length that is announced never comes: the connection breaks in the middle of the reply.
            await _start(send, 200, "application/json", [(b"content-length", b"100000")])
            return
        headers = [(name.encode(), value.encode()) for name, value in reply.headers]
        await _start(send, reply.status, reply.content_type, headers)
        await send({"type": "http.response.body", "body": reply.body})

    async def save(self, object_id: str, user: str = "someone") -> int | None:
        """Let a person save an object; return the status of the callback, None where there is none to call."""
        stored = self._object(object_id)
        stored.users.add(user)
        return await self._call_back(stored, "save")

    async def remove(self, object_id: str, user: str = "someone") -> int | None:
        """Let a person remove an object from the wallet; the object itself stays."""
        stored = self._object(object_id)
        stored.users.discard(user)
        return await self._call_back(stored, "del")

    def callback_of(self, object_id: str, event: str) -> bytes:
        """Return the signed body that a save or removal sends."""
        stored = self._object(object_id)
        message = {"classId": stored.body["classId"], "objectId": object_id, "eventType": event}
        return self.signer.callback(str(issuer_of(object_id)), message)

    def open_save_link(self, token: str) -> list[Stored]:
        """Return the objects that a save link names, and insert those it brings along; raises ApiError."""
        try:
            claims = self.accounts.claims(token)
        except TokenRefused as error:
            raise invalid(f"Something went wrong: {error}.") from None
        expected = {"aud": "google", "typ": "savetowallet"}
        if any(claims.get(name) != value for name, value in expected.items()) or not isinstance(claims.get("iat"), int):
            raise invalid("Something went wrong: the token is no save link.")
        found = list[Stored]()
        for resource in ("loyaltyObject", "giftCardObject", "offerObject", "genericObject"):
            for body in claims.get("payload", {}).get(f"{resource}s", []):
                self._check_permission(str(issuer_of(body.get("id"))), str(claims["iss"]))
                known = self.store.items.get(str(body.get("id")))
                found.append(known if known is not None else self.store.insert(resource, body))
        if not found:
            raise invalid("Something went wrong: the link names no card.")
        return found

    async def _answer(self, scope: Scope, body: bytes) -> Reply:
        verb, path = scope["method"], unquote(scope["raw_path"].decode().partition("?")[0])
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        try:
            if path == "/token" and verb == "POST":
                return self._token(parse_qs(body.decode()))
            if path == "/gp/m/issuer/keys":
                return Reply(200, self.signer.keys_document(), headers=(("cache-control", "public, max-age=3600"),))
            if path.startswith("/gp/v/save/"):
                return await self._save_page(verb, path)
            route = route_of(verb, path)
            return await self._api(route, verb, path, query, headers, body)
        except ApiError as error:
            return Reply(error.status, error.body())

    async def _api(
        self, route: Route | None, verb: str, path: str, query: Json, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        request, fault = self.faults.begin(verb, path)
        try:
            if fault.delay_seconds:
                await asyncio.sleep(fault.delay_seconds)
            if fault.error is not None:
                raise fault.error
            reply = self._carry_out(route, query, body, self._authenticated(headers))
        except ApiError as error:
            request.status = error.status
            raise
        finally:
            self.faults.end(request)
        request.status = reply.status
        if fault.lost:
            raise LostReply
        return reply

    def _carry_out(self, route: Route | None, query: Json, body: bytes, email: str) -> Reply:
        if route is None:
            raise ApiError(404, "notFound", "Not Found", "global")
        content = _json(body) if body else {}
        if route.resource == "jwt":
            return self._jwt(route, content, email)
        name = route.resource_id or str(content.get("id", ""))
        if route.method == "list":
            return self._list(route, query, email)
        issuer = issuer_of(name)
        if issuer is None:
            raise invalid(f"Invalid resource ID: {name}")
        self._check_permission(issuer, email)
        match route.method:
            case "insert":
                stored = self.store.insert(route.resource, content)
            case "get":
                stored = self.store.get(route.resource, name)
            case "patch":
                stored = self.store.patch(route.resource, name, content)
            case "update":
                stored = self.store.put(route.resource, name, content)
            case "addmessage":
                stored = self.store.add_message(route.resource, name, content.get("message", {}))
                return _document({"resource": self.store.shown(stored)})
            case _:
                raise ApiError(501, "notImplemented", f"{route.method} is not modelled.", "global")
        return _document(self.store.shown(stored))

    def _list(self, route: Route, query: Json, email: str) -> Reply:
        class_id, issuer = query.get("classId"), query.get("issuerId")
        self._check_permission(issuer or str(issuer_of(class_id)), email)
        found = self.store.listed(route.resource, class_id=class_id, issuer=issuer)
        start, size = int(query.get("token") or 0), int(query.get("maxResults") or len(found) or 1)
        page = found[start : start + size]
        document: Json = {"pagination": {"kind": "walletobjects#pagination", "resultsPerPage": len(page)}}
        if page:
            document["resources"] = [self.store.shown(stored) for stored in page]
        if start + size < len(found):
            document["pagination"]["nextPageToken"] = str(start + size)
        return _document(document)

    def _jwt(self, route: Route, content: Json, email: str) -> Reply:
        if route.method == "validate":
            given = content.get("jwtResource", {}).get("jwt", "")
            self.open_save_link(str(given))
            return _document({})
        found = self.open_save_link(str(content.get("jwt", "")))
        for stored in found:
            self._check_permission(str(issuer_of(stored.body["id"])), email)
        return _document({"saveUri": f"/gp/v/save/{content['jwt']}", "resources": {}})

    async def _save_page(self, verb: str, path: str) -> Reply:
        if len(path) > _SAVE_PATH_MAX:
            return Reply(414, b"<h1>414</h1>", "text/html; charset=utf-8")
        found = self.open_save_link(path.removeprefix("/gp/v/save/"))
        if verb != "POST":
            names = ", ".join(stored.body["id"] for stored in found)
            text = f"<!doctype html><title>Google Wallet</title><h1>Google Wallet</h1><p>{names}</p>"
            text += '<form method="post"><button>Add</button></form>'
            return Reply(200, text.encode(), "text/html; charset=utf-8")
        for stored in found:
            await self.save(stored.body["id"])
        return Reply(200, b"<!doctype html><title>Google Wallet</title><p>Saved</p>", "text/html; charset=utf-8")

    def _token(self, form: dict[str, list[str]]) -> Reply:
        now = time.time()
        try:
            claims = self._granted(form, now)
        except TokenRefused as error:
            body = {"error": "invalid_grant", "error_description": f"Invalid JWT: {error}."}
            return Reply(400, json.dumps(body).encode())
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (str(claims["iss"]), now + _TOKEN_SECONDS)
        self.tokens_given += 1
        answer = {"access_token": token, "expires_in": _TOKEN_SECONDS, "token_type": "Bearer"}
        return Reply(200, json.dumps(answer).encode())

    def _granted(self, form: dict[str, list[str]], now: float) -> Json:
        if form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
            raise TokenRefused("the grant is unknown")
        claims = self.accounts.claims(form.get("assertion", [""])[0])
        if claims.get("aud") != _TOKEN_AUDIENCE:
            raise TokenRefused("the audience is another")
        if not now - _TOKEN_SECONDS <= float(claims.get("iat", 0)) <= now + _SKEW_SECONDS:
            raise TokenRefused("the clock is wrong: iat must be now")
        return claims

    def revoke_tokens(self) -> None:
        """Let every token that was given out end at once."""
        self._tokens.clear()

    def _authenticated(self, headers: Mapping[str, str]) -> str:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        email, until = self._tokens.get(token, ("", 0.0))
        if until < time.time():
            raise ApiError(401, "authError", "Request had invalid authentication credentials.", "global")
        return email

    def _check_permission(self, issuer: str, email: str) -> None:
        if email not in self._users.get(issuer, ()):
            raise not_permitted(issuer)

    def _object(self, object_id: str) -> Stored:
        return self.store.items[object_id]

    async def _call_back(self, stored: Stored, event: str) -> int | None:
        of_class = self.store.items[stored.body["classId"]]
        url = of_class.body.get("callbackOptions", {}).get("url")
        for tell in self.store.on_change:
            tell(stored)
        if url is None:
            return None
        content = self.callback_of(stored.body["id"], event)
        async with httpx.AsyncClient(trust_env=False, timeout=_CALLBACK_SECONDS) as client:
            answer = await client.post(url, content=content, headers={"content-type": "application/json"})
        return answer.status_code


def _document(value: Json) -> Reply:
    return Reply(200, json.dumps(value).encode())


def _json(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except ValueError:
        raise invalid("Invalid JSON payload received.") from None
    if not isinstance(value, dict):
        raise invalid("Invalid JSON payload received.")
    return value


async def _body(receive: Callable[[], Any]) -> bytes:
    body, more = b"", True
    while more and len(body) <= _BODY_MAX:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _start(
    send: Callable[[Any], Any], status: int, content_type: str, headers: list[tuple[bytes, bytes]]
) -> None:
    head = [(b"content-type", content_type.encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
