"""From a face to `pass.json`: sorted keys, no spaces, UTF-8, and the same bytes for the same state (PK10).

What a template fixes is written once (`PassWriter`); for each card only its values are put in between. Numbers go out
as exact decimals, zero is a value like any other, and a text that is empty or absent takes its whole field with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring

from walletd.domain.cards.kinds import DESCRIPTIONS
from walletd.domain.delivery.faces import OPTIONAL_VALUES, Face, FaceValue, Percent, Phrase
from walletd.domain.errors import TemplateInvalid
from walletd.domain.money import Money
from walletd.wallets import PassIdentity
from walletd.wallets.templates.templates import PLACES, Field, Template, apple_style

_DECIMAL_COMMA = frozenset({"cs", "da", "de", "es", "fi", "fr", "it", "nb", "nl", "pl", "pt", "sv"})
_TOKEN_LENGTH_MIN = 16

_quote: Callable[[str], str] = encode_basestring


@dataclass(frozen=True, slots=True)
class PassIssuer:
    """Whose passes these are, and where phones fetch updates: `web_service_url` has no slash at its end (1.4)."""

    pass_type_identifier: str
    team_identifier: str
    web_service_url: str


def pass_json(template: Template, face: Face, identity: PassIdentity, issuer: PassIssuer) -> bytes:
    """Write one pass.json; for many of one template keep a `PassWriter`. Raises TemplateInvalid."""
    return PassWriter(template, issuer).write(face, identity)


class PassWriter:
    """Writes the passes of one template for one issuer; immutable, so that nothing of one card reaches another."""

    def __init__(self, template: Template, issuer: PassIssuer) -> None:
        self._template = template
        comma = template.default_language.split("-")[0] in _DECIMAL_COMMA
        self._fields = tuple(
            (place, tuple(_FieldWriter(field, decimal_comma=comma) for field in template.fields[place]))
            for place in sorted(PLACES)
        )
        colors = template.colors
        self._constant = {
            "backgroundColor": _quote(colors.background.css),
            "description": _quote(template.description),
            "foregroundColor": _quote(colors.foreground.css),
            "formatVersion": "1",
            "labelColor": _quote(colors.label.css),
            "passTypeIdentifier": _quote(issuer.pass_type_identifier),
            "teamIdentifier": _quote(issuer.team_identifier),
            "webServiceURL": _quote(issuer.web_service_url),
        }
        if not DESCRIPTIONS[template.kind].transferable:
            self._constant["sharingProhibited"] = "true"

    def write(self, face: Face, identity: PassIdentity) -> bytes:
        """Return pass.json for one state of one card.

        Raises TemplateInvalid where the face lacks a value that the template shows.
        """
        if len(identity.authentication_token) < _TOKEN_LENGTH_MIN:
            raise ValueError("an authentication token has at least 16 characters")
        members = dict(self._constant)
        members["authenticationToken"] = _quote(identity.authentication_token)
        members["serialNumber"] = _quote(identity.serial_number)
        members["organizationName"] = _quote(face.merchant_name)
        members[self._template.style] = self._style(face)
        logo_text = self._template.logo_text
        if logo_text is not None:
            text = logo_text.text if logo_text.text is not None else face.values.get(str(logo_text.value))
            if isinstance(text, str) and text:
                members["logoText"] = _quote(text)
        if face.expires_at is not None:
            members["expirationDate"] = _moment(face.expires_at)
        if face.voided:
            members["voided"] = "true"
        else:
            members["barcodes"] = self._barcodes(face)
        return ("{" + ",".join([f'"{key}":{members[key]}' for key in sorted(members)]) + "}").encode()

    def _style(self, face: Face) -> str:
        places = []
        for place, writers in self._fields:
            written = [text for writer in writers if (text := writer.write(face))]
            if written:
                places.append(f'"{place}Fields":[{",".join(written)}]')
        return "{" + ",".join(places) + "}"

    def _barcodes(self, face: Face) -> str:
        alternative = f'"altText":{_quote(face.barcode_text)},' if face.barcode_text else ""
        return (
            f'[{{{alternative}"format":"PKBarcodeFormat{self._template.barcode_format}",'
            f'"message":{_quote(face.barcode_message)},"messageEncoding":"{_encoding(face.barcode_message)}"}}]'
        )


class _FieldWriter:
    """Writes one field; its key `value` is the last in the alphabet, so that all before it is constant or nearly so."""

    def __init__(self, field: Field, *, decimal_comma: bool) -> None:
        self._source = field.source
        self._decimal_comma = decimal_comma
        constant = dict(_constant_members(field))
        self._before_currency = "".join(
            f'"{key}":{value},' for key, value in sorted(constant.items()) if key < "currencyCode"
        )
        self._before_style = "".join(
            f'"{key}":{value},' for key, value in sorted(constant.items()) if "currencyCode" < key < "numberStyle"
        )
        self._rest = "".join(f'"{key}":{value},' for key, value in sorted(constant.items()) if key >= "numberStyle")
        self._head = self._before_currency + self._before_style + self._rest
        text = field.source.text
        self._constant = "" if text is None else f'{{{self._head}"value":{_quote(text)}}}'

    def write(self, face: Face) -> str:
        """Return the field as JSON, or nothing where its text is empty or absent."""
        if self._constant:
            return self._constant
        name = str(self._source.value)
        value = face.values.get(name)
        if isinstance(value, str):
            return f'{{{self._head}"value":{_quote(value)}}}' if value else ""
        if isinstance(value, int):
            return f'{{{self._head}"value":{int(value)}}}'
        if value is None:
            if self._source.type == "text" or name in OPTIONAL_VALUES:
                return ""
            raise TemplateInvalid(f"The card has no value {name!r}, which the template shows", path=name)
        return self._write_rich(value)

    def _write_rich(self, value: FaceValue) -> str:
        if isinstance(value, Money):
            currency = f'"currencyCode":{_quote(value.currency)},'
            amount = format(value.decimal(), "f")
            return f'{{{self._before_currency}{currency}{self._before_style}{self._rest}"value":{amount}}}'
        if isinstance(value, Percent):
            return self._write_percent(value)
        if isinstance(value, Phrase):
            return f'{{{self._head}"value":{_quote(value.key)}}}'
        if isinstance(value, datetime):
            return f'{{{self._head}"value":{_moment(value)}}}'
        raise TypeError(f"a face has no values of type {type(value).__name__}")

    def _write_percent(self, value: Percent) -> str:
        """Apple's percent style shows whole percents only, so that 7.5 % goes out as text (see `Source`)."""
        if value.basis_points % 100 == 0:
            style = '"numberStyle":"PKNumberStylePercent",'
            share = format(Decimal(value.basis_points // 100).scaleb(-2), "f")
            return f'{{{self._before_currency}{self._before_style}{style}{self._rest}"value":{share}}}'
        percents = format(Decimal(value.basis_points).scaleb(-2), "f").rstrip("0")
        text = percents.replace(".", ",") + "\u00a0%" if self._decimal_comma else percents + "%"
        return f'{{{self._head}"value":{_quote(text)}}}'


def _constant_members(field: Field) -> Iterator[tuple[str, str]]:
    yield "key", _quote(field.key)
    if field.label is not None:
        yield "label", _quote(field.label)
    if field.change_message is not None:
        yield "changeMessage", _quote(field.change_message)
    if field.is_relative:
        yield "isRelative", "true"
    styles = {
        "textAlignment": ("text_alignment", field.text_alignment),
        "numberStyle": ("number_style", field.number_style),
        "dateStyle": ("date_style", field.date_style),
        "timeStyle": ("time_style", field.time_style),
    }
    for name, (attribute, word) in styles.items():
        if word is not None:
            yield name, _quote(apple_style(attribute, word))


def _moment(value: datetime) -> str:
    """Whole seconds and an offset with its colon: anything else keeps the pass from opening (F2)."""
    if value.tzinfo is None:
        raise ValueError("a moment on a pass needs its time zone")
    return f'"{value.isoformat(timespec="seconds")}"'


def _encoding(message: str) -> str:
    try:
        message.encode("iso-8859-1")
    except UnicodeEncodeError:
        return "utf-8"
    return "iso-8859-1"
