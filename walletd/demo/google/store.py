"""The classes and objects of the fake Google Wallet: insert, patch, list and messages as in Google's reference (G3.1).

Nothing can be deleted, nothing has an etag; what the platform sets itself cannot be written.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from walletd.demo.google.errors import exists, invalid, no_class, no_resource, too_many_notifications
from walletd.demo.google.rules import canonical, faults, issuer_of

Json = dict[str, Any]

_READ_ONLY: Final = frozenset({"kind", "version", "hasUsers", "hasLinkedDevice", "classReference", "review"})
_MESSAGES_MAX: Final = 10
_NOTIFICATIONS: Final = 3
_DAY: Final = timedelta(hours=24)
_NOTIFYING: Final = ("loyaltyPoints", "secondaryLoyaltyPoints")


@dataclass(slots=True)
class Stored:
    """A class or object with what the platform knows of it."""

    resource: str
    """`loyaltyClass`, `giftCardObject` and so on."""
    body: Json
    users: set[str] = field(default_factory=set)
    writes: int = 0
    field_notifications: list[datetime] = field(default_factory=list)
    message_notifications: list[datetime] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)
    """Every state it had, the oldest first."""


class GoogleStore:
    """Everything that issuers wrote."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.items: dict[str, Stored] = {}
        self.on_change: list[Callable[[Stored], None]] = []

    def insert(self, resource: str, body: Json) -> Stored:
        """Store a new class or object; raises ApiError."""
        _check(resource, body)
        name = body["id"]
        if name in self.items:
            raise exists(name)
        stored = Stored(resource, {})
        self.items[name] = self._store(stored, canonical(_schema(resource), body))
        return self.items[name]

    def get(self, resource: str, name: str) -> Stored:
        """Return what is stored; raises ApiError."""
        if issuer_of(name) is None:
            raise invalid(f"Invalid resource ID: {name}")
        stored = self.items.get(name)
        if stored is None or stored.resource != resource:
            raise no_resource(name)
        return stored

    def patch(self, resource: str, name: str, changes: Json) -> Stored:
        """Merge changes: objects into objects, lists replaced, null deletes. Raises ApiError."""
        stored = self.get(resource, name)
        wrong = next(faults(_schema(resource), changes, partial=True), None)
        if wrong is not None:
            raise invalid(wrong)
        if changes.get("id", name) != name:
            raise invalid("The id of a resource cannot be changed.")
        asked = canonical(_schema(resource), changes)
        if resource.endswith("Class") and resource != "genericClass" and asked.get("reviewStatus") != "UNDER_REVIEW":
            raise invalid(f"Invalid review status: {asked.get('reviewStatus', stored.body.get('reviewStatus'))}")
        merged = _merged(stored.body, {key: value for key, value in asked.items() if key not in _READ_ONLY})
        _check(resource, merged)
        self._store(stored, merged, notify=asked.get("notifyPreference") == "NOTIFY_ON_UPDATE")
        return stored

    def put(self, resource: str, name: str, body: Json) -> Stored:
        """Replace a resource whole; raises ApiError."""
        stored = self.get(resource, name)
        if body.keys() & _READ_ONLY:
            raise invalid(f"Read-only: {', '.join(sorted(body.keys() & _READ_ONLY))}")
        _check(resource, {**body, "id": name})
        asked = canonical(_schema(resource), {**body, "id": name})
        self._store(stored, asked, notify=asked.get("notifyPreference") == "NOTIFY_ON_UPDATE")
        return stored

    def add_message(self, resource: str, name: str, message: Json) -> Stored:
        """Append a message; raises ApiError where it would notify too often."""
        stored = self.get(resource, name)
        wrong = next(faults("Message", message), None)
        if wrong is not None:
            raise invalid(wrong)
        if message.get("messageType") == "TEXT_AND_NOTIFY":
            what = f"adding TEXT_AND_NOTIFY message to {resource} {name}"
            self._count(stored.message_notifications, name, what)
        messages = [*stored.body.get("messages", []), canonical("Message", message)]
        stored.body = stored.body | {"messages": messages[-_MESSAGES_MAX:]}
        self._note(stored)
        return stored

    def listed(self, resource: str, *, class_id: str | None, issuer: str | None) -> list[Stored]:
        """Return all of a class or of an issuer, in the order of their ids."""
        return [
            stored
            for name, stored in sorted(self.items.items())
            if stored.resource == resource
            and (class_id is None or stored.body.get("classId") == class_id)
            and (issuer is None or issuer_of(name) == issuer)
        ]

    def shown(self, stored: Stored) -> Json:
        """Return a resource as reads give it: with what the platform adds, without what a request only asks for."""
        document: Json = {"kind": f"walletobjects#{stored.resource}", "version": "1", **copy.deepcopy(stored.body)}
        class_id = stored.body.get("classId")
        if isinstance(class_id, str) and class_id in self.items:
            document["classReference"] = copy.deepcopy(self.items[class_id].body)
        if stored.users:
            document["hasUsers"] = True
        return document

    def _store(self, stored: Stored, body: Json, *, notify: bool = False) -> Stored:
        self._check_class(stored, body)
        if stored.resource.endswith("Class") and stored.resource != "genericClass":
            if body.get("reviewStatus") == "UNDER_REVIEW":
                body = body | {"reviewStatus": "APPROVED"}
            elif body.get("reviewStatus") != "DRAFT":
                raise invalid(f"Invalid review status: {body.get('reviewStatus')}")
        changed = any(body.get(name) != stored.body.get(name) for name in _NOTIFYING)
        if notify and changed and stored.resource == "loyaltyObject":
            self._count(stored.field_notifications, body["id"], f"updating fields of {body['id']} with notification")
        stored.body = {name: value for name, value in body.items() if name != "notifyPreference"}
        self._note(stored)
        return stored

    def _check_class(self, stored: Stored, body: Json) -> None:
        if not stored.resource.endswith("Object"):
            return
        class_id = body.get("classId")
        of_class = self.items.get(str(class_id))
        if of_class is None or of_class.resource != stored.resource.replace("Object", "Class"):
            raise no_class(class_id)
        if of_class.body.get("reviewStatus") == "DRAFT":
            raise invalid(f"Class {class_id} is a draft.")
        if issuer_of(class_id) != issuer_of(body["id"]):
            raise invalid(f"Class {class_id} is of another issuer than the object.")

    def _count(self, given: list[datetime], name: str, what: str) -> None:
        now = self._clock()
        given[:] = [moment for moment in given if now - moment < _DAY]
        if len(given) >= _NOTIFICATIONS:
            raise too_many_notifications(str(issuer_of(name)), what)
        given.append(now)

    def _note(self, stored: Stored) -> None:
        stored.writes += 1
        stored.history.append(stored.body)
        for tell in self.on_change:
            tell(stored)


def _schema(resource: str) -> str:
    return resource[0].upper() + resource[1:]


def _check(resource: str, body: Json) -> None:
    wrong = next(faults(_schema(resource), body), None)
    if wrong is not None:
        raise invalid(wrong)
    if issuer_of(body["id"]) is None:
        raise invalid(f"Invalid resource ID: {body['id']}")


def _merged(present: Json, changes: Json) -> Json:
    result = dict(present)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = _merged(result[name], value)
        else:
            result[name] = value
    return result
