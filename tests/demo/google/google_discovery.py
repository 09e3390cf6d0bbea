"""The fake's table of Google's REST API, made from Google's own discovery document: names, types and rules, no prose.

`python -m tests.demo.google_discovery` writes it anew after the development dependency rose; a test holds that the
table is what the installed document gives.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import googleapiclient  # type: ignore[import-untyped]

TABLE = Path(__file__).parents[3] / "walletd" / "demo" / "google" / "google_api.json"
VERTICALS = ("loyalty", "giftCard", "offer", "generic")
_SELF = {"loyaltyclass", "loyaltyobject", "giftcardclass", "giftcardobject", "offerclass", "offerobject"}
_SELF |= {"genericclass", "genericobject", "jwt"}
_ALIAS = re.compile(r"Legacy alias for `?(\w+)`?")


def discovery() -> dict[str, Any]:
    """Return Google's discovery document as the client library ships it."""
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    document: dict[str, Any] = json.loads((folder / "walletobjects.v1.json").read_text())
    return document


def table() -> dict[str, Any]:
    """Return routes and schemas of what the fake knows."""
    document = discovery()
    methods = [
        {
            "resource": name,
            "method": method,
            "verb": details["httpMethod"],
            "path": "/" + details["path"],
            "body": details.get("request", {}).get("$ref"),
        }
        for name, resource in sorted(document["resources"].items())
        for method, details in sorted(resource.get("methods", {}).items())
        if name in _SELF
    ]
    wanted = [item["body"] for item in methods if item["body"]]
    schemas: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name in schemas:
            continue
        schemas[name] = {
            key: _property(value) for key, value in sorted(document["schemas"][name]["properties"].items())
        }
        wanted += [value[key] for value in schemas[name].values() for key in ("ref", "items_ref") if key in value]
    return {"revision": document["revision"], "methods": methods, "schemas": dict(sorted(schemas.items()))}


def _property(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "$ref" in value:
        found["ref"] = value["$ref"]
    else:
        found["type"] = value["type"]
    for name in ("format", "enum"):
        if name in value:
            found[name] = value[name]
    aliases = {
        word: match[1]
        for word, text in zip(value.get("enum", ()), value.get("enumDescriptions", ()), strict=False)
        if (match := _ALIAS.search(text))
    }
    if aliases:
        found["aliases"] = aliases
    if value.get("type") == "array":
        items = value["items"]
        found |= {"items_ref": items["$ref"]} if "$ref" in items else {"items_type": items["type"]}
    if value.get("description", "").startswith("Required"):
        found["required"] = True
    return found


def main() -> None:
    """Write the table."""
    TABLE.write_text(json.dumps(table(), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
