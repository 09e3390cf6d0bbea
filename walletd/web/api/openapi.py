"""The OpenAPI document, made from the route handlers and their descriptions.

Litestar's own generator reads handler signatures. Here bodies are read strictly by hand and answers are often ready
bytes, so the signatures say little; the `Endpoint` beside each handler says everything, and is what the
authentication and the tests use too.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from litestar.handlers import HTTPRouteHandler

from walletd import __version__
from walletd.domain.errors import WalletdError
from walletd.domain.merchants.principals import SCOPES, Right, scope_with
from walletd.domain.pages import PAGE_SIZES
from walletd.web.api.endpoint import OPT, Endpoint
from walletd.web.api.routes import MODULES, ROUTES
from walletd.web.errors import PROBLEM_TYPE, STATUS, TYPE_PREFIX, headers_of, problem

_REF: Final = "#/components/schemas/{name}"
_PATH_PARAMETER: Final = re.compile(r"\{(\w+):\w+\}")
_DESCRIPTION: Final = """\
Cards for Apple Wallet and Google Wallet, their balances and their history.

Times are RFC 3339. Money is an integer in minor units beside a `currency`. Lists answer `items` and `next_cursor`.
Errors are `application/problem+json`; `code` is stable, and validation errors list `errors` with a JSON pointer each.
Requests that move value need an `Idempotency-Key`: a repeated request gets the same answer again, with
`Idempotency-Replayed: true`, and never books twice.
"""


def document(public_url: str) -> bytes:
    """Return the OpenAPI 3.1 document as JSON."""
    tags = [
        {"name": module.__name__.rpartition(".")[2], "description": (module.__doc__ or "").strip()}
        for module in MODULES
    ]
    value = {
        "openapi": "3.1.0",
        "info": {"title": "walletd", "version": __version__, "description": _DESCRIPTION, "license": _LICENSE},
        "servers": [{"url": f"{public_url}/api/v1"}],
        "security": [{"apiKey": []}],
        "tags": tags,
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": _grants(),
                }
            },
        },
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


_LICENSE: Final = {"name": "MIT", "identifier": "MIT"}


def _grants() -> str:
    """Return what an API key may be made with, as Markdown."""
    scopes = [
        f"- `{scope}`: "
        + ("every right" if rights == set(Right) else ", ".join(f"`{right}`" for right in sorted(rights)))
        for scope, rights in SCOPES.items()
    ]
    return "\n".join(("An API key. It has single rights, or scopes, which hold some:", "", *scopes))


def _paths() -> dict[str, dict[str, object]]:
    paths: dict[str, dict[str, object]] = defaultdict(dict)
    for handler in ROUTES:
        for pattern in sorted(handler.paths):
            path = _PATH_PARAMETER.sub(r"{\1}", pattern)
            for method in sorted(handler.http_methods):
                paths[path][method.lower()] = _operation(handler, path)
    return dict(paths)


def _operation(handler: HTTPRouteHandler, path: str) -> dict[str, object]:
    endpoint: Endpoint = handler.opt[OPT]
    function = handler.fn
    operation: dict[str, object] = {
        "operationId": function.__name__,
        "tags": [function.__module__.rpartition(".")[2]],
        "summary": endpoint.summary,
        "description": f"{(function.__doc__ or '').strip()}\n\n"
        f"Right: `{endpoint.right}`. Scope: `{scope_with(endpoint.right)}`.",
        "responses": _responses(endpoint, path),
    }
    parameters = _parameters(endpoint, path)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content: dict[str, object] = {"schema": _ref(endpoint.body)}
        if endpoint.example_body is not None:
            content["example"] = endpoint.example_body
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    if endpoint.upload is not None:
        file: dict[str, object] = {"schema": {"type": "string"}, "example": endpoint.example_upload}
        operation["requestBody"] = {"required": True, "content": {endpoint.upload: file}}
    return operation


def _parameters(endpoint: Endpoint, path: str) -> list[dict[str, object]]:
    parameters: list[dict[str, object]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 128}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    if endpoint.paged:
        text = {"type": "string", "maxLength": 1000}
        parameters += [
            {"name": "page_size", "in": "query", "schema": {"type": "integer", "enum": PAGE_SIZES, "default": 25}},
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string", "maxLength": 6000},
                "description": "`next_cursor` of the page before.",
            },
            {
                "name": "sort",
                "in": "query",
                "schema": text,
                "description": "A field to sort by; `-` before it turns it.",
            },
            {"name": "search", "in": "query", "schema": text, "description": "Text that the items contain."},
        ]
    parameters += [
        {"name": name, "in": "query", "schema": {"type": "string", "maxLength": 1000}, "description": description}
        for name, description in endpoint.query.items()
    ]
    if endpoint.idempotency_key != "none":
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": endpoint.idempotency_key == "required",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
                "description": "Made up by the caller before the first attempt, and sent again with every further one.",
                "example": "till-7-receipt-4711",
            }
        )
    return parameters


def _responses(endpoint: Endpoint, path: str) -> dict[str, object]:
    success: dict[str, object] = {
        "description": HTTPStatus(endpoint.status).phrase,
        "content": {endpoint.media_type: _success_content(endpoint)},
    }
    if endpoint.idempotency_key != "none":
        success["headers"] = {
            "Idempotency-Replayed": {
                "description": "`true` where the answer is that of an earlier request with the same key.",
                "schema": {"type": "string", "enum": ["true"]},
            }
        }
    responses: dict[str, object] = {str(endpoint.status): success}
    by_status: dict[int, list[type[WalletdError]]] = defaultdict(list)
    for error in endpoint.all_errors(path):
        by_status[STATUS[error]].append(error)
    for status, kinds in sorted(by_status.items()):
        responses[str(status)] = _problem_response(status, kinds)
    return responses


def _success_content(endpoint: Endpoint) -> dict[str, object]:
    if endpoint.answer is None:
        if endpoint.example is None:
            return {"schema": {"type": "string", "format": "binary"}}
        return {"schema": {"type": "string"}, "example": endpoint.example}
    if not endpoint.paged:
        return {"schema": _ref(endpoint.answer), "example": endpoint.example}
    schema = {
        "type": "object",
        "required": ["items", "next_cursor"],
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": _ref(endpoint.answer)},
            "next_cursor": {"type": ["string", "null"]},
        },
    }
    return {"schema": schema, "example": {"items": [endpoint.example], "next_cursor": None}}


def _ref(struct: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REF.format(name=struct.__name__)}


def _problem_response(status: int, kinds: Sequence[type[WalletdError]]) -> dict[str, object]:
    codes = ", ".join(f"`{kind.code}`" for kind in kinds)
    response: dict[str, object] = {
        "description": f"{HTTPStatus(status).phrase}: {codes}",
        "content": {
            PROBLEM_TYPE: {
                "schema": {"$ref": _REF.format(name="Problem")},
                "examples": {kind.code: {"summary": kind.title(), "value": problem(kind())} for kind in kinds},
            }
        },
    }
    names = {name for kind in kinds for name in headers_of(kind())}
    if names:
        response["headers"] = {name.title(): {"schema": {"type": "string"}} for name in sorted(names)}
    return response


def _schemas() -> dict[str, object]:
    structs = {kind for endpoint in _endpoints() for kind in (endpoint.body, endpoint.answer) if kind is not None}
    _, components = msgspec.json.schema_components(sorted(structs, key=lambda kind: kind.__name__), ref_template=_REF)
    return {**components, "Problem": _problem_schema()}


def _problem_schema() -> Mapping[str, object]:
    codes = sorted({error.code for handler in ROUTES for error in _errors_of(handler)} | {"internal_error"})
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "An error (RFC 9457). Further members are facts about it.",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string", "description": f"`{TYPE_PREFIX}` and the code."},
            "title": text,
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": codes},
            "detail": text,
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {"pointer": {"type": "string", "format": "json-pointer"}, "detail": text},
                },
            },
        },
    }


def _endpoints() -> Iterable[Endpoint]:
    return (handler.opt[OPT] for handler in ROUTES)


def _errors_of(handler: HTTPRouteHandler) -> set[type[WalletdError]]:
    endpoint: Endpoint = handler.opt[OPT]
    return {error for pattern in handler.paths for error in endpoint.all_errors(pattern)}
