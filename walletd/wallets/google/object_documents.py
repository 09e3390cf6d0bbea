"""Objects: one card at Google, the whole of what it should be, made of the same face as Apple's pass (G1.2).

A void card keeps nothing that could be redeemed and nothing of a person, for objects stay at Google for ever (3.7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from walletd.domain.calendar import rfc3339
from walletd.domain.cards.kinds import DESCRIPTIONS
from walletd.domain.cards.rotating_codes import DIGITS, PERIOD_SECONDS
from walletd.domain.delivery.faces import Face, FaceValue, Percent, Phrase
from walletd.domain.money import Money
from walletd.texts.catalogues import translations
from walletd.wallets.google.class_documents import SECOND, Addresses, label_of, value_fields
from walletd.wallets.google.names import RESOURCES
from walletd.wallets.google.texts import Json, localized, micros, money_json, value_text
from walletd.wallets.templates.templates import Template

BARCODES: Final[Mapping[str, str]] = {
    "QR": "QR_CODE",
    "PDF417": "PDF_417",
    "Aztec": "AZTEC",
    "Code128": "CODE_128",
}
"""Format of a template → Google's type."""

PLACEHOLDER: Final = "-"
"""Stands where the card's secret goes in when the document is sent; no document that is kept holds one."""

_ROTATING: Final = frozenset({"QR_CODE", "PDF_417"})
_INT32_MAX: Final = 2**31 - 1
_INT64_MAX: Final = 2**63 - 1
_TOMBSTONE: Final = "0000"
"""The card number of a void gift card, which Google demands."""
_STATES: Final[Mapping[str, str]] = {"coupon_redeemed": "COMPLETED", "coupon_expired": "EXPIRED"}


def object_document(template: Template, object_id: str, class_id: str, face: Face, addresses: Addresses) -> Json:
    """Return the whole object of a card, ready to be inserted; a PATCH is made of what differs from the last one."""
    resource = RESOURCES[template.kind]
    document: Json = {"id": object_id, "classId": class_id}
    if face.voided:
        return document | _void(template, resource)
    document |= {
        "state": _state(face),
        **_barcode(template, face),
        "textModulesData": _modules(template, face),
        "groupingInfo": {"groupingId": class_id},
    }
    if face.stamp_row is not None and template.stamps is not None:
        name = f"stamps-{face.stamp_row.filled}-{face.stamp_row.slots}"
        document["heroImage"] = {"sourceUri": {"uri": addresses.image(template, name)}}
    if face.expires_at is not None:
        document["validTimeInterval"] = {"end": {"date": rfc3339(face.expires_at)}}
    document |= _OF_RESOURCE[resource](template, face)
    return {name: value for name, value in document.items() if value not in ([], "")}


def _barcode(template: Template, face: Face) -> Json:
    """Return the barcode, or the one that rotates; both together would defeat its purpose (G7)."""
    kind = BARCODES[template.barcode_format]
    if not face.rotates or kind not in _ROTATING:
        code = {"type": kind, "value": face.barcode_message, "alternateText": face.barcode_text}
        return {"barcode": code}
    details = {
        "algorithm": "TOTP_SHA1",
        "periodMillis": str(PERIOD_SECONDS * 1000),
        "parameters": [{"key": PLACEHOLDER, "valueLength": DIGITS}],
    }
    pattern = f"{face.barcode_message}.{{totp_timestamp_seconds}}.{{totp_value_0}}"
    return {
        "rotatingBarcode": {
            "type": kind,
            "valuePattern": pattern,
            "alternateText": face.barcode_text,
            "totpDetails": details,
        }
    }


def _state(face: Face) -> str:
    state = face.values.get("state")
    return _STATES.get(state.key, "ACTIVE") if isinstance(state, Phrase) else "ACTIVE"


def _void(template: Template, resource: str) -> Json:
    module = {
        "id": "void",
        "header": _void_header(template.default_language),
        "localizedHeader": localized(template, _void_header),
        "body": _void_body(template.default_language),
        "localizedBody": localized(template, _void_body),
    }
    number = {"cardNumber": _TOMBSTONE} if resource == "giftCard" else {}
    # Messages to the holder may name a person, and an object stays at Google for ever.
    return {"state": "INACTIVE", "textModulesData": [module], "messages": [], **number}


def _void_header(language: str) -> str:
    return translations(language).gettext("Not valid")


def _void_body(language: str) -> str:
    return translations(language).gettext("This card is no longer valid.")


def _modules(template: Template, face: Face) -> list[Json]:
    modules = list[Json]()
    for field in value_fields(template):
        value = face.values.get(str(field.source.value))
        if value is None or value == "":
            continue
        text = _value_text(template, value)
        body = text(template.default_language)
        module: Json = {"id": field.key, "body": body, "localizedBody": localized(template, text)}
        if field.label is not None:
            label = _label_text(template, field.label)
            module |= {"header": label(template.default_language), "localizedHeader": localized(template, label)}
        modules.append(module)
    return modules


def _value_text(template: Template, value: FaceValue) -> Callable[[str], str]:
    return lambda language: value_text(template, value, language)


def _label_text(template: Template, key: str) -> Callable[[str], str]:
    return lambda language: template.text(key, language)


def _loyalty(template: Template, face: Face) -> Json:
    document: Json = {
        "accountId": str(face.values["number"]),
        "accountName": str(face.values["holder"]),
    }
    shown = {"loyaltyPoints": DESCRIPTIONS[face.kind].main_value, "secondaryLoyaltyPoints": SECOND.get(face.kind)}
    for name, value in shown.items():
        if value is not None and value in face.values:
            document[name] = _points(template, face, value)
    return document


def _points(template: Template, face: Face, name: str) -> Json:
    points: Json = {"balance": _balance(template, face, face.values[name], name)}
    label = label_of(template, name)
    if label is not None:
        text = _label_text(template, label)
        points |= {"label": text(template.default_language), "localizedLabel": localized(template, text)}
    return points


def _balance(template: Template, face: Face, value: FaceValue, name: str) -> Json:
    """Return exactly one of int, money and string; a number beyond 32 bits goes as text (G1.1)."""
    if isinstance(value, Money):
        return {"money": money_json(value)}
    if name == "stamps":
        return {"string": f"{value}/{face.values['slots']}"}
    if isinstance(value, Percent):
        # This text has no translation at Google, so it is written the same in all languages.
        whole, part = divmod(value.basis_points, 100)
        return {"string": f"{whole} %" if not part else f"{whole}.{part:02d}".rstrip("0") + " %"}
    if isinstance(value, int):
        return {"int": value} if value <= _INT32_MAX else {"string": str(value)}
    return {"string": value_text(template, value, template.default_language)}


def _gift(_template: Template, face: Face) -> Json:
    value = face.values["balance"]
    # Micros have 64 bits: better no balance than a wrong one.
    shown = isinstance(value, Money) and int(micros(value)) <= _INT64_MAX
    balance = {"balance": money_json(value)} if isinstance(value, Money) and shown else {}
    return {"cardNumber": str(face.values["number"]), **balance}


def _offer(_template: Template, _face: Face) -> Json:
    return {}


_OF_RESOURCE: Final[Mapping[str, Callable[[Template, Face], Json]]] = {
    "loyalty": _loyalty,
    "giftCard": _gift,
    "offer": _offer,
}
