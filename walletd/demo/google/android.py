"""A virtual Android phone with Google Wallet: it opens links, saves cards, and shows what the fake Google keeps.

What a real phone gets from Google's servers it reads here from the fake: Google refreshes phones by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urljoin

import httpx

from walletd.demo.clock import Clock, utc_now
from walletd.demo.google.errors import ApiError
from walletd.demo.google.fake_google import FakeGoogle
from walletd.demo.google.store import Stored
from walletd.demo.iphone.field_text import money_text
from walletd.demo.iphone.pkpass import PassRefused

Json = dict[str, Any]

_HOPS_MAX: Final = 4
_REMEMBERED: Final = 1000
_IMAGE_MAX: Final = 5_000_000
_HEADERS: Final = {
    "User-Agent": (
        "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile "
        "Safari/537.36"
    ),
}


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the phone told its holder, in each language."""

    title: str
    text: Mapping[str, str]
    at: datetime


@dataclass(slots=True)
class SavedCard:
    """A card in Google Wallet."""

    stored: Stored
    of_class: Json
    updated_at: datetime
    announced: int = 0
    images: dict[str, bytes] = field(default_factory=dict)
    """Address → picture, as Google keeps them."""

    @property
    def object_id(self) -> str:
        """Return the id of the object."""
        return str(self.stored.body["id"])

    @property
    def card_id(self) -> str:
        """A short name for use in page addresses."""
        return hashlib.sha256(self.object_id.encode()).hexdigest()[:16]

    def image_address(self, name: str) -> str | None:
        """Return where a picture comes from: `logo`, or `hero`, the object's own before the class's."""
        if name == "hero":
            holder = self.stored.body.get("heroImage") or self.of_class.get("heroImage")
        else:
            holder = self.of_class.get("programLogo") or self.of_class.get("titleImage")
        return None if holder is None else str(holder["sourceUri"]["uri"])

    def image(self, name: str) -> bytes | None:
        """Return a picture, None where there is none."""
        address = self.image_address(name)
        return None if address is None else self.images.get(address)


class VirtualAndroid:
    """One Android phone; what it does over the network happens in tasks of its own, see `settle`."""

    is_online = True

    def __init__(self, name: str, google: FakeGoogle, http: httpx.AsyncClient, clock: Clock = utc_now) -> None:
        self.name = name
        self.device_library_identifier = secrets.token_hex(16)
        self.cards: dict[str, SavedCard] = {}
        """Object id → card, in the order in which they were saved."""
        self.told: deque[Told] = deque(maxlen=_REMEMBERED)
        self.listeners: list[Callable[[VirtualAndroid], None]] = []
        self._google = google
        self._http = http
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        google.store.on_change.append(self._changed)

    def now(self) -> datetime:
        """Return the phone's time."""
        return self._clock()

    async def add_from_url(self, url: str) -> SavedCard:
        """Open an add link in a browser, follow it to Google, and save the card.

        Raises PassRefused where it does not lead there; httpx.TransportError where nobody answers.
        """
        for _ in range(_HOPS_MAX):
            if "/gp/v/save/" in url:
                return await self._save(url)
            response = await self._http.get(url, headers=_HEADERS, follow_redirects=False)
            if not response.is_redirect:
                raise PassRefused(f"no way to Google from there; the server answered {response.status_code}")
            url = urljoin(url, response.headers.get("Location", ""))
        raise PassRefused("the link leads round and round")

    def delete_card(self, object_id: str) -> None:
        """Remove a card from the wallet; Google tells the shop."""
        if self.cards.pop(object_id, None) is not None:
            self._start(self._remove(object_id))
            self._tell_listeners()

    async def until_idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """End everything."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _save(self, url: str) -> SavedCard:
        try:
            found = self._google.open_save_link(url.rpartition("/")[2])
        except ApiError as error:
            raise PassRefused(error.message) from error
        for stored in found:
            name = stored.body["id"]
            of_class = self._google.store.items[stored.body["classId"]].body
            card = SavedCard(stored, of_class, self._clock(), len(stored.field_notifications))
            self.cards[name] = card
            await self._load_images(card)
            await self._google.save(name, self.device_library_identifier)
        self._tell_listeners()
        return self.cards[found[0].body["id"]]

    async def _remove(self, object_id: str) -> None:
        await self._google.remove(object_id, self.device_library_identifier)

    def _changed(self, stored: Stored) -> None:
        """Follow what Google keeps: the object of a card, or the class of several."""
        for card in self.cards.values():
            if stored.body["id"] not in (card.object_id, card.stored.body["classId"]):
                continue
            card.of_class = self._google.store.items[card.stored.body["classId"]].body
            card.updated_at = self._clock()
            if len(card.stored.field_notifications) > card.announced:
                self.told.append(_told(card, self._clock()))
            card.announced = len(card.stored.field_notifications)
            self._start(self._load_images(card))
        self._tell_listeners()

    async def _load_images(self, card: SavedCard) -> None:
        """Fetch the pictures as Google does; one that is not there is left out."""
        for name in ("logo", "hero"):
            address = card.image_address(name)
            if address is None or address in card.images:
                continue
            try:
                response = await self._http.get(address)
            except httpx.HTTPError:
                continue
            if response.is_success and len(response.content) <= _IMAGE_MAX:
                card.images[address] = response.content
                self._tell_listeners()

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell_listeners(self) -> None:
        for tell in self.listeners:
            tell(self)


def text_of(holder: Mapping[str, Any], name: str, language: str) -> str:
    """Return a text of a document in a language, as Google's phones choose it."""
    localized = holder.get(f"localized{name[0].upper()}{name[1:]}")
    if not isinstance(localized, dict):
        return str(holder.get(name, ""))
    texts = [localized.get("defaultValue", {}), *localized.get("translatedValues", ())]
    found = {item.get("language", ""): str(item.get("value", "")) for item in texts}
    return found.get(language) or str(texts[0].get("value", ""))


def points_text(points: Mapping[str, Any], language: str) -> str:
    """Return points as the phone shows them."""
    balance = points.get("balance", {})
    if "money" in balance:
        return amount_text(balance["money"], language)
    return next((str(balance[kind]) for kind in ("string", "int", "double") if kind in balance), "")


def amount_text(money: Mapping[str, str], language: str) -> str:
    """Return an amount of micros with its currency."""
    return money_text(Decimal(money["micros"]).scaleb(-6), money["currencyCode"], language)


def rotating_value(rotating: Mapping[str, Any], at: datetime) -> str:
    """Return what a rotating barcode says at a moment (RFC 6238 with SHA-1), as Google's phones work it out."""
    details, seconds = rotating["totpDetails"], int(at.timestamp())
    shown = str(rotating["valuePattern"]).replace("{totp_timestamp_seconds}", str(seconds))
    counter = (seconds * 1000 // int(details["periodMillis"])).to_bytes(8, "big")
    for place, parameter in enumerate(details["parameters"]):
        digest = hmac.new(bytes.fromhex(parameter["key"]), counter, hashlib.sha1).digest()
        start = digest[-1] & 0x0F
        number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
        length = int(parameter["valueLength"])
        shown = shown.replace(f"{{totp_value_{place}}}", str(number % 10**length).zfill(length))
    return shown


def _told(card: SavedCard, at: datetime) -> Told:
    points = card.stored.body.get("loyaltyPoints", {})
    text = {
        language: f"{text_of(points, 'label', language)}: {points_text(points, language)}" for language in ("en", "de")
    }
    return Told(text_of(card.of_class, "programName", "en"), text, at)
