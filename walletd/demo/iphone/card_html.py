"""Draw a card as Wallet does: front, back and barcode, as HTML. Pure functions; every text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from walletd.demo.iphone.card import Card, organisation_name, shown_value
from walletd.demo.qr_code import qr_html
from walletd.demo.texts.catalogues import translations

_RGB = re.compile(r"rgb\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)")
_DEFAULT_COLOURS: Final = {"backgroundColor": "e9e9ee", "foregroundColor": "111111", "labelColor": "5a5a66"}
_SIZES: Final = ((22, " is-tiny"), (15, " is-small"), (9, " is-medium"))


@dataclass(frozen=True, slots=True)
class Look:
    """Where and how a card is drawn: the phone's number and the language."""

    phone: int
    language: str

    def gettext(self, text: str) -> str:
        """Return a text of the page in the language."""
        return translations(self.language).gettext(text)


def colours(card: Card) -> str:
    """Return background, foreground and label colour as `rrggbb-rrggbb-rrggbb`."""
    return "-".join(_hex(str(card.opened.document.get(key, "")), default) for key, default in _DEFAULT_COLOURS.items())


def colour_rules(name: str) -> str:
    """Return the style sheet for colours named as `colours` names them; everything in it follows from the name."""
    background, foreground, label = name.split("-")
    return f".colours-{name}{{--background:#{background};--foreground:#{foreground};--label:#{label}}}"


def card_html(card: Card, look: Look) -> str:
    """Return the card with both its sides."""
    name = colours(card)
    flip = f"flip-{look.phone}-{card.card_id}"
    body = card.opened.document[card.opened.style]
    turn = escape(look.gettext("Turn the card over"))
    voided = " is-void" if card.opened.document.get("voided") else ""
    return (
        f'<article class="card style-{escape(card.opened.style)} colours-{name}{voided}" data-card="{card.card_id}">'
        f'<link rel="stylesheet" href="/colours/{name}.css">'
        f'<input class="flip" type="checkbox" id="{flip}" aria-label="{turn}">'
        f'<div class="sides">{_front(card, body, look, flip)}{_back(card, body, look, flip)}</div></article>'
    )


def _front(card: Card, body: Mapping[str, Any], look: Look, flip: str) -> str:
    turn, voided = escape(look.gettext("Turn the card over")), escape(look.gettext("Void"))
    void = f'<p class="void">{voided}</p>' if card.opened.document.get("voided") else ""
    lower = [*body.get("secondaryFields", []), *body.get("auxiliaryFields", [])]
    return (
        '<div class="side front">'
        f"{_top(card, body, look)}{_primary(card, body, look)}"
        f'<div class="row lower">{_fields(card, lower, look)}</div>{void}'
        f"{_barcode(card, look)}"
        f'<label class="turn" for="{flip}" title="{turn}"><span>i</span></label></div>'
    )


def _top(card: Card, body: Mapping[str, Any], look: Look) -> str:
    organisation = organisation_name(card.opened, look.language)
    logo = ""
    if card.opened.image("logo", look.language) is not None:
        logo = f'<img class="logo" src="{_image(card, "logo", look)}" alt="{escape(organisation)}">'
    text = card.opened.text(str(card.opened.document.get("logoText", "")), look.language)
    fields = _fields(card, body.get("headerFields", []), look)
    return (
        f'<header class="top">{logo}<span class="logo-text">{escape(text)}</span>'
        f'<div class="row header-fields">{fields}</div></header>'
    )


def _primary(card: Card, body: Mapping[str, Any], look: Look) -> str:
    fields = _fields(card, body.get("primaryFields", []), look)
    if card.opened.image("strip", look.language) is not None:
        image = f'<img class="strip-image" src="{_image(card, "strip", look)}" alt="">'
        return f'<div class="strip">{image}<div class="primary">{fields}</div></div>'
    thumbnail = ""
    if card.opened.image("thumbnail", look.language) is not None:
        thumbnail = f'<img class="thumbnail" src="{_image(card, "thumbnail", look)}" alt="">'
    return f'<div class="plain"><div class="primary">{fields}</div>{thumbnail}</div>'


def _fields(card: Card, fields: Iterable[Mapping[str, Any]], look: Look) -> str:
    return "".join(_field(card, field, look) for field in fields)


def _field(card: Card, field: Mapping[str, Any], look: Look) -> str:
    label = card.opened.text(str(field.get("label", "")), look.language)
    value = shown_value(card.opened, field, look.language)
    return (
        f'<div class="field{_size(value)}" data-field="{escape(str(field["key"]))}">'
        f'<span class="label">{escape(label)}</span><span class="value">{escape(value)}</span></div>'
    )


def _size(value: str) -> str:
    """Wallet makes long values smaller until they fit on their line."""
    return next((name for length, name in _SIZES if len(value) > length), "")


def _barcode(card: Card, look: Look) -> str:
    """Draw the first barcode; anything but a QR code is shown as its text."""
    barcodes = card.opened.document.get("barcodes", [])
    if not barcodes:
        return ""
    barcode = barcodes[0]
    message = str(barcode["message"])
    caption = card.opened.text(str(barcode.get("altText", "")), look.language)
    if barcode["format"] == "PKBarcodeFormatQR":
        drawing = qr_html(message.encode(str(barcode["messageEncoding"])))
    else:
        drawing = f'<span class="code-text">{escape(message)}</span>'
    return (
        f'<figure class="barcode" data-message="{escape(message)}">{drawing}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _back(card: Card, body: Mapping[str, Any], look: Look, flip: str) -> str:
    base = f"/phones/{look.phone}/cards/{card.card_id}"
    done, refresh, delete = look.gettext("Done"), look.gettext("Update now"), look.gettext("Delete card")
    updated, serial = look.gettext("Updated at"), look.gettext("Serial number")
    registered, unregistered = look.gettext("Automatic updates on"), look.gettext("Automatic updates off")
    state = registered if card.is_registered else unregistered
    fields = [*body.get("backFields", []), *body.get("additionalInfoFields", [])]
    return (
        '<div class="side back">'
        f'<label class="done" for="{flip}">{escape(done)}</label>'
        f'<form method="post" action="{base}/refresh"><button>{escape(refresh)}</button></form>'
        f'<p class="state"><span class="dot{" on" if card.is_registered else ""}"></span>{escape(state)}<br>'
        f"{escape(updated)} {card.updated_at:%H:%M:%S} UTC</p>"
        f'<div class="back-fields">{_fields(card, fields, look)}'
        f'<div class="field"><span class="label">{escape(serial)}</span>'
        f'<span class="value serial">{escape(card.key.serial)}</span></div></div>'
        f'<form method="post" action="{base}/delete"><button class="delete">{escape(delete)}</button></form>'
        "</div>"
    )


def _image(card: Card, name: str, look: Look) -> str:
    version = card.opened.manifest_hash[:12]
    return f"/phones/{look.phone}/cards/{card.card_id}/{name}.png?language={look.language}&amp;version={version}"


def _hex(colour: str, default: str) -> str:
    match = _RGB.fullmatch(colour)
    return "".join(f"{min(int(part), 255):02x}" for part in match.groups()) if match else default
