"""What the add page says, in German and English, and how the language is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final[Mapping[str, str]] = {"de": "Deutsch", "en": "English"}

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "summary": "Take this card onto your phone.",
        "apple_heading": "Add your card to Apple Wallet",
        "apple_body": "One tap puts the card on this iPhone. It keeps itself up to date.",
        "apple_button": "Add to Apple Wallet",
        "apple_hint": "Nothing happens? Some apps cannot hand a card to Wallet. Open this page in Safari instead.",
        "android_heading": "Your card for this phone",
        "android_body": "This shop does not offer Google Wallet yet. Apps that read wallet files, such as FossWallet "
        "or Catima, show the card with its code.",
        "android_button": "Open the card file (.pkpass)",
        "android_hint": "The same link works on an iPhone, where the card goes straight into Apple Wallet.",
        "google_button": "Add to Google Wallet",
        "desktop_heading": "Scan with your phone",
        "desktop_body": "Point the camera of your phone at the code. Your card opens there.",
        "desktop_hint": "On a Mac, the card file opens in Wallet and can be sent to your iPhone.",
        "desktop_button": "Download the card file (.pkpass)",
        "qr_alternative": "QR code that opens this page on a phone",
        "not_installable": "New cards cannot be handed out at this moment. Please come back later; the link "
        "stays valid.",
        "link_invalid_heading": "This link does not work",
        "link_invalid_body": "It is incomplete or was mistyped. Please scan the code again, or ask the shop for a "
        "new link.",
        "link_expired_heading": "This link has expired",
        "link_expired_body": "For safety, links to cards work for a limited time. Please ask the shop for a new one: "
        "your card and everything on it are still there.",
        "unavailable_heading": "Just a moment",
        "unavailable_body": "The card cannot be made right now. Nothing is lost: please try again in a few minutes.",
        "demo": "Demonstration: an iPhone refuses cards signed with demo certificates. FossWallet on Android "
        "takes them.",
        "language": "Language",
    },
    "de": {
        "summary": "Diese Karte aufs Handy holen.",
        "apple_heading": "Karte zu Apple Wallet hinzufügen",
        "apple_body": "Ein Tipp, und die Karte ist auf diesem iPhone. Sie hält sich selbst aktuell.",
        "apple_button": "Zu Apple Wallet hinzufügen",
        "apple_hint": "Es passiert nichts? Manche Apps können keine Karten an Wallet übergeben. Öffnen Sie diese Seite "
        "dann in Safari.",
        "android_heading": "Ihre Karte für dieses Handy",
        "android_body": "Dieses Geschäft bietet Google Wallet noch nicht an. Apps, die Wallet-Dateien lesen, etwa "
        "FossWallet oder Catima, zeigen die Karte mit ihrem Code.",
        "android_button": "Kartendatei öffnen (.pkpass)",
        "android_hint": "Derselbe Link funktioniert auf einem iPhone; dort kommt die Karte direkt in Apple Wallet.",
        "google_button": "Zu Google Wallet hinzufügen",
        "desktop_heading": "Mit dem Handy scannen",
        "desktop_body": "Richten Sie die Kamera Ihres Handys auf den Code. Die Karte öffnet sich dort.",
        "desktop_hint": "Auf einem Mac öffnet sich die Kartendatei in Wallet und kann an Ihr iPhone gesendet werden.",
        "desktop_button": "Kartendatei laden (.pkpass)",
        "qr_alternative": "QR-Code, der diese Seite auf einem Handy öffnet",
        "not_installable": "Im Moment können keine neuen Karten ausgegeben werden. Bitte kommen Sie später wieder; der "
        "Link bleibt gültig.",
        "link_invalid_heading": "Dieser Link funktioniert nicht",
        "link_invalid_body": "Er ist unvollständig oder vertippt. Bitte scannen Sie den Code noch einmal, oder fragen "
        "Sie im Geschäft nach einem neuen Link.",
        "link_expired_heading": "Dieser Link ist abgelaufen",
        "link_expired_body": "Zur Sicherheit gelten Links zu Karten nur eine Zeit lang. Bitte fragen Sie im Geschäft "
        "nach einem neuen: Ihre Karte und alles darauf ist noch da.",
        "unavailable_heading": "Einen Moment bitte",
        "unavailable_body": "Die Karte lässt sich gerade nicht erstellen. Nichts geht verloren: Bitte versuchen Sie es "
        "in einigen Minuten noch einmal.",
        "demo": "Vorführung: Ein iPhone lehnt Karten mit Vorführ-Zertifikat ab. FossWallet auf Android nimmt sie an.",
        "language": "Sprache",
    },
}
"""language → name of the text → the text; a test holds that both languages have the same names."""

KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "loyalty": "Loyalty card",
        "stamp": "Stamp card",
        "cashback": "Cashback card",
        "discount": "Discount card",
        "gift": "Gift card",
        "membership": "Membership card",
        "coupon": "Coupon",
        "multipass": "Multi-visit pass",
        "reward": "Reward card",
    },
    "de": {
        "loyalty": "Bonuskarte",
        "stamp": "Stempelkarte",
        "cashback": "Cashback-Karte",
        "discount": "Rabattkarte",
        "gift": "Geschenkkarte",
        "membership": "Mitgliedskarte",
        "coupon": "Gutschein",
        "multipass": "Mehrfachkarte",
        "reward": "Prämienkarte",
    },
}
"""language → kind of card → what people call it."""


def choose_language(asked: str | None, accept_language: str) -> str:
    """Return the language of the page: the one asked for, else the browser's, else English."""
    if asked is not None and asked in LANGUAGES:
        return asked
    for language in _preferred(accept_language):
        primary = language.partition("-")[0].lower()
        if primary in LANGUAGES:
            return primary
    return "en"


def _preferred(accept_language: str) -> list[str]:
    ranked: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:20]:
        language, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if language and weight > 0:
            ranked.append((weight, language))
    # Sorting keeps the order of equals, which is the order of preference.
    return [language for _, language in sorted(ranked, key=lambda item: -item[0])]
