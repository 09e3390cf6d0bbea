"""What people call the codes that walletd works with: kinds of cards, units, and what happens to cards and customers.

A code that has no name here stands for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from walletd.texts.catalogues import gettext_noop, translations

KINDS: Final[Mapping[str, str]] = {
    "loyalty": gettext_noop("Loyalty card"),
    "stamp": gettext_noop("Stamp card"),
    "cashback": gettext_noop("Cashback card"),
    "discount": gettext_noop("Discount card"),
    "gift": gettext_noop("Gift card"),
    "membership": gettext_noop("Membership card"),
    "coupon": gettext_noop("Coupon"),
    "multipass": gettext_noop("Multi-visit pass"),
    "reward": gettext_noop("Reward card"),
}
"""kind of card → its name in English."""
_UNITS: Final[Mapping[str, str]] = {
    "points": gettext_noop("points"),
    "stamps": gettext_noop("stamps"),
    "visits": gettext_noop("visits"),
    "coupons": gettext_noop("coupons"),
}
"""unit → its name in English; money has its currency instead."""
_EVENTS: Final[Mapping[str, str]] = {
    "opening": gettext_noop("Card issued"),
    "earn": gettext_noop("Purchase"),
    "manual_credit": gettext_noop("Manual credit"),
    "manual_debit": gettext_noop("Manual debit"),
    "import": gettext_noop("Import"),
    "redeem": gettext_noop("Redemption"),
    "reward": gettext_noop("Reward"),
    "visit": gettext_noop("Visit"),
    "coupon": gettext_noop("Coupon"),
    "tier": gettext_noop("Tier"),
    "expire": gettext_noop("Expiry"),
    "reversal": gettext_noop("Reversal"),
    "debt": gettext_noop("Debt"),
    "merge": gettext_noop("From a joined account"),
    "merge_out": gettext_noop("To the joined account"),
    "merge_undo": gettext_noop("Accounts separated"),
    "customer.created": gettext_noop("Taken into the master data"),
    "customer.changed": gettext_noop("Details changed"),
    "customer.imported": gettext_noop("Taken in or changed by a file"),
    "customer.flagged": gettext_noop("Activated, deactivated, blocked or unblocked"),
    "customer.opt_in_sent": gettext_noop("Invited to the newsletter"),
    "customer.opt_in_confirmed": gettext_noop("Newsletter consented to"),
    "customer.opt_in_revoked": gettext_noop("Newsletter revoked"),
    "customer.merged": gettext_noop("Merged with another customer"),
    "customer.erased": gettext_noop("Person erased"),
    "card.issued": gettext_noop("Card issued"),
    "card.installed": gettext_noop("Card on a phone"),
    "card.uninstalled": gettext_noop("Card removed from the phone"),
    "card.revoked": gettext_noop("Card revoked"),
    "card.reinstated": gettext_noop("Card reinstated"),
    "card.deleted": gettext_noop("Card deleted"),
    "card.key_rewritten": gettext_noop("Key of the card rewritten"),
    "card.message_sent": gettext_noop("Message to the holder"),
}
"""kind of an entry, or action of an audit entry → its name in English."""


def kind_name(kind: str, language: str) -> str:
    """Return the name of a kind of card."""
    return _name(KINDS, kind, language)


def unit_name(unit: str, language: str) -> str:
    """Return the name of a unit, in the plural."""
    return _name(_UNITS, unit, language)


def event_name(event: str, language: str) -> str:
    """Return a few words for the kind of an entry or the action of an audit entry."""
    return _name(_EVENTS, event, language)


def _name(names: Mapping[str, str], code: str, language: str) -> str:
    name = names.get(code)
    return code if name is None else translations(language).gettext(name)
