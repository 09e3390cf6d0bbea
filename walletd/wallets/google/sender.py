"""Bringing a class or object to a document: insert or patch, by every row of Google's error table (G3.3, G3.5).

What is sent is absolute. So it may be sent twice, and what comes back from an attempt whose reply was lost is no fault.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from walletd.domain.outbox.attempts import Verdict
from walletd.wallets import CardMessage, EventUnproved, RateLimit, Sent
from walletd.wallets.google.answers import ApiAnswer, Meaning
from walletd.wallets.google.client import GoogleClient

Json = dict[str, Any]

_PAGE: Final = 100
_NOTIFY: Final = {"notifyPreference": "NOTIFY_ON_UPDATE"}
_COMMON: Final = ("barcode", "rotatingBarcode", "textModulesData", "groupingInfo", "heroImage", "validTimeInterval")
_MEMBERS: Final = {
    "loyaltyObject": (*_COMMON, "accountId", "accountName", "loyaltyPoints", "secondaryLoyaltyPoints"),
    "giftCardObject": (*_COMMON, "balance"),
    "offerObject": _COMMON,
}
"""Members that objects of walletd may have: of one that is there already, those that are not wanted are taken away."""
_BALANCES: Final = ("int", "string", "money")


class Sender:
    """Writes one resource of a merchant."""

    def __init__(self, client: GoogleClient, resource: str, rate_limit: RateLimit) -> None:
        self._client = client
        self._resource = resource
        self._rate_limit = rate_limit
        self._is_class = resource.endswith("Class")

    async def bring_to(self, wanted: Json, known: Json | None, *, notify: bool) -> Sent:
        """Return what became of it; nothing is sent where `known` is what is wanted."""
        if known is None:
            answer = await self._client.insert(self._resource, wanted, self._rate_limit)
            if answer.meaning is Meaning.EXISTS:
                # Ours, from an attempt whose reply was lost or before a restore: what it holds is not known.
                answer = await self._patch(wanted["id"], _over_anything(self._resource, wanted), notify=False)
            return _sent(answer)
        changes = difference(known, wanted)
        if not changes:
            return Sent(Verdict.DONE, "unchanged")
        answer = await self._patch(wanted["id"], changes, notify=notify)
        if answer.meaning is Meaning.MISSING or (self._is_class and answer.meaning is Meaning.CLASS_MISSING):
            answer = await self._client.insert(self._resource, wanted, self._rate_limit)
        return _sent(answer)

    async def add_message(self, name: str, message: CardMessage) -> Sent:
        """Add a message; where no more notifications are allowed today it comes silently."""
        body = _message(message)
        answer = await self._client.add_message(self._resource, name, body, self._rate_limit)
        if answer.meaning is Meaning.NO_NOTIFICATION:
            body["messageType"] = "TEXT"
            answer = await self._client.add_message(self._resource, name, body, self._rate_limit)
        return _sent(answer)

    async def _patch(self, name: str, changes: Json, *, notify: bool) -> ApiAnswer:
        if self._is_class:
            # Reads give APPROVED, which writes refuse; each write has to say this anew (G3.4).
            changes = changes | {"reviewStatus": "UNDER_REVIEW"}
        loud = changes | _NOTIFY if notify and not self._is_class else changes
        answer = await self._client.patch(self._resource, name, loud, self._rate_limit)
        if answer.meaning is Meaning.NO_NOTIFICATION and notify:
            answer = await self._client.patch(self._resource, name, changes, self._rate_limit)
        return answer


def difference(known: Json, wanted: Json) -> Json:
    """Return the PATCH from one document to another: each member that changed as a whole, null for what goes.

    Google merges objects into what is there, so within a member too, what goes has to be said (G1.4, G3.3).
    """
    changed = {name: value for name, value in wanted.items() if value != known.get(name)}
    return {**{name: None for name in known if name not in wanted}, **_with_nulls(known, changed)}


def _with_nulls(known: Json, wanted: Json) -> Json:
    result: Json = {}
    for name, value in wanted.items():
        before = known.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            result[name] = {**dict.fromkeys(before.keys() - value.keys()), **_with_nulls(before, value)}
        else:
            result[name] = value
    return result


async def list_saved(
    client: GoogleClient, resource: str, class_id: str, rate_limit: RateLimit
) -> AsyncIterator[dict[str, bool]]:
    """Yield the objects of a class, page by page, with whether anybody has saved each (G3.6)."""
    token: str | None = None
    while True:
        answer = await client.list(resource, class_id, _PAGE, token, rate_limit)
        if answer.meaning is not Meaning.DONE:
            raise EventUnproved(answer.said)
        body = answer.body or {}
        found = [item for item in body.get("resources", ()) if isinstance(item, dict)]
        yield {str(item.get("id")): item.get("hasUsers") is True for item in found}
        pagination = body.get("pagination")
        token = pagination.get("nextPageToken") if isinstance(pagination, dict) else None
        if not token:
            return


def _over_anything(resource: str, wanted: Json) -> Json:
    """Return a PATCH that leads to the document whatever is there."""
    changes: Json = {**dict.fromkeys(_MEMBERS.get(resource, ())), **wanted}
    for points in ("loyaltyPoints", "secondaryLoyaltyPoints"):
        value = changes.get(points)
        if isinstance(value, dict):
            changes[points] = value | {"balance": {**dict.fromkeys(_BALANCES), **value["balance"]}}
    return changes


def _message(message: CardMessage) -> Json:
    def localized(texts: tuple[tuple[str, str], ...]) -> Json:
        (language, text), *others = texts
        document: Json = {"defaultValue": {"language": language, "value": text}}
        more = [{"language": other, "value": value} for other, value in others]
        return document | ({"translatedValues": more} if more else {})

    return {
        "id": message.id,
        "header": message.header[0][1],
        "localizedHeader": localized(message.header),
        "body": message.body[0][1],
        "localizedBody": localized(message.body),
        "messageType": "TEXT_AND_NOTIFY" if message.notify else "TEXT",
    }


def _sent(answer: ApiAnswer) -> Sent:
    return _SENT[answer.meaning](answer)


_SENT: Final[dict[Meaning, Callable[[ApiAnswer], Sent]]] = {
    Meaning.DONE: lambda _: Sent(Verdict.DONE),
    Meaning.CLASS_MISSING: lambda answer: Sent(Verdict.RETRY, answer.said, lacks_class=True),
    Meaning.TOO_FAST: lambda answer: Sent(Verdict.RETRY, answer.said, answer.retry_after_seconds, is_too_fast=True),
    Meaning.AGAIN: lambda answer: Sent(Verdict.RETRY, answer.said, answer.retry_after_seconds),
    Meaning.FORBIDDEN: lambda answer: Sent(Verdict.CHANNEL_FAILED, answer.said),
    Meaning.UNAUTHENTICATED: lambda answer: Sent(Verdict.CHANNEL_FAILED, answer.said),
    # What is left of these after `bring_to` is a state that changes under our hands: look again.
    Meaning.MISSING: lambda answer: Sent(Verdict.RETRY, answer.said),
    Meaning.EXISTS: lambda answer: Sent(Verdict.RETRY, answer.said),
    Meaning.NO_NOTIFICATION: lambda answer: Sent(Verdict.RETRY, answer.said),
    Meaning.REFUSED: lambda answer: Sent(Verdict.REFUSED, answer.said),
}
