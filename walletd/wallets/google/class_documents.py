"""Classes: what all cards of a program have in common at Google, made of the program and its template (G1.2).

A class is written at configuration time. Each write says `reviewStatus: UNDER_REVIEW`, as reads return a status that
writes refuse (G3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from walletd.domain.cards.kinds import DESCRIPTIONS
from walletd.wallets import ProgramShown
from walletd.wallets.google.names import RESOURCES
from walletd.wallets.google.texts import Json, everywhere, localized
from walletd.wallets.templates.templates import Field, Template

SECOND: Final[Mapping[str, str]] = {"stamp": "rewards", "cashback": "locked"}
"""kind → the value that Google shows as second points, where the card has it."""

_ELSEWHERE: Final = frozenset({"number", "program", "merchant", "holder", "slots", "message"})
"""Values that have a place of their own at Google, or are part of another one."""
_FRONT: Final = ("header", "primary", "secondary", "auxiliary")
_TEXT_MODULES_MAX: Final = 10
_IN_A_ROW: Final = 3


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Google finds things of this installation; all below its public URL, without a slash at the end."""

    homepage: str
    callback: str | None
    image: Callable[[Template, str], str]
    """Template and name of an image → its address."""


def class_document(template: Template, class_id: str, program: ProgramShown, addresses: Addresses) -> Json:
    """Return the whole class of a program, ready to be inserted."""
    kind = template.kind
    document: Json = {
        "id": class_id,
        "issuerName": program.merchant_name,
        "localizedIssuerName": everywhere(template, program.merchant_name),
        "reviewStatus": "UNDER_REVIEW",
        "hexBackgroundColor": template.colors.background.hex,
        "heroImage": _image(template, addresses, "hero"),
        "homepageUri": {"uri": addresses.homepage, "description": program.merchant_name},
        "multipleDevicesAndHoldersAllowedStatus": (
            "ONE_USER_ALL_DEVICES" if DESCRIPTIONS[kind].transferable else "MULTIPLE_HOLDERS"
        ),
        "textModulesData": constant_modules(template),
        "classTemplateInfo": {"cardTemplateOverride": {"cardRowTemplateInfos": _rows(template)}},
    }
    if addresses.callback is not None:
        document["callbackOptions"] = {"url": addresses.callback}
    document |= _OF_RESOURCE[RESOURCES[kind]](template, program, _image(template, addresses, "logo"))
    return {name: value for name, value in document.items() if value != []}


def constant_modules(template: Template) -> list[Json]:
    """Return the texts that are the same on every card of the template."""
    fields = (field for place in (*_FRONT, "back") for field in template.fields[place] if field.source.text is not None)
    return [
        {
            "id": field.key,
            **_header(template, field),
            "body": template.text(str(field.source.text), template.default_language),
            "localizedBody": localized(template, _text_of(template, str(field.source.text))),
        }
        for field in list(fields)[:_TEXT_MODULES_MAX]
    ]


def value_fields(template: Template) -> list[Field]:
    """Return the fields of a template whose values go into text modules of an object, those of the front first."""
    shown = {DESCRIPTIONS[template.kind].main_value, SECOND.get(template.kind)} | _ELSEWHERE
    fields, seen = list[Field](), set[str]()
    for place in (*_FRONT, "back"):
        for field in template.fields[place]:
            value = field.source.value
            if value is not None and value not in shown and value not in seen:
                seen.add(value)
                fields.append(field)
    return fields[:_TEXT_MODULES_MAX]


def label_of(template: Template, value: str) -> str | None:
    """Return the key of the label under which a template shows a value, if it does."""
    fields = (field for place in (*_FRONT, "back") for field in template.fields[place])
    return next((field.label for field in fields if field.source.value == value and field.label), None)


def _header(template: Template, field: Field) -> Json:
    if field.label is None:
        return {}
    text = _text_of(template, field.label)
    return {"header": text(template.default_language), "localizedHeader": localized(template, text)}


def _text_of(template: Template, key: str) -> Callable[[str], str]:
    return lambda language: template.text(key, language)


def _rows(template: Template) -> list[Json]:
    """Return up to two rows of the card's front: points, then what the template shows on the front of a pass."""
    native = DESCRIPTIONS[template.kind].main_value
    points = ["object.balance"] if template.kind == "gift" else ["object.loyaltyPoints.balance"]
    if template.kind in SECOND:
        points.append("object.secondaryLoyaltyPoints.balance")
    on_front = {field.key for place in _FRONT for field in template.fields[place]}
    modules = [f"object.textModulesData['{field.key}']" for field in value_fields(template) if field.key in on_front]
    rows = [points if native is not None else [], modules[:_IN_A_ROW]]
    return [_row(paths) for paths in rows if paths]


def _row(paths: Sequence[str]) -> Json:
    items = [{"firstValue": {"fields": [{"fieldPath": path}]}} for path in paths]
    if len(items) == 1:
        return {"oneItem": {"item": items[0]}}
    if len(items) == _IN_A_ROW:
        return {"threeItems": {"startItem": items[0], "middleItem": items[1], "endItem": items[2]}}
    return {"twoItems": {"startItem": items[0], "endItem": items[1]}}


def _image(template: Template, addresses: Addresses, name: str) -> Json:
    return {
        "sourceUri": {"uri": addresses.image(template, name)},
        "contentDescription": localized(template, _text_of(template, template.description)),
    }


def _loyalty(template: Template, program: ProgramShown, logo: Json) -> Json:
    document: Json = {
        "programName": program.name,
        "localizedProgramName": everywhere(template, program.name),
        "programLogo": logo,
    }
    for value, name in (("number", "accountIdLabel"), ("holder", "accountNameLabel")):
        label = label_of(template, value)
        if label is not None:
            text = _text_of(template, label)
            document[name] = text(template.default_language)
            document[f"localized{name[0].upper()}{name[1:]}"] = localized(template, text)
    return document


def _gift(template: Template, program: ProgramShown, logo: Json) -> Json:
    document: Json = {
        "merchantName": program.name,
        "localizedMerchantName": everywhere(template, program.name),
        "programLogo": logo,
        "allowBarcodeRedemption": True,  # else Google hides the barcode
    }
    label = label_of(template, "number")
    if label is not None:
        text = _text_of(template, label)
        document["cardNumberLabel"] = text(template.default_language)
        document["localizedCardNumberLabel"] = localized(template, text)
    return document


def _offer(template: Template, program: ProgramShown, logo: Json) -> Json:
    return {
        "title": program.name,
        "localizedTitle": everywhere(template, program.name),
        "provider": program.merchant_name,
        "localizedProvider": everywhere(template, program.merchant_name),
        "redemptionChannel": "INSTORE",
        "titleImage": logo,
    }


_OF_RESOURCE: Final[Mapping[str, Callable[[Template, ProgramShown, Json], Json]]] = {
    "loyalty": _loyalty,
    "giftCard": _gift,
    "offer": _offer,
}
