"""What Google's REST API refuses of a class or object: unknown names, wrong types, and rules that stand in prose.

The names, types and required members are a table made from Google's discovery document; messages are in the words of
the real API where those are known (G1.2, G1.5, G3.5, G6).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

_INT32: Final = range(-(2**31), 2**31)
_INT64: Final = range(-(2**63), 2**63)
_ROWS_MAX: Final = 3
_LOCATIONS_MAX: Final = 10
_RESOURCE_ID: Final = re.compile(r"([0-9]{1,19})\.[A-Za-z0-9._-]+\Z")
_ONE_OF_BALANCE: Final = ("string", "int", "double", "money")


@cache
def api_table() -> Json:
    """Return routes and schemas of the API."""
    table: Json = json.loads((Path(__file__).parent / "google_api.json").read_text())
    return table


def issuer_of(resource_id: object) -> str | None:
    """Return the issuer of a class or object id, None for what is no such id."""
    match = _RESOURCE_ID.match(resource_id) if isinstance(resource_id, str) else None
    return match[1] if match is not None and int(match[1]) in _INT64 else None


def faults(schema: str, body: object, *, partial: bool = False) -> Iterator[str]:
    """Yield what is wrong with a body.

    `partial` is a PATCH, in which null deletes and nothing is required; what it leads to has to be checked as a whole.
    """
    yield from _object(schema, body, "", partial=partial)


def canonical(schema: str, body: Json) -> Json:
    """Return a body with enumerations in their present spelling, as the API stores them."""
    known = api_table()["schemas"][schema]
    return {name: _canonical(known[name], value) for name, value in body.items() if name in known}


def _canonical(rule: Json, value: Any) -> Any:
    if isinstance(value, dict) and "ref" in rule:
        return canonical(rule["ref"], value)
    if isinstance(value, list) and "items_ref" in rule:
        return [canonical(rule["items_ref"], item) for item in value]
    return rule.get("aliases", {}).get(value, value) if isinstance(value, str) else value


def _object(schema: str, body: object, path: str, *, partial: bool = False) -> Iterator[str]:
    if not isinstance(body, dict):
        yield f"Invalid value at '{path}': an object is expected."
        return
    known = api_table()["schemas"][schema]
    for name, value in body.items():
        place = f"{path}.{name}" if path else name
        if name not in known:
            yield f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
        elif value is None:
            if not partial:
                yield f"Invalid value at '{place}': null."
        else:
            yield from _value(known[name], value, place, partial=partial)
    if not partial:
        yield from (
            f"{name} is required in {schema}."
            for name, rule in known.items()
            if rule.get("required") and body.get(name) in (None, "", {})
        )
        for rule_of in _RULES.get(schema, ()):
            yield from rule_of(body, path)


def _value(rule: Json, value: object, path: str, *, partial: bool = False) -> Iterator[str]:
    if "ref" in rule:
        yield from _object(rule["ref"], value, path, partial=partial)
        return
    wanted = rule["type"]
    if wanted == "array":
        if not isinstance(value, list):
            yield f"Invalid value at '{path}': a list is expected."
            return
        items = {"ref": rule["items_ref"]} if "items_ref" in rule else {"type": rule["items_type"]}
        for place, item in enumerate(value):
            yield from _value(items, item, f"{path}[{place}]")
        return
    if not _TYPES[wanted](value, rule.get("format")):
        yield f"Invalid value at '{path}' (TYPE_{(rule.get('format') or wanted).upper()}), {json.dumps(value)}"
    elif "enum" in rule and value not in rule["enum"]:
        yield f"Invalid value at '{path}', {json.dumps(value)}"


def _is_string(value: object, kind: str | None) -> bool:
    if kind == "int64":
        return isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value) is not None and int(value) in _INT64
    return isinstance(value, str)


def _is_integer(value: object, kind: str | None) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in (_INT32 if kind == "int32" else _INT64)


_TYPES: Final[Mapping[str, Callable[[object, str | None], bool]]] = {
    "string": _is_string,
    "integer": _is_integer,
    "number": lambda value, _: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value, _: isinstance(value, bool),
}


def _image(body: Json, path: str) -> Iterator[str]:
    if len(body.keys() & {"sourceUri", "privateImageId"}) != 1:
        yield f"Image at '{path}' must have exactly one of sourceUri and privateImageId."
    uri = body.get("sourceUri", {}).get("uri", "") if isinstance(body.get("sourceUri"), dict) else ""
    if "sourceUri" in body and not str(uri).startswith(("http://", "https://")):
        yield f"Image cannot be loaded: '{uri}'."


def _barcode(body: Json, _path: str) -> Iterator[str]:
    if body.get("type") in (None, "BARCODE_TYPE_UNSPECIFIED"):
        yield "Barcode type must be set."
    if body.get("type") in ("TEXT_ONLY", "textOnly") and "alternateText" in body:
        yield "Barcode of type TEXT_ONLY has no alternateText."


def _rotating(body: Json, _path: str) -> Iterator[str]:
    if body.get("type") not in ("QR_CODE", "qrCode", "PDF_417", "pdf417"):
        yield "Rotating barcode must be of type QR_CODE or PDF_417."


def _balance(body: Json, path: str) -> Iterator[str]:
    if sum(body.get(name) is not None for name in _ONE_OF_BALANCE) != 1:
        yield f"Balance at '{path}' must have exactly one of {', '.join(_ONE_OF_BALANCE)}."


def _translated(body: Json, _path: str) -> Iterator[str]:
    if not body.get("language"):
        yield "Language for TranslatedString cannot be empty"


def _moment(body: Json, path: str) -> Iterator[str]:
    try:
        datetime.fromisoformat(str(body.get("date", "")))
    except ValueError:
        yield f"Invalid date at '{path}': {body.get('date')}"


def _interval(body: Json, path: str) -> Iterator[str]:
    ends = [str(body[name].get("date")) for name in ("start", "end") if isinstance(body.get(name), dict)]
    offsets = {re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})\Z", end) is not None for end in ends}
    if len(offsets) > 1:
        yield f"Both ends of '{path}' must have an offset, or none."


def _override(body: Json, _path: str) -> Iterator[str]:
    rows = body.get("cardRowTemplateInfos", [])
    if len(rows) > _ROWS_MAX:
        yield f"No more than {_ROWS_MAX} cardRowTemplateInfos are allowed."
    for row in rows:
        if isinstance(row, dict) and len(row.keys() & {"oneItem", "twoItems", "threeItems"}) != 1:
            yield "A row must have exactly one of oneItem, twoItems and threeItems."


def _locations(body: Json, _path: str) -> Iterator[str]:
    if len(body.get("merchantLocations") or ()) > _LOCATIONS_MAX:
        yield f"No more than {_LOCATIONS_MAX} merchantLocations are allowed."


_RULES: Final[Mapping[str, tuple[Callable[[Json, str], Iterator[str]], ...]]] = {
    "Image": (_image,),
    "Barcode": (_barcode,),
    "RotatingBarcode": (_rotating,),
    "LoyaltyPointsBalance": (_balance,),
    "TranslatedString": (_translated,),
    "DateTime": (_moment,),
    "TimeInterval": (_interval,),
    "CardTemplateOverride": (_override,),
    **{f"{name}Object": (_locations,) for name in ("Loyalty", "GiftCard", "Offer", "Generic")},
}
