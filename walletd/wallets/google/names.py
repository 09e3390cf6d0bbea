"""Names at Google: which resource a kind of card is, and the identifiers of classes and objects (G1.1, G1.6).

Identifiers are permanent and nothing can be deleted, so they are made of what never changes and says nothing of a
person: the program, and the random serial number of the card.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from walletd.domain.cards.kinds import KINDS
from walletd.domain.errors import CertificateInvalid

_NOT_LOYALTY: Final = {"gift": "giftCard", "coupon": "offer"}
RESOURCES: Final[Mapping[str, str]] = {kind: _NOT_LOYALTY.get(kind, "loyalty") for kind in KINDS}
"""kind → the resource of the REST API, to which `Class` or `Object` is added.

Whatever has a number that changes is a loyalty card: only its fields can notify (G1.1).
"""

_ISSUER: Final = re.compile(r"[0-9]{1,19}\Z")
_ISSUER_MAX: Final = 2**63 - 1


def check_issuer(issuer_id: str) -> str:
    """Return an issuer id of digits as Google's console shows it; raises CertificateInvalid (G8)."""
    if _ISSUER.match(issuer_id) is None or int(issuer_id) > _ISSUER_MAX:
        raise CertificateInvalid(
            "The issuer id is the number beside »Issuer ID« in the Google Pay & Wallet Console, up to 19 digits. The"
            " client_id of a service account has 21 and is something else."
        )
    return issuer_id


def class_id(issuer_id: str, environment: str, program_id: str) -> str:
    """Return the id of a program's class: lower case, as nobody says whether Google minds the case."""
    return f"{issuer_id}.{environment}-{program_id.lower()}"


def object_id(issuer_id: str, environment: str, serial_number: str) -> str:
    """Return the id of a card's object."""
    return f"{issuer_id}.{environment}-{serial_number}"
