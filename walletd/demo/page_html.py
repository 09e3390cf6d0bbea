"""The page that shows the phones: one frame per phone, filled with parts that can be replaced one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Final, NamedTuple

from walletd.demo.google.android import VirtualAndroid
from walletd.demo.google.android_html import android_parts
from walletd.demo.iphone.card import Notification, in_language
from walletd.demo.iphone.card_html import Look, card_html
from walletd.demo.iphone.iphone import VirtualIPhone
from walletd.demo.texts.catalogues import gettext_noop, translations

_EVENTS_SHOWN: Final = 30
_BANNER_LIFETIME: Final = timedelta(seconds=12)
_EVENTS: Final = {
    "push": gettext_noop("Push received"),
    "notification": gettext_noop("Notification"),
    "complaint": gettext_noop("Complaint to the server"),
}


Phone = VirtualIPhone | VirtualAndroid


class _Event(NamedTuple):
    at: datetime
    kind: str
    text: str


def page_html(phones: Sequence[Phone], notices: Mapping[int, str], language: str) -> str:
    """Return the whole page; it shows the present state even where no script runs."""
    gettext = translations(language).gettext
    title = escape(gettext("Phones to try things on"))
    intro = escape(gettext("These phones exist only on this page. They talk to walletd exactly as real ones do."))
    shown = "".join(_phone_html(number, phone, notices, language) for number, phone in enumerate(phones))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title>"
        '<link rel="icon" href="/static/phone.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/static/phones.css"><script src="/static/phones.js" defer></script>'
        '<noscript><meta http-equiv="refresh" content="3"></noscript></head>'
        f'<body><header class="page"><h1>{title}</h1><p>{intro}</p></header>'
        f"<main>{shown}</main></body></html>"
    )


def parts_html(number: int, phone: Phone, notices: Mapping[int, str], language: str) -> dict[str, str]:
    """Return the parts of one phone that change: `screen`, `status`, `events` and `banner`."""
    look = Look(number, language)
    if isinstance(phone, VirtualAndroid):
        return android_parts(phone, notices.get(number), look)
    return {
        "screen": _screen(phone, look),
        "status": _status(number, phone, notices, look),
        "events": _events(phone, look),
        "banner": _banner(phone, look),
    }


def _phone_html(number: int, phone: Phone, notices: Mapping[int, str], language: str) -> str:
    gettext = translations(language).gettext
    label, hint = gettext("Add a card"), gettext("Link from the e-mail or the QR code")
    add, events = gettext("Add"), gettext("What happened so far")
    parts = parts_html(number, phone, notices, language)
    field = f"add-{number}"
    kind = " android" if isinstance(phone, VirtualAndroid) else ""
    return (
        f'<section class="phone{kind}" data-phone="{number}" aria-label="{escape(phone.name)}">'
        f"<h2>{escape(phone.name)}</h2>"
        '<div class="device"><div class="glass"><div class="bar" aria-hidden="true"><span>9:41</span>'
        '<span class="battery"></span></div><div class="island"></div>'
        f'<div class="banners" data-part="banner" aria-live="polite">{parts["banner"]}</div>'
        f'<div class="screen" data-part="screen">{parts["screen"]}</div></div></div>'
        f'<div class="panel"><div class="status" data-part="status">{parts["status"]}</div>'
        f'<form class="add" method="post" action="/phones/{number}/add">'
        f'<label for="{field}">{escape(label)}</label><div class="line">'
        f'<input id="{field}" name="url" type="url" required placeholder="{escape(hint)}">'
        f"<button>{escape(add)}</button></div></form>"
        f"<h3>{escape(events)}</h3>"
        f'<ol class="events" data-part="events">{parts["events"]}</ol></div></section>'
    )


def _screen(phone: VirtualIPhone, look: Look) -> str:
    cards = "".join(card_html(card, look) for card in phone.cards.values())
    no_card, wallet = look.gettext("No card yet. Paste a link below."), look.gettext("Wallet")
    empty = f'<p class="empty">{escape(no_card)}</p>'
    network = "" if phone.is_online else '<span class="airplane" aria-hidden="true">✈</span>'
    return f'<div class="wallet-title">{escape(wallet)}{network}</div>{cards or empty}'


def _status(number: int, phone: VirtualIPhone, notices: Mapping[int, str], look: Look) -> str:
    if phone.is_online:
        state, name, action, button = "online", look.gettext("Online"), "go_offline", look.gettext("Airplane mode on")
    else:
        state, name, action, button = "offline", look.gettext("Offline"), "go_online", look.gettext("Airplane mode off")
    notice = f'<p class="notice" role="alert">{escape(notices[number])}</p>' if number in notices else ""
    return (
        f'<form class="network" method="post" action="/phones/{number}/{action}">'
        f'<span class="dot {state}"></span><span>{escape(name)}</span>'
        f"<button>{escape(button)}</button></form>{notice}"
    )


def _events(phone: VirtualIPhone, look: Look) -> str:
    events = [
        *(_Event(push.at, "push", push.topic) for push in phone.pushes),
        *(_Event(each.at, "notification", _message(each, look.language)) for each in phone.notifications),
        *(_Event(each.at, "complaint", each.text) for each in phone.complaints),
    ]
    latest = sorted(events, key=lambda event: event.at, reverse=True)[:_EVENTS_SHOWN]
    if not latest:
        nothing = look.gettext("Nothing yet.")
        return f'<li class="nothing">{escape(nothing)}</li>'
    return "".join(
        f'<li class="{event.kind}"><time>{event.at:%H:%M:%S}</time>'
        f"<b>{escape(look.gettext(_EVENTS[event.kind]))}</b><span>{escape(event.text)}</span></li>"
        for event in latest
    )


def _banner(phone: VirtualIPhone, look: Look) -> str:
    """Return the latest notification while it is fresh; its number lets a page tell a new one from a known one."""
    if not phone.notifications:
        return ""
    latest = phone.notifications[-1]
    if phone.now() - latest.at > _BANNER_LIFETIME:
        return ""
    name, now = in_language(latest.organisation, look.language), look.gettext("now")
    return (
        f'<div class="banner" data-banner="{latest.at.timestamp()}"><span class="banner-icon"></span>'
        f"<div><b>{escape(name)}</b><span>{escape(_message(latest, look.language))}</span></div>"
        f"<time>{escape(now)}</time></div>"
    )


def _message(notification: Notification, language: str) -> str:
    return in_language(notification.text, language)
