"""What a statement says, in German and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Statement",
        "number": "Customer number",
        "account": "Account",
        "made_at": "As of",
        "sequence": "ID",
        "created_at": "Created at",
        "campaign": "Campaign",
        "event": "Event",
        "reference": "Order",
        "amount": "Amount",
        "balance_after": "Balance",
        "locked_until": "Locked until",
        "valid_until": "Valid until",
        "status": "Status",
        "collected": "Collected",
        "expired": "Expired",
        "expiring_30_days": "Expiring within 30 days",
        "total": "Total",
        "locked": "Locked",
        "redeemable": "Redeemable",
        "reserved": "Reserved",
        "debt": "Owed",
        "active": "Active",
        "discarded": "Discarded",
        "empty": "Nothing was booked yet.",
        "more": "Older entries are not shown here; the CSV file holds all of them.",
        "clock": "All times are those of {zone}.",
    },
    "de": {
        "title": "Kontoauszug",
        "number": "Kundennummer",
        "account": "Konto",
        "made_at": "Stand",
        "sequence": "ID",
        "created_at": "Erstellt am",
        "campaign": "Kampagne",
        "event": "Vorgang",
        "reference": "Auftrag",
        "amount": "Betrag",
        "balance_after": "Saldo",
        "locked_until": "Gesperrt bis",
        "valid_until": "Gültig bis",
        "status": "Status",
        "collected": "Gesammelt",
        "expired": "Abgelaufen",
        "expiring_30_days": "Verfällt in 30 Tagen",
        "total": "Gesamt",
        "locked": "Gesperrt",
        "redeemable": "Einlösbar",
        "reserved": "Reserviert",
        "debt": "Offene Schuld",
        "active": "Aktiv",
        "discarded": "Verworfen",
        "empty": "Es wurde noch nichts gebucht.",
        "more": "Ältere Einträge stehen hier nicht; die CSV-Datei enthält alle.",
        "clock": "Alle Zeiten sind die von {zone}.",
    },
}

EVENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "opening": "Card issued",
        "earn": "Purchase",
        "manual_credit": "Manual credit",
        "manual_debit": "Manual debit",
        "import": "Import",
        "redeem": "Redemption",
        "reward": "Reward",
        "visit": "Visit",
        "coupon": "Coupon",
        "tier": "Tier",
        "expire": "Expiry",
        "reversal": "Reversal",
        "debt": "Debt",
    },
    "de": {
        "opening": "Karte ausgegeben",
        "earn": "Einkauf",
        "manual_credit": "Manuelle Gutschrift",
        "manual_debit": "Manueller Abzug",
        "import": "Import",
        "redeem": "Einlösung",
        "reward": "Prämie",
        "visit": "Besuch",
        "coupon": "Gutschein",
        "tier": "Stufe",
        "expire": "Verfall",
        "reversal": "Storno",
        "debt": "Schuld",
    },
}
"""language → kind of an entry → what people call it."""

UNITS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"points": "points", "stamps": "stamps", "visits": "visits", "coupons": "coupons"},
    "de": {"points": "Punkte", "stamps": "Stempel", "visits": "Besuche", "coupons": "Gutscheine"},
}
"""language → unit → its name; money has its currency instead."""
