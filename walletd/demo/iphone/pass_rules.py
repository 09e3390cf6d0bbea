"""What a phone demands of `pass.json`, as pure functions over the decoded document (A1.4 and A1.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

STYLES: Final = ("storeCard", "coupon", "generic", "eventTicket", "boardingPass", "posterGeneric")
FIELD_GROUPS: Final = (
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "footerFields",
    "backFields",
    "additionalInfoFields",
)
_REQUIRED_TEXTS: Final = (
    "passTypeIdentifier",
    "serialNumber",
    "teamIdentifier",
    "organizationName",
    "description",
)
_TOKEN_LENGTH_MIN: Final = 16
_BARCODE_FORMATS: Final = frozenset(
    f"PKBarcodeFormat{name}" for name in ("QR", "PDF417", "Aztec", "Code128", "Code39", "Codabar", "EAN13", "I2of5")
)
_COLOUR: Final = re.compile(r"rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)")


class DocumentRefused(Exception):
    """A JSON document of the pass breaks a rule that phones enforce."""


def decode_strictly(content: bytes, name: str) -> dict[str, Any]:
    """Decode a JSON object as strictly as phones do: UTF-8 without BOM, no duplicate keys, no NaN, no null (PK13)."""
    try:
        document = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except ValueError as error:
        raise DocumentRefused(f"{name} is not strict JSON: {error}") from error
    if not isinstance(document, dict):
        raise DocumentRefused(f"{name} is not a JSON object")
    if any(value is None for value in _values(document)):
        raise DocumentRefused(f"{name} contains null")
    return document


def check_document(document: Mapping[str, Any]) -> None:
    """Check `pass.json`; raises DocumentRefused naming the key at fault."""
    for check in (_check_required, _check_web_service, _check_style, _check_barcodes, _check_appearance):
        check(document)


def style_of(document: Mapping[str, Any]) -> str:
    """Return the style a phone of today draws: the legacy one where a pass also carries posterGeneric."""
    return next(style for style in STYLES if style in document)


def fields_of(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return all fields of the pass by their key, in the order of the groups."""
    body = document[style_of(document)]
    return {field["key"]: field for group in FIELD_GROUPS for field in body.get(group, [])}


def _check_required(document: Mapping[str, Any]) -> None:
    if document.get("formatVersion") != 1 or isinstance(document.get("formatVersion"), bool):
        raise DocumentRefused("formatVersion is not the number 1")
    for key in _REQUIRED_TEXTS:
        if not isinstance(document.get(key), str) or not document[key]:
            raise DocumentRefused(f"{key} is missing or not a text")


def _check_web_service(document: Mapping[str, Any]) -> None:
    url, token = document.get("webServiceURL"), document.get("authenticationToken")
    if (url is None) != (token is None):
        raise DocumentRefused("webServiceURL and authenticationToken belong together")
    if url is None:
        return
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise DocumentRefused("webServiceURL is not a web address")
    if not isinstance(token, str) or len(token) < _TOKEN_LENGTH_MIN:
        raise DocumentRefused("authenticationToken has less than 16 characters")


def _check_style(document: Mapping[str, Any]) -> None:
    styles = [style for style in STYLES if style in document]
    if len([style for style in styles if style != "posterGeneric"]) > 1 or not styles:
        raise DocumentRefused("the pass has not exactly one style")
    for style in styles:
        body = document[style]
        if not isinstance(body, dict):
            raise DocumentRefused(f"{style} is not an object")
        seen: set[str] = set()
        for group in FIELD_GROUPS:
            for field in body.get(group, []):
                _check_field(field, group, seen)


def _check_field(field: object, group: str, seen: set[str]) -> None:
    if not isinstance(field, dict) or not isinstance(field.get("key"), str) or not field["key"]:
        raise DocumentRefused(f"a field of {group} has no key")
    key = field["key"]
    if key in seen:
        raise DocumentRefused(f"the field key {key!r} occurs twice")
    seen.add(key)
    value = field.get("value")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and not isinstance(value, str):
        raise DocumentRefused(f"the field {key!r} has no value")
    if ("currencyCode" in field or "numberStyle" in field) and not is_number:
        raise DocumentRefused(f"the field {key!r} has a number format but no number")
    if ("dateStyle" in field or "timeStyle" in field) and not _DATE.fullmatch(str(value)):
        raise DocumentRefused(f"the field {key!r} has a date format but no date with a zone")
    if "changeMessage" in field and not isinstance(field["changeMessage"], str):
        raise DocumentRefused(f"the changeMessage of {key!r} is not a text")


def _check_barcodes(document: Mapping[str, Any]) -> None:
    barcodes = document.get("barcodes", [])
    if not isinstance(barcodes, list):
        raise DocumentRefused("barcodes is not an array")
    for barcode in barcodes:
        if not isinstance(barcode, dict) or barcode.get("format") not in _BARCODE_FORMATS:
            raise DocumentRefused("a barcode has an unknown format")
        message, encoding = barcode.get("message"), barcode.get("messageEncoding")
        if not isinstance(message, str) or not isinstance(encoding, str):
            raise DocumentRefused("a barcode lacks message or messageEncoding")
        try:
            message.encode(encoding)
        except (LookupError, UnicodeEncodeError) as error:
            raise DocumentRefused("a barcode's message does not fit its messageEncoding") from error


def _check_appearance(document: Mapping[str, Any]) -> None:
    for key in ("foregroundColor", "backgroundColor", "labelColor", "stripColor"):
        if key in document and not _COLOUR.fullmatch(str(document[key])):
            raise DocumentRefused(f"{key} is not of the form rgb(r, g, b)")
    if "expirationDate" in document and not _DATE.fullmatch(str(document["expirationDate"])):
        raise DocumentRefused("expirationDate is not a date with a zone")
    if "voided" in document and not isinstance(document["voided"], bool):
        raise DocumentRefused("voided is not a boolean")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _values(value: object) -> Iterator[object]:
    yield value
    if isinstance(value, dict):
        for each in value.values():
            yield from _values(each)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each)
