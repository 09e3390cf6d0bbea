"""Staged matching: whether two customers may be one person (C-06, D-05).

Pure: the keys of a customer are worked out from what is known, equal keys are a hit, and a blank never equals a blank.
The first stage with a hit decides: e-mail, then telephone, then name with address.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

import phonenumbers

from walletd.domain.customers.customers import CustomerDetails
from walletd.domain.errors import Conflict

DAILY, AT_ONCE = "daily", "at_once"
MAIL_POLICIES: Final = (DAILY, AT_ONCE)
"""When staff are written to about new pairs: all of a day together, or about each one too (D-04, strict mode)."""

_HOME: Final = "DE"
_SHORTEST: Final = 100_000
_COUNTRY: Final = re.compile(r"[A-Za-z]{2}\Z")
_FOLDED: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "-": " ", "\u2010": " ", "\u2013": " "}
_STREET: Final = re.compile(r"\s*str(?:asse\b|\.|(?=\s|\d|\Z))\s*")


class MatchStage(StrEnum):
    """By what two customers are recognised as one person, the strongest first."""

    EMAIL = "email"
    PHONE = "phone"
    PERSON = "person"


class DuplicateState(StrEnum):
    """What was decided about two customers who may be one person."""

    OPEN = "open"
    MERGED = "merged"
    DISMISSED = "dismissed"


class DuplicateSource(StrEnum):
    """When the two were found: as one of them was taken in or changed, or in the nightly look at all."""

    REGISTRATION = "registration"
    NIGHTLY = "nightly"


FIELDS: Final[Mapping[MatchStage, tuple[str, ...]]] = {
    MatchStage.EMAIL: ("email",),
    MatchStage.PHONE: ("phone",),
    MatchStage.PERSON: ("first_name", "last_name", "street", "postal_code"),
}
"""What of two customers is the same at each stage."""


class DuplicateDecided(Conflict):
    """This pair was merged or dismissed before; read it again."""

    code = "duplicate_decided"


@dataclass(frozen=True, slots=True)
class MatchKeys:
    """What a customer is recognised by, stage by stage; None where too little is known."""

    email: str | None
    phone: str | None
    person: str | None

    def of(self, stage: MatchStage) -> str | None:
        """Return the key of a stage."""
        return {MatchStage.EMAIL: self.email, MatchStage.PHONE: self.phone, MatchStage.PERSON: self.person}[stage]


@dataclass(frozen=True, slots=True)
class DuplicateCase:
    """Two customers who may be one person; `older` registered first, `newer` after it."""

    id: str
    merchant_id: str
    older: str
    newer: str
    stage: MatchStage
    source: DuplicateSource
    state: DuplicateState
    created_at: datetime
    decided_at: datetime | None = None
    reason: str | None = None


def match_keys(details: CustomerDetails) -> MatchKeys:
    """Return what a customer is recognised by."""
    parts = (
        _name(details.first_name),
        _name(details.last_name),
        _street(details.address.get("street")),
        "".join((details.address.get("postal_code") or "").split()).casefold(),
    )
    country = details.address.get("country") or ""
    home = country.upper() if _COUNTRY.match(country) else _HOME
    return MatchKeys(
        email_key(details.email), _telephone(details.phone or "", home), _digest(parts) if all(parts) else None
    )


def hit(one: MatchKeys, other: MatchKeys) -> MatchStage | None:
    """Return the first stage at which two customers are the same; None where there is none."""
    return next((stage for stage in MatchStage if one.of(stage) is not None and one.of(stage) == other.of(stage)), None)


def email_key(email: str | None) -> str | None:
    """Return an e-mail address written one way; None for a blank."""
    return (email or "").strip().casefold() or None


def is_obvious(one: CustomerDetails, other: CustomerDetails) -> bool:
    """Say whether nobody needs to look: one e-mail address, and no name or birthday that contradicts (D-18)."""
    if hit(match_keys(one), match_keys(other)) != MatchStage.EMAIL:
        return False
    pairs = (
        (
            _name(f"{one.first_name or ''} {one.last_name or ''}"),
            _name(f"{other.first_name or ''} {other.last_name or ''}"),
        ),
        (_name(one.company), _name(other.company)),
        (one.birth_date or "", other.birth_date or ""),
    )
    return all(mine == theirs or not (mine and theirs) for mine, theirs in pairs)


def _digest(parts: Sequence[str]) -> str:
    """Return one short key: four texts of 200 characters are more than an index of PostgreSQL holds."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@lru_cache(maxsize=256)  # One customer's number is asked for several times in a row, and is dear to read.
def _telephone(phone: str, home: str) -> str | None:
    """Return a number as E.164; one that cannot be dialled anywhere is none."""
    try:
        number = phonenumbers.parse(phone, home)
    except phonenumbers.NumberParseException:
        return None
    # Germany has numbers of any length: a few digits are an extension or a mistake, and would match strangers.
    if not phonenumbers.is_possible_number(number) or (number.national_number or 0) < _SHORTEST:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _name(text: str | None) -> str:
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    for letter, written in _FOLDED.items():
        folded = folded.replace(letter, written)
    return " ".join(folded.split())


def _street(text: str | None) -> str:
    return _STREET.sub("strasse ", _name(text)).strip()
