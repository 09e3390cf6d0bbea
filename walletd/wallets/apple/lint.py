"""What is wrong with a pass.json, said before it is signed: iPhones refuse such passes without a reason.

It runs over the first pass of each template revision rather than over every pass, as it parses what was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from walletd.domain.errors import TemplateInvalid

STYLES = ("coupon", "eventTicket", "generic", "storeCard", "boardingPass")

_REQUIRED_TEXTS = (
    "authenticationToken",
    "description",
    "organizationName",
    "passTypeIdentifier",
    "serialNumber",
    "teamIdentifier",
    "webServiceURL",
)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)")
_COLOR = re.compile(r"rgb\(\d{1,3}, \d{1,3}, \d{1,3}\)")
_FORMATS = {f"PKBarcodeFormat{name}" for name in ("QR", "PDF417", "Aztec", "Code128")}
_FORBIDDEN = ("barcode", "groupingIdentifier", "relevantDate", "locations")


def check_pass_json(document: bytes) -> None:
    """Raise TemplateInvalid naming every fault of the document (A1.4 and A1.5); silent if there is none."""
    faults = list(faults_of(document))
    if faults:
        raise TemplateInvalid("The pass would not open on a phone: " + "; ".join(faults), faults=faults)


def faults_of(document: bytes) -> Iterator[str]:
    """Yield the faults of a pass.json as sentences."""
    try:
        content = json.loads(document)
    except ValueError as error:
        yield f"pass.json is no JSON: {error}"
        return
    yield from _top_level(content)
    styles = [style for style in STYLES if style in content]
    if len(styles) != 1:
        yield f"exactly one style is needed, not {len(styles)}"
        return
    yield from _fields(content[styles[0]])


def _top_level(content: Mapping[str, object]) -> Iterator[str]:
    if content.get("formatVersion") != 1:
        yield "formatVersion is not 1"
    for key in _REQUIRED_TEXTS:
        value = content.get(key)
        if not isinstance(value, str) or not value:
            yield f"{key} is missing"
    if len(str(content.get("authenticationToken", ""))) < 16:
        yield "authenticationToken is shorter than 16 characters"
    if str(content.get("webServiceURL", "")).endswith(("/", "/v1")):
        yield "webServiceURL ends with a slash or /v1"
    yield from (f"{key} must not be used" for key in _FORBIDDEN if key in content)
    for key in ("backgroundColor", "foregroundColor", "labelColor"):
        if not _COLOR.fullmatch(str(content.get(key))):
            yield f"{key} is not of the form rgb(r, g, b)"
    if "expirationDate" in content and not _DATE.fullmatch(str(content["expirationDate"])):
        yield "expirationDate has no offset, or fractions of a second"
    yield from _barcodes(content.get("barcodes", []))
    yield from _nulls(content, "")


def _barcodes(barcodes: object) -> Iterator[str]:
    if not isinstance(barcodes, list):
        yield "barcodes is not an array"
        return
    for barcode in barcodes:
        if barcode.get("format") not in _FORMATS:
            yield "the format of the barcode is unknown"
        message, encoding = barcode.get("message"), barcode.get("messageEncoding")
        if not isinstance(message, str) or not message or not isinstance(encoding, str):
            yield "the barcode has no message, or no messageEncoding"
            continue
        try:
            message.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            yield "the message of the barcode cannot be written in its messageEncoding"


def _fields(style: Mapping[str, Sequence[Mapping[str, object]]]) -> Iterator[str]:
    seen: set[object] = set()
    for place, fields in style.items():
        for field in fields:
            key = field.get("key")
            if not key or "value" not in field:
                yield f"a field of {place} has no key or no value"
            if key in seen:
                yield f"the key {key} occurs twice"
            seen.add(key)
            number = isinstance(field.get("value"), int | float) and not isinstance(field.get("value"), bool)
            if ("currencyCode" in field or "numberStyle" in field) and not number:
                yield f"the field {key} has a number's style but no number"
            if "textAlignment" in field and place in {"primaryFields", "backFields"}:
                yield f"the field {key} of {place} must not have a textAlignment"


def _nulls(value: object, path: str) -> Iterator[str]:
    if value is None:
        yield f"{path} is null"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _nulls(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _nulls(inner, f"{path}/{index}")
