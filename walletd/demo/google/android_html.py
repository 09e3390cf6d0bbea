"""Draw a card as Google Wallet does, as HTML. Pure functions; every text is escaped here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from walletd.demo.google.android import SavedCard, VirtualAndroid, amount_text, points_text, rotating_value, text_of
from walletd.demo.iphone.card_html import Look
from walletd.demo.qr_code import qr_html

_EVENTS_SHOWN: Final = 30
_BANNER_SECONDS: Final = 12
_BRIGHT: Final = 150


def android_parts(phone: VirtualAndroid, notice: str | None, look: Look) -> dict[str, str]:
    """Return the parts of one Android phone that change: `screen`, `status`, `events` and `banner`."""
    cards = "".join(_card(card, look, phone.now()) for card in phone.cards.values())
    no_card, android = look.gettext("No card yet. Paste a link below."), look.gettext("Android with Google Wallet")
    empty = f'<p class="empty">{escape(no_card)}</p>'
    shown = f'<p class="notice" role="alert">{escape(notice)}</p>' if notice else ""
    return {
        "screen": f'<div class="wallet-title">Google Wallet</div>{cards or empty}',
        "status": f'<p class="network"><span class="dot online"></span>{escape(android)}</p>{shown}',
        "events": _events(phone, look),
        "banner": _banner(phone, look),
    }


def _card(card: SavedCard, look: Look, now: datetime) -> str:
    flip, turn = f"flip-{look.phone}-{card.card_id}", escape(look.gettext("Turn the card over"))
    void = " is-void" if card.stored.body.get("state") != "ACTIVE" else ""
    name = _colours(str(card.of_class.get("hexBackgroundColor", "#5f6368")))
    return (
        f'<article class="card google colours-{name}{void}" data-card="{card.card_id}">'
        f'<link rel="stylesheet" href="/colours/{name}.css">'
        f'<input class="flip" type="checkbox" id="{flip}" aria-label="{turn}">'
        f'<div class="sides">{_front(card, look, flip, now)}{_back(card, look, flip)}</div></article>'
    )


def _front(card: SavedCard, look: Look, flip: str, now: datetime) -> str:
    body, of_class, language = card.stored.body, card.of_class, look.language
    issuer = text_of(of_class, "issuerName", language)
    titles = (text_of(of_class, name, language) for name in ("programName", "merchantName", "title"))
    logo = f'<img class="round" src="{_image(card, "logo", look)}" alt="">' if card.image("logo") else ""
    hero = f'<img class="hero" src="{_image(card, "hero", look)}" alt="">' if card.image("hero") else ""
    void = f'<p class="void">{escape(str(body.get("state")))}</p>' if body.get("state") != "ACTIVE" else ""
    shown = [name for name in ("loyaltyPoints", "secondaryLoyaltyPoints") if name in body]
    numbers = "".join(_points(name, body[name], language) for name in shown)
    if "balance" in body:
        numbers += _field("balance", look.gettext("Balance"), amount_text(body["balance"], language))
    front = _front_modules(card)
    modules = "".join(_module(item, language) for item in body.get("textModulesData", ()) if item.get("id") in front)
    turn = escape(look.gettext("Turn the card over"))
    return (
        f'<div class="side front"><header class="top">{logo}<span class="logo-text">{escape(issuer)}</span></header>'
        f'<p class="program">{escape(next(filter(None, titles), ""))}</p><div class="row lower">{numbers}</div>'
        f'<div class="row lower">{modules}</div>{void}{_barcode(body, now)}{hero}'
        f'<label class="turn" for="{flip}" title="{turn}"><span>i</span></label></div>'
    )


def _front_modules(card: SavedCard) -> set[str]:
    """Return the ids of the text modules that the class puts on the front."""
    rows = card.of_class.get("classTemplateInfo", {}).get("cardTemplateOverride", {}).get("cardRowTemplateInfos", ())
    fields = [field for row in rows for item in _items(row) for field in item["firstValue"]["fields"]]
    paths = [str(field["fieldPath"]) for field in fields]
    return {path.partition("['")[2].rstrip("']") for path in paths if "textModulesData" in path}


def _items(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [item for shape in row.values() for item in shape.values()]


def _points(name: str, points: Mapping[str, Any], language: str) -> str:
    return _field(name, text_of(points, "label", language), points_text(points, language))


def _module(module: Mapping[str, Any], language: str) -> str:
    return _field(str(module.get("id")), text_of(module, "header", language), text_of(module, "body", language))


def _field(key: str, label: str, value: str) -> str:
    return (
        f'<div class="field" data-field="{escape(key)}"><span class="label">{escape(label)}</span>'
        f'<span class="value">{escape(value)}</span></div>'
    )


def _barcode(body: Mapping[str, Any], now: datetime) -> str:
    barcode = body.get("barcode")
    if isinstance(rotating := body.get("rotatingBarcode"), dict):
        barcode = {**rotating, "value": rotating_value(rotating, now)}
    if not isinstance(barcode, dict):
        return ""
    message = str(barcode.get("value", ""))
    is_qr = barcode.get("type") == "QR_CODE"
    drawing = qr_html(message.encode()) if is_qr else f'<span class="code-text">{escape(message)}</span>'
    caption = escape(str(barcode.get("alternateText", "")))
    return (
        f'<figure class="barcode" data-message="{escape(message)}">{drawing}<figcaption>{caption}</figcaption></figure>'
    )


def _back(card: SavedCard, look: Look, flip: str) -> str:
    body, language = card.stored.body, look.language
    messages = "".join(_module(item, language) for item in reversed(body.get("messages", ())))
    modules = [*body.get("textModulesData", ()), *card.of_class.get("textModulesData", ())]
    fields = "".join(_module(item, language) for item in modules)
    label, name = text_of(card.of_class, "accountNameLabel", language), str(body.get("accountName", ""))
    holder = _field("accountName", label, name) if name else ""
    done, updated, delete = look.gettext("Done"), look.gettext("Updated at"), look.gettext("Delete card")
    return (
        f'<div class="side back"><label class="done" for="{flip}">{escape(done)}</label>'
        f'<p class="state">{escape(updated)} {card.updated_at:%H:%M:%S} UTC</p>'
        f'<div class="back-fields">{messages}{holder}{fields}</div>'
        f'<form method="post" action="/phones/{look.phone}/cards/{card.card_id}/delete">'
        f'<button class="delete">{escape(delete)}</button></form></div>'
    )


def _events(phone: VirtualAndroid, look: Look) -> str:
    latest = list(phone.told)[-_EVENTS_SHOWN:][::-1]
    if not latest:
        nothing = look.gettext("Nothing yet.")
        return f'<li class="nothing">{escape(nothing)}</li>'
    notification = escape(look.gettext("Notification"))
    return "".join(
        f'<li class="notification"><time>{each.at:%H:%M:%S}</time><b>{notification}</b>'
        f"<span>{escape(each.text[look.language])}</span></li>"
        for each in latest
    )


def _banner(phone: VirtualAndroid, look: Look) -> str:
    if not phone.told or (phone.now() - phone.told[-1].at).total_seconds() > _BANNER_SECONDS:
        return ""
    latest, now = phone.told[-1], look.gettext("now")
    return (
        f'<div class="banner" data-banner="{latest.at.timestamp()}"><span class="banner-icon"></span>'
        f"<div><b>{escape(latest.title)}</b><span>{escape(latest.text[look.language])}</span></div>"
        f"<time>{escape(now)}</time></div>"
    )


def _image(card: SavedCard, name: str, look: Look) -> str:
    version = hashlib.sha256(str(card.image_address(name)).encode()).hexdigest()[:12]
    return f"/phones/{look.phone}/cards/{card.card_id}/{name}.png?language={look.language}&amp;version={version}"


def _colours(background: str) -> str:
    """Return the name of a style sheet: Google chooses black or white for what stands on the ground."""
    hexadecimal = background.lstrip("#").lower()
    red, green, blue = (int(hexadecimal[place : place + 2], 16) for place in (0, 2, 4))
    ink = "202124" if (red * 299 + green * 587 + blue * 114) / 1000 > _BRIGHT else "ffffff"
    return f"{hexadecimal}-{ink}-{ink}"
