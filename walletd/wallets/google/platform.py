"""Google Wallet behind the port: one platform for all merchants that have an issuer and a service account.

A document is kept as JSON with the name of its resource: `{"resource": "loyaltyObject", "body": {…}}`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from walletd.domain.checks import Check
from walletd.domain.delivery.faces import Face
from walletd.domain.errors import SigningUnavailable, TemplateInvalid
from walletd.wallets import (
    CardMessage,
    EventRefused,
    EventUnproved,
    PassIdentity,
    ProgramShown,
    RateLimit,
    RenderedPass,
    Sent,
    WalletEvent,
)
from walletd.wallets.google import images
from walletd.wallets.google.callback_keys import CallbackKeys, KeysUnavailable
from walletd.wallets.google.callbacks import Callback, CallbackRefused, verify
from walletd.wallets.google.checks import examine
from walletd.wallets.google.class_documents import Addresses, class_document
from walletd.wallets.google.client import GoogleClient
from walletd.wallets.google.credentials import GoogleCredentials
from walletd.wallets.google.names import RESOURCES, class_id, object_id
from walletd.wallets.google.object_documents import object_document
from walletd.wallets.google.sender import Sender, list_saved
from walletd.wallets.templates.templates import Template

Json = dict[str, Any]

_DRAWN_KEPT: Final = 100
_EVENTS: Final[Mapping[str, str]] = {"save": "saved", "del": "removed"}


@dataclass(frozen=True, slots=True)
class GoogleAddresses:
    """Where Google is; settings, so that tests and the demo can put a fake there."""

    api: str
    save: str
    callback_keys: str


@dataclass(frozen=True, slots=True)
class _Merchant:
    credentials: GoogleCredentials
    client: GoogleClient


class GooglePlatform:
    """The port `ObjectPlatform` for Google; rendering may run in any thread, sending in the loop."""

    name = "google"

    def __init__(
        self,
        templates: Mapping[str, Template],
        public_url: str,
        environment: str,
        addresses: GoogleAddresses,
        clock: Callable[[], datetime],
        rotating_secret: Callable[[str, str], bytes],
    ) -> None:
        """Take what the installation fixes for all merchants; `environment` stands in every identifier.

        `rotating_secret` gives the secret of a card's rotating barcode: merchant and serial number → 20 bytes.
        """
        self._templates = templates
        self._environment = environment
        self._google = addresses
        self._rotating_secret = rotating_secret
        self._keys = CallbackKeys(addresses.callback_keys, clock)
        self._addresses = Addresses(public_url, f"{public_url}/google/callback", self._image_url)
        self._public_url = public_url
        self._merchants: dict[str, _Merchant] = {}
        self._retired: list[GoogleClient] = []
        self._drawn: dict[tuple[str, str, str], bytes] = {}

    def configure(self, merchant_id: str, credentials: bytes) -> None:
        """Take a merchant's credentials (`GoogleCredentials.to_bytes`), or replace them."""
        opened = GoogleCredentials.from_bytes(credentials)
        former = self._merchants.get(merchant_id)
        self._merchants[merchant_id] = _Merchant(opened, GoogleClient(opened, self._google.api))
        if former is not None:
            # Its connections belong to the loop, which this call need not run in.
            self._retired.append(former.client)

    def is_configured(self, merchant_id: str) -> bool:
        """Say whether credentials for this merchant are loaded."""
        return merchant_id in self._merchants

    def topic(self, merchant_id: str) -> str:
        """Return the merchant's issuer id; raises SigningUnavailable where none is configured."""
        return self._merchant(merchant_id).credentials.issuer_id

    def is_current(self, parts: str) -> bool:
        """Say whether named parts are those of the present template."""
        name, _, revision = parts.partition("/")
        return name in self._templates and revision == self._revision(self._templates[name])

    def render(self, merchant_id: str, template: str, identity: PassIdentity, face: Face) -> RenderedPass:
        """Render the object of a card; raises SigningUnavailable, TemplateInvalid."""
        blueprint = self._template(template)
        issuer = self.topic(merchant_id)
        body = object_document(
            blueprint,
            object_id(issuer, self._environment, identity.serial_number),
            class_id(issuer, self._environment, identity.program_id),
            face,
            self._addresses,
        )
        return self._rendered(f"{RESOURCES[blueprint.kind]}Object", body, blueprint)

    def render_class(self, merchant_id: str, template: str, program: ProgramShown) -> RenderedPass:
        """Render the class of a program; raises SigningUnavailable, TemplateInvalid."""
        blueprint = self._template(template)
        name = class_id(self.topic(merchant_id), self._environment, program.program_id)
        body = class_document(blueprint, name, program, self._addresses)
        return self._rendered(f"{RESOURCES[blueprint.kind]}Class", body, blueprint)

    async def send(
        self, merchant_id: str, document: bytes, before: bytes | None, rate_limit: RateLimit, *, notify: bool
    ) -> Sent:
        """Insert or patch a class or object; see the port."""
        await self._close_retired()
        wanted = json.loads(document)
        known = None if before is None else self._with_secret(merchant_id, json.loads(before)["body"])
        sender = Sender(self._merchant(merchant_id).client, wanted["resource"], rate_limit)
        return await sender.bring_to(self._with_secret(merchant_id, wanted["body"]), known, notify=notify)

    async def send_message(
        self, merchant_id: str, document: bytes, message: CardMessage, rate_limit: RateLimit
    ) -> Sent:
        """Add a message to a card; see the port."""
        wanted = json.loads(document)
        sender = Sender(self._merchant(merchant_id).client, wanted["resource"], rate_limit)
        return await sender.add_message(wanted["body"]["id"], message)

    def save_link(self, merchant_id: str, document: bytes, now: datetime) -> str:
        """Return a save link with nothing but the id of the object; raises SigningUnavailable."""
        wanted = json.loads(document)
        payload = {f"{wanted['resource']}s": [{"id": wanted["body"]["id"]}]}
        token = self._merchant(merchant_id).client.tokens.save_token(now, payload)
        return f"{self._google.save.rstrip('/')}/{token}"

    async def saved(self, merchant_id: str, document: bytes, rate_limit: RateLimit) -> AsyncIterator[dict[str, bool]]:
        """Yield which objects of a class anybody has; see the port."""
        wanted = json.loads(document)
        client = self._merchant(merchant_id).client
        resource = wanted["resource"].replace("Class", "Object")
        prefix = object_id(self.topic(merchant_id), self._environment, "")
        async for page in list_saved(client, resource, wanted["body"]["id"], rate_limit):
            yield {name.removeprefix(prefix): has for name, has in page.items() if name.startswith(prefix)}

    async def read_event(self, body: bytes, now: datetime) -> WalletEvent:
        """Return what a callback says; raises EventRefused, EventUnproved."""
        issuers = {merchant.credentials.issuer_id for merchant in self._merchants.values()}
        try:
            callback = await self._verified(body, issuers, now)
        except KeysUnavailable as error:
            raise EventUnproved("Google's keys are not known") from error
        except CallbackRefused as error:
            raise EventRefused(str(error)) from error
        prefix = object_id(callback.issuer_id, self._environment, "")
        serial_numbers = tuple(name.removeprefix(prefix) for name in callback.object_ids if name.startswith(prefix))
        kind = _EVENTS.get(callback.event, callback.event)
        return WalletEvent(callback.issuer_id, kind, serial_numbers, callback.nonce, callback.expires_at)

    def image(self, template: str, revision: str, name: str) -> bytes | None:
        """Return a picture of the present templates; those of a stamp card are drawn once."""
        blueprint = self._templates.get(template)
        if blueprint is None or revision != self._revision(blueprint):
            return None
        key = (template, revision, name)
        drawn = self._drawn.get(key) or images.draw(blueprint, name)
        if drawn is not None:
            self._drawn[key] = drawn
            while len(self._drawn) > _DRAWN_KEPT:
                self._drawn.pop(next(iter(self._drawn)), None)
        return drawn

    async def findings(self, merchant_id: str, classes: Sequence[bytes]) -> list[Check]:
        """Look at a merchant's way to Google, for `doctor`; nothing where it is not configured."""
        merchant = self._merchants.get(merchant_id)
        if merchant is None:
            return []
        written = [json.loads(document) for document in classes]
        names = [(item["resource"], item["body"]["id"]) for item in written]
        return await examine(merchant.client, merchant.credentials, names, _at_once)

    async def close(self) -> None:
        """Close all connections to Google."""
        await self._close_retired()
        await self._keys.close()
        for merchant in list(self._merchants.values()):
            await merchant.client.close()

    def _with_secret(self, merchant_id: str, body: Json) -> Json:
        """Return an object with the secret of its rotating barcode, where it has one."""
        rotating = body.get("rotatingBarcode")
        if rotating is None:
            return body
        serial_number = str(body["id"]).removeprefix(object_id(self.topic(merchant_id), self._environment, ""))
        secret = self._rotating_secret(merchant_id, serial_number).hex().upper()
        parameters = [{**item, "key": secret} for item in rotating["totpDetails"]["parameters"]]
        details = {**rotating["totpDetails"], "parameters": parameters}
        return {**body, "rotatingBarcode": {**rotating, "totpDetails": details}}

    async def _verified(self, body: bytes, issuers: set[str], now: datetime) -> Callback:
        """Verify with the keys that are known, and once more with new ones where none fits."""
        try:
            return verify(body, await self._keys.living(), issuers, now)
        except CallbackRefused:
            if not await self._keys.renew():
                raise
            return verify(body, await self._keys.living(), issuers, now)

    def _rendered(self, resource: str, body: Json, template: Template) -> RenderedPass:
        document = json.dumps({"resource": resource, "body": body}, ensure_ascii=False, sort_keys=True).encode()
        parts = f"{template.name}/{self._revision(template)}"
        return RenderedPass(document, hashlib.sha256(document).hexdigest(), parts)

    def _revision(self, template: Template) -> str:
        """Return what decides about a document besides face and program: the template, and where its pictures are."""
        return hashlib.sha256(f"{template.revision} {self._public_url}".encode()).hexdigest()[:16]

    def _image_url(self, template: Template, name: str) -> str:
        return f"{self._public_url}/images/{template.name}/{self._revision(template)}/{name}.png"

    def _merchant(self, merchant_id: str) -> _Merchant:
        try:
            return self._merchants[merchant_id]
        except KeyError:
            raise SigningUnavailable("No Google service account is loaded for this merchant") from None

    def _template(self, name: str) -> Template:
        try:
            return self._templates[name]
        except KeyError:
            raise TemplateInvalid(f"There is no template {name!r}", path=name) from None

    async def _close_retired(self) -> None:
        while self._retired:
            await self._retired.pop().close()


async def _at_once() -> None:
    """Wait for nothing: a handful of calls by hand."""
