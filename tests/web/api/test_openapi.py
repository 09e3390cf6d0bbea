"""The OpenAPI document: complete, true, and its examples run."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import pytest_asyncio
from litestar.handlers import HTTPRouteHandler

from tests.web.conftest import Till
from walletd.web.api.endpoint import OPT, Endpoint
from walletd.web.api.openapi import document
from walletd.web.api.routes import AREAS, MODULES, ROUTES

API = "/api/v1"
Document = dict[str, Any]

# The story of the examples: what is asked, in this order, and with which method and path.
STORY = (
    ("post", "/programs"),
    ("get", "/programs"),
    ("get", "/programs/{program_id}"),
    ("patch", "/programs/{program_id}"),
    ("post", "/customers"),
    ("get", "/customers"),
    ("get", "/customers/tiles"),
    ("get", "/customers/{customer_id}"),
    ("patch", "/customers/{customer_id}"),
    ("get", "/customers/{customer_id}/history"),
    ("get", "/customers/{customer_id}/quick-infos"),
    ("post", "/customers/{customer_id}/opt-in/send"),
    ("post", "/customers/{customer_id}/opt-in/confirm"),
    ("post", "/customers/{customer_id}/opt-in/revoke"),
    ("post", "/customers/deactivate-without-opt-in"),
    ("post", "/customers/deactivations/{deactivation_id}/undo"),
    ("post", "/customers/{customer_id}/deactivate"),
    ("post", "/customers/{customer_id}/reactivate"),
    ("post", "/customers/{customer_id}/suspend-loyalty"),
    ("post", "/customers/{customer_id}/resume-loyalty"),
    ("post", "/customers/{customer_id}/block-redemption"),
    ("post", "/customers/{customer_id}/unblock-redemption"),
    ("post", "/cards"),
    ("get", "/cards"),
    ("get", "/cards/{serial_number}"),
    ("get", "/cards/by-key/{key}"),
    ("post", "/cards/{serial_number}/message"),
    ("post", "/transactions"),
    ("get", "/transactions/{transaction_id}"),
    ("get", "/accounts/{account_id}"),
    ("get", "/accounts/{account_id}/entries"),
    ("get", "/reports/liability"),
    ("get", "/cards/{serial_number}/deliveries"),
    ("get", "/cards/{serial_number}/pass.pkpass"),
    ("post", "/transactions/{transaction_id}/reverse"),
    ("post", "/redemptions"),
    ("get", "/redemptions/{code}"),
    ("post", "/redemptions/{code}/capture"),
    ("post", "/orders"),
    ("get", "/orders"),
    ("get", "/orders/{order_id}"),
    ("get", "/customers/{customer_id}/export"),
    ("post", "/webhooks"),
    ("get", "/webhooks"),
    ("get", "/webhooks/{webhook_id}"),
    ("post", "/webhooks/{webhook_id}/enable"),
    ("post", "/webhooks/{webhook_id}/rotate-secret"),
    ("post", "/webhooks/{webhook_id}/test"),
    ("get", "/webhooks/{webhook_id}/deliveries"),
    ("post", "/webhooks/{webhook_id}/replay"),
    ("delete", "/webhooks/{webhook_id}"),
    ("put", "/cards/{serial_number}/key"),
    ("post", "/cards/rewrite-keys"),
    ("post", "/cards/{serial_number}/revoke"),
    ("post", "/cards/{serial_number}/reinstate"),
    ("post", "/cards/{serial_number}/delete"),
    ("delete", "/customers/{customer_id}"),
)
# Told by tests of their own: a redemption is captured or released, not both; a merge needs two customers, Google
# needs a Google; what is no JSON is read by its own words; the newest deed is
# one of many in a story whose clock stands still.
ELSEWHERE = {
    ("delete", "/redemptions/{code}"),
    ("post", "/merges/preview"),
    ("post", "/merges"),
    ("get", "/merges/{merge_id}"),
    ("post", "/merges/{merge_id}/undo"),
    ("get", "/cards/{serial_number}/google"),
    ("get", "/audit"),
    ("get", "/duplicates"),
    ("get", "/merge-requests"),
    ("post", "/merge-requests"),
    ("get", "/merge-requests/{merge_request_id}"),
    ("post", "/merge-requests/{merge_request_id}/approve"),
    ("post", "/merge-requests/{merge_request_id}/reject"),
    ("post", "/duplicates/merge-obvious"),
    ("post", "/duplicates/{duplicate_id}/confirm"),
    ("post", "/duplicates/{duplicate_id}/dismiss"),
    ("post", "/imports"),
    ("get", "/imports/{import_id}"),
    ("get", "/imports/{import_id}/rows"),
    ("post", "/imports/{import_id}/commit"),
    ("get", "/imports/template.csv"),
    ("get", "/exports/customers.csv"),
    ("get", "/exports/transactions.csv"),
    ("get", "/ledger/checkpoint"),
    ("get", "/accounts/{account_id}/statement"),
    ("get", "/accounts/{account_id}/statement.csv"),
    ("get", "/reports/liability.csv"),
}


@pytest.fixture(scope="module")
def openapi() -> Document:
    """The document."""
    parsed: Document = json.loads(document("https://shop.test"))
    return parsed


@pytest_asyncio.fixture
async def told(till: Till, openapi: Document) -> dict[tuple[str, str], httpx.Response]:
    """Every example of the document, sent to a shop in the order of the story."""
    known: dict[str, str] = {}
    answers = {}
    for method, path in STORY:
        operation = openapi["paths"][path][method]
        parameters = {item["name"]: item.get("example", "") for item in operation.get("parameters", [])}
        headers = till.headers | {name: value for name, value in parameters.items() if name == "Idempotency-Key"}
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        if path == "/cards/{serial_number}/deliveries":
            await till.shop.until_idle()
            await till.shop.register(known["mfrggzdfmztwq2lknnwg23tpob"])
        url = API + re.sub(r"\{(\w+)\}", lambda match: known[_example_of(openapi, match[1])], path)
        content = None if body is None else _translated(json.dumps(body), known)
        headers |= {} if body is None else {"content-type": "application/json"}
        answer = await till.client.request(method, url, headers=headers, content=content)
        answers[method, path] = answer
        if answer.headers["content-type"] == "application/json":
            _learn(known, _success(operation)[1].get("example"), answer.json())
    return answers


def _success(operation: Document) -> tuple[str, Document]:
    """The status and the content of a successful answer."""
    status = next(status for status in operation["responses"] if status.startswith("2"))
    return status, next(iter(operation["responses"][status]["content"].values()))


def _example_of(openapi: Document, name: str) -> str:
    """What the examples call an identifier of a path."""
    card = _success(openapi["paths"]["/cards"]["post"])[1]["example"]
    transaction = _success(openapi["paths"]["/transactions"]["post"])[1]["example"]
    redemption = _success(openapi["paths"]["/redemptions"]["post"])[1]["example"]
    webhook = _success(openapi["paths"]["/webhooks"]["post"])[1]["example"]
    deactivation = _success(openapi["paths"]["/customers/deactivate-without-opt-in"]["post"])[1]["example"]
    order = _success(openapi["paths"]["/orders"]["post"])[1]["example"]
    return str((order | redemption | card | transaction | webhook | deactivation)[name])


def _learn(known: dict[str, str], example: Any, answer: Any) -> None:
    """Remember what the shop calls what the example calls otherwise."""
    if isinstance(example, dict):
        for name in example.keys() & answer.keys():
            _learn(known, example[name], answer[name])
    elif isinstance(example, list):
        for ours, theirs in zip(example, answer, strict=False):
            _learn(known, ours, theirs)
    elif isinstance(example, str) and isinstance(answer, str):
        known[example] = answer


def _translated(text: str, known: dict[str, str]) -> str:
    for example, actual in known.items():
        if re.fullmatch(r"[a-z]{3}_\w{26}|[a-z2-7]{26}", example):
            text = text.replace(example, actual)
    return text


def _shape(value: Any) -> Any:
    """The names in a value, without the values."""
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items()}
    return [_shape(item) for item in value[:1]] if isinstance(value, list) else None


async def test_every_example_runs_and_answers_as_it_says(
    told: dict[tuple[str, str], httpx.Response], openapi: Document
) -> None:
    """The examples tell one story; each answer has the status, the names and the order of its example."""
    for (method, path), answer in told.items():
        status, content = _success(openapi["paths"][path][method])
        assert str(answer.status_code) == status, (method, path, answer.text)
        if "example" in content:
            assert _shape(answer.json()) == _shape(content["example"]), (method, path)


async def test_every_answer_reads_back_through_its_struct(told: dict[tuple[str, str], httpx.Response]) -> None:
    """What is sent is what the schema says: no name more, none less, no other type."""
    by_path = {(method.lower(), _path(handler)): handler for handler in ROUTES for method in handler.http_methods}
    for place, answer in told.items():
        endpoint: Endpoint = by_path[place].opt[OPT]
        if endpoint.answer is None:
            continue
        value = answer.json()
        for item in value["items"] if endpoint.paged else [value]:
            msgspec.convert(item, endpoint.answer, strict=True)


def test_the_story_tells_every_route(openapi: Document) -> None:
    """No route is without an example that runs."""
    routes = {(method, path) for path, operations in openapi["paths"].items() for method in operations}
    assert routes - ELSEWHERE == set(STORY)


def test_every_route_is_found_once_in_every_area() -> None:
    """A handler is served because it stands in a module of an area; no path and method is there twice."""
    served = [(method, path) for handler in ROUTES for path in handler.paths for method in handler.http_methods]
    assert sorted({place for place in served if served.count(place) > 1}) == []
    areas = {module.__name__.split(".")[3] for module in MODULES}
    assert areas == {area.__name__.rpartition(".")[2] for area in AREAS}


def test_every_example_fits_its_schema(openapi: Document) -> None:
    """Examples of bodies, answers and errors are valid by the schemas beside them."""
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            contents = [content for answer in operation["responses"].values() for content in answer["content"].values()]
            contents += operation.get("requestBody", {}).get("content", {}).values()
            for content in contents:
                schema = content["schema"] | {"components": openapi["components"]}
                examples = [example["value"] for example in content.get("examples", {}).values()]
                examples += [content["example"]] if "example" in content else []
                for example in examples:
                    jsonschema_rs.validator_for(schema).validate(example)
                assert examples or content["schema"].get("format") == "binary", (method, path)


def test_every_route_names_its_scope_and_the_errors_it_always_has(openapi: Document) -> None:
    """A reader finds for each route which scope it needs and every code it can answer."""
    for operations in openapi["paths"].values():
        for operation in operations.values():
            assert re.search(r"Scope: `[a-z:]+`", operation["description"])
            codes = {
                code
                for answer in operation["responses"].values()
                for content in answer["content"].values()
                for code in content.get("examples", {})
            }
            assert codes >= {"unauthenticated", "forbidden", "rate_limited", "storage_unavailable"}
            content = operation.get("requestBody", {}).get("content", {})
            if content:
                assert codes >= {"validation_failed", "body_too_large", "media_type_unsupported"}
            assert ("json_invalid" in codes) == ("application/json" in content)
    booking = openapi["paths"]["/transactions"]["post"]
    assert set(booking["responses"]) == {"201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "503"}


async def test_the_document_is_served_to_everybody_and_names_the_public_url(till: Till) -> None:
    """It holds nothing secret, so a client can be generated without a key."""
    answer = await till.client.get(f"{API}/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["servers"] == [{"url": "https://shop.test/api/v1"}]


def _path(handler: HTTPRouteHandler) -> str:
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", next(iter(handler.paths)))
