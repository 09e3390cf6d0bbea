"""A card on a phone, and what the phone says when it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from walletd.demo.iphone.field_text import field_text
from walletd.demo.iphone.pkpass import OpenedPass


class CardKey(NamedTuple):
    """What identifies a pass on a phone (PK14)."""

    pass_type: str
    serial: str


class ServiceKey(NamedTuple):
    """What a phone keeps its update tag for (W9)."""

    url: str
    pass_type: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A banner on the lock screen: the organisation and the change message, per language."""

    key: CardKey
    organisation: Mapping[str, str]
    text: Mapping[str, str]
    at: datetime


@dataclass(slots=True)
class Card:
    """One installed pass with what the phone remembers about it."""

    opened: OpenedPass
    added_at: datetime
    updated_at: datetime
    last_modified: str | None = None
    """The Last-Modified of the last answer, echoed as it is (W16)."""
    last_modified_at: datetime | None = None
    """When the phone was given that."""
    is_registered: bool = False
    versions_seen: list[str] = field(default_factory=list)
    """Manifest hashes in the order in which they arrived."""

    @property
    def key(self) -> CardKey:
        """Pass type and serial number."""
        return CardKey(self.opened.pass_type_identifier, self.opened.serial_number)

    @property
    def service(self) -> ServiceKey | None:
        """The web service of this pass, if it has one."""
        url = self.opened.web_service_url
        return ServiceKey(url, self.opened.pass_type_identifier) if url else None

    @property
    def card_id(self) -> str:
        """A short name for use in page addresses; says nothing about the serial number."""
        return hashlib.sha256("\n".join(self.key).encode()).hexdigest()[:16]

    def value(self, field_key: str, language: str = "en") -> str:
        """Return what a field shows; raises KeyError where the pass has no such field."""
        return shown_value(self.opened, self.opened.fields[field_key], language)


def shown_value(opened: OpenedPass, shown: Mapping[str, object], language: str) -> str:
    """Return a field's value as the person reads it: formatted, or translated where it is a text."""
    text = field_text(shown, language)
    return opened.text(text, language) if isinstance(shown["value"], str) else text


def change_notifications(old: OpenedPass, new: OpenedPass, at: datetime) -> list[Notification]:
    """Return the banners for a replaced pass (F6).

    One for each field that has a changeMessage, was there before, and shows another value now.
    """
    found = []
    for key, shown in new.fields.items():
        before = old.fields.get(key)
        if before is None or "changeMessage" not in shown or before["value"] == shown["value"]:
            continue
        text = {
            language: new.text(str(shown["changeMessage"]), language).replace("%@", shown_value(new, shown, language))
            for language in new.languages
        }
        organisation = {language: organisation_name(new, language) for language in new.languages}
        card_key = CardKey(new.pass_type_identifier, new.serial_number)
        found.append(Notification(card_key, organisation, text, at))
    return found


def identity_change(old: OpenedPass, new: OpenedPass) -> str | None:
    """Say what changed that never may change for an installed pass (PK14), or None."""
    if old.pass_type_identifier != new.pass_type_identifier or old.serial_number != new.serial_number:
        return "this is another pass"
    if old.authentication_token and old.authentication_token != new.authentication_token:
        return "authenticationToken changed"
    return None


def organisation_name(opened: OpenedPass, language: str) -> str:
    """Return the name of the shop as the phone shows it."""
    return opened.text(str(opened.document["organizationName"]), language)


def in_language(texts: Mapping[str, str], language: str) -> str:
    """Return the text in this language, else in English, else in any."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")
