"""What people call the things that happen to customers and cards, in German and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from walletd.web.pages.statement_texts import EVENTS

_DEEDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "customer.created": "Taken into the master data",
        "customer.changed": "Details changed",
        "customer.imported": "Taken in or changed by a file",
        "customer.flagged": "Activated, deactivated, blocked or unblocked",
        "customer.opt_in_sent": "Invited to the newsletter",
        "customer.opt_in_confirmed": "Newsletter consented to",
        "customer.opt_in_revoked": "Newsletter revoked",
        "customer.merged": "Merged with another customer",
        "customer.erased": "Person erased",
        "card.issued": "Card issued",
        "card.installed": "Card on a phone",
        "card.uninstalled": "Card removed from the phone",
        "card.revoked": "Card revoked",
        "card.reinstated": "Card reinstated",
        "card.deleted": "Card deleted",
        "card.key_rewritten": "Key of the card rewritten",
        "card.message_sent": "Message to the holder",
    },
    "de": {
        "customer.created": "In den Kundenstamm aufgenommen",
        "customer.changed": "Angaben geändert",
        "customer.imported": "Durch eine Datei aufgenommen oder geändert",
        "customer.flagged": "Aktiviert, deaktiviert, gesperrt oder entsperrt",
        "customer.opt_in_sent": "Zum Newsletter eingeladen",
        "customer.opt_in_confirmed": "Newsletter bestätigt",
        "customer.opt_in_revoked": "Newsletter widerrufen",
        "customer.merged": "Mit einem anderen Kunden zusammengeführt",
        "customer.erased": "Person gelöscht",
        "card.issued": "Karte ausgegeben",
        "card.installed": "Karte auf einem Telefon",
        "card.uninstalled": "Karte vom Telefon entfernt",
        "card.revoked": "Karte widerrufen",
        "card.reinstated": "Karte wieder gültig",
        "card.deleted": "Karte gelöscht",
        "card.key_rewritten": "Schlüssel der Karte überschrieben",
        "card.message_sent": "Nachricht an den Inhaber",
    },
}


def describe(event: str, language: str) -> str:
    """Return a few words for the kind of an entry or the action of a deed; one that has none stands for itself."""
    return EVENTS[language].get(event) or _DEEDS[language].get(event, event)
