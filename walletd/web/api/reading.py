"""What every route of the API reads from a request: the key that calls, the body, the page, the idempotency key."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NoReturn, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from walletd.domain.errors import (
    AmountInvalid,
    IdempotencyKeyInvalid,
    MediaTypeUnsupported,
    NotFound,
    Unauthenticated,
    ValidationFailed,
)
from walletd.domain.pages import PageRequest
from walletd.services import Services
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.edge.bodies import parse_json, pointer_to, read_body

BODY_MAX: Final = 65_536
_BEARER: Final = re.compile(rb"bearer +([\x21-\x7e]{1,512})", re.IGNORECASE)
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_TEXT_MAX: Final = 1_000
_CURSOR_MAX: Final = 6_000
"""A name of 600 characters of four bytes each, and what cursors add."""
_NAME_MAX: Final = 128
_PAGE_PARAMETERS: Final = frozenset({"page_size", "cursor", "sort", "search"})
_AMOUNTS: Final = frozenset({"/amount", "/purchase_total"})

# msgspec names the place as a path such as `$.customer.tags[1]`, and a missing or unknown field in the sentence itself.
_PLACE: Final = re.compile(r"(?P<what>.*?)(?: - at `(?P<key>key` in `)?\$(?P<path>[^`]*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_FIELD: Final = re.compile(r"Object (?:contains unknown|missing required) field `(.*)`", re.DOTALL)

Wire = TypeVar("Wire", bound=msgspec.Struct)


def services_of(request: ApiRequest) -> Services:
    """Return the services that the application was made with."""
    return cast("Services", request.app.state.services)


class BearerAuthentication:
    """Lets a request in whose API key has the right that the route asks for.

    A middleware and not a guard: Litestar copies the route handler for every guard it calls, and that took longer than
    the authentication itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate and go on; raises Unauthenticated, Forbidden."""
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
        if match is None:
            raise Unauthenticated("Send exactly one header »Authorization: Bearer <API key>«.")
        services = cast("Services", scope["litestar_app"].state.services)
        principal = await services.api_keys.authenticate(match[1].decode("ascii"))
        endpoint: Endpoint = scope["route_handler"].opt[OPT]
        principal.require(endpoint.right)
        scope["auth"] = principal
        await self._app(scope, receive, send)


async def optional_body_of(request: ApiRequest, wire: type[Wire]) -> Wire:
    """Return the body as a wire struct, or one with nothing in it where the request has no body."""
    headers = request.headers
    if (
        "content-type" not in headers
        and headers.get("content-length", "0") == "0"
        and "transfer-encoding" not in headers
    ):
        return wire()
    return await body_of(request, wire)


async def body_of(request: ApiRequest, wire: type[Wire]) -> Wire:
    """Return the body as a wire struct.

    Raises MediaTypeUnsupported, BodyTooLarge, JsonInvalid, AmountInvalid or ValidationFailed with a JSON pointer.
    """
    headers = request.scope["headers"]
    _check_media_type(next((value for name, value in headers if name == b"content-type"), b"").decode("latin-1"))
    value = parse_json(await read_body(request.receive, headers, BODY_MAX))
    try:
        return msgspec.convert(value, wire, strict=True)
    except msgspec.ValidationError as error:
        _refuse(str(error))


def _check_media_type(content_type: str) -> None:
    if content_type == "application/json":
        return
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip().lower() != "application/json":
        raise MediaTypeUnsupported(received=media_type.strip()[:100])
    charset = _CHARSET.search(parameters)
    if charset is not None and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise MediaTypeUnsupported("JSON is UTF-8.", received=charset[1][:100])


def page_of(request: ApiRequest) -> PageRequest:
    """Return which page of a list is asked for; raises ValidationFailed for parameters that no list knows."""
    return narrowed_page_of(request, ())[0]


def narrowed_page_of(request: ApiRequest, filters: Collection[str]) -> tuple[PageRequest, dict[str, str]]:
    """Return which page of a list is asked for, and what it is narrowed to; an empty filter narrows nothing.

    Raises ValidationFailed for parameters that this list does not know.
    """
    values = query_of(request, {*_PAGE_PARAMETERS, *filters})
    chosen = {name: values[name] for name in filters if values.get(name)}
    size = values.get("page_size", "25")
    if not (size.isascii() and size.isdigit() and len(size) < 4):
        raise _invalid("/page_size", "must be 10, 25, 50 or 100")
    page = PageRequest(
        page_size=int(size),
        cursor=values.get("cursor") or None,
        sort=values.get("sort") or None,
        search=values.get("search") or None,
    )
    return page, chosen


def query_of(request: ApiRequest, known: Collection[str]) -> dict[str, str]:
    """Return the parameters of the query that were given; raises ValidationFailed for others and for odd values."""
    values: dict[str, str] = {}
    try:
        given = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise _invalid("", "has too many parameters") from error
    for name, value in given:
        if name not in known:
            offered = ", ".join(sorted(known))
            raise _invalid(pointer_to("", name[:_NAME_MAX]), f"is no parameter here; there are: {offered}")
        if name in values:
            raise _invalid(f"/{name}", "must be given once")
        longest = _CURSOR_MAX if name == "cursor" else _TEXT_MAX
        if len(value) > longest or not value.isprintable():
            raise _invalid(f"/{name}", f"must be at most {longest} printable characters")
        values[name] = value
    return values


def name_in_path(text: str) -> str:
    """Return an identifier from the path; raises NotFound for text that no identifier can be."""
    if len(text) > _NAME_MAX or not (text.isascii() and text.isprintable()):
        raise NotFound
    return text


def idempotency_key(request: ApiRequest) -> str | None:
    """Return the Idempotency-Key as sent, None without one; raises IdempotencyKeyInvalid where it was sent twice."""
    values = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if len(values) > 1:
        raise IdempotencyKeyInvalid("Send exactly one Idempotency-Key.")
    return values[0].decode("latin-1") if values else None


def _refuse(message: str) -> NoReturn:
    match = _PLACE.fullmatch(message)
    what, path = (match["what"], match["path"] or "") if match is not None else (message, "")
    pointer = ""
    for name, index in _STEP.findall(path):
        if name or index:
            pointer = pointer_to(pointer, name or index)
    named = _FIELD.fullmatch(what)
    if named is not None:
        pointer = pointer_to(pointer, named[1])
        what = "is unknown here" if "unknown" in what[:25] else "is missing"
    else:
        what = what[:1].lower() + what[1:].replace("`", "")
    if pointer in _AMOUNTS:
        raise AmountInvalid(errors=[{"pointer": pointer, "detail": what}])
    raise _invalid(pointer, what)


def _invalid(pointer: str, detail: str) -> ValidationFailed:
    return ValidationFailed(f"{pointer or 'The body'}: {detail}.", errors=[{"pointer": pointer, "detail": detail}])
