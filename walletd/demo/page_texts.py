"""The words of the phone page, German and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "de": {
        "title": "Handys zum Ausprobieren",
        "intro": "Diese Handys gibt es nur auf dieser Seite. Sie sprechen mit walletd genau so, wie echte es tun.",
        "android": "Android mit Google Wallet",
        "balance": "Guthaben",
        "wallet": "Wallet",
        "empty": "Noch keine Karte. Füge unten einen Link ein.",
        "add_label": "Karte hinzufügen",
        "add_hint": "Link aus der E-Mail oder vom QR-Code",
        "add": "Hinzufügen",
        "online": "Im Netz",
        "offline": "Ohne Netz",
        "go_offline": "Flugmodus an",
        "go_online": "Flugmodus aus",
        "flip": "Karte umdrehen",
        "done": "Fertig",
        "refresh": "Jetzt aktualisieren",
        "delete": "Karte löschen",
        "updated": "Aktualisiert um",
        "serial": "Seriennummer",
        "voided": "Ungültig",
        "events": "Was bisher geschah",
        "nothing": "Noch nichts.",
        "push": "Push empfangen",
        "notification": "Mitteilung",
        "complaint": "Beschwerde an den Server",
        "refused": "Nicht hinzugefügt: {reason}",
        "unreachable": "Unter dieser Adresse antwortet niemand.",
        "registered": "Automatische Aktualisierung an",
        "unregistered": "Automatische Aktualisierung aus",
        "now": "jetzt",
        "language": "de",
    },
    "en": {
        "title": "Phones to try things on",
        "intro": "These phones exist only on this page. They talk to walletd exactly as real ones do.",
        "android": "Android with Google Wallet",
        "balance": "Balance",
        "wallet": "Wallet",
        "empty": "No card yet. Paste a link below.",
        "add_label": "Add a card",
        "add_hint": "Link from the e-mail or the QR code",
        "add": "Add",
        "online": "Online",
        "offline": "Offline",
        "go_offline": "Airplane mode on",
        "go_online": "Airplane mode off",
        "flip": "Turn the card over",
        "done": "Done",
        "refresh": "Update now",
        "delete": "Delete card",
        "updated": "Updated at",
        "serial": "Serial number",
        "voided": "Void",
        "events": "What happened so far",
        "nothing": "Nothing yet.",
        "push": "Push received",
        "notification": "Notification",
        "complaint": "Complaint to the server",
        "refused": "Not added: {reason}",
        "unreachable": "Nobody answers at this address.",
        "registered": "Automatic updates on",
        "unregistered": "Automatic updates off",
        "now": "now",
        "language": "en",
    },
}


def choose_language(accept_language: str) -> str:
    """Return `de` or `en`, whichever the Accept-Language header prefers; English where it says neither."""
    wishes = []
    for position, item in enumerate(accept_language.split(",")):
        name, _, parameters = item.strip().partition(";")
        quality = parameters.strip().removeprefix("q=") if parameters else "1"
        try:
            wishes.append((-float(quality), position, name.split("-")[0].lower()))
        except ValueError:
            continue
    return next((name for weight, _, name in sorted(wishes) if weight < 0 and name in TEXTS), "en")
