"""Webhooks, as their merchant sees them: endpoints, secrets, what was sent, and sending it again."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.outbox import webhook_messages, webhooks
from walletd.domain.errors import NotFound, WebhookDisabled
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.principals import Principal
from walletd.domain.outbox.changes import (
    WebhookCreated,
    WebhookDeleted,
    WebhookEnabled,
    WebhookReplayed,
    WebhookSecretRotated,
)
from walletd.domain.outbox.webhooks import (
    TESTING,
    Endpoint,
    EndpointState,
    Message,
    check_description,
    check_events,
    check_url,
)
from walletd.domain.pages import Page, PageRequest
from walletd.services.changes.recorder import record
from walletd.services.changes.webhook_events import new_message
from walletd.services.runtime import Runtime

SEALED_KIND: Final = "webhook_secret"
_SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"


class Webhooks:
    """Use cases about endpoints of webhooks and their messages."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def create(
        self, by: Principal, url: str, events: Collection[str] = (), description: str | None = None
    ) -> tuple[Endpoint, str]:
        """Make an endpoint and return it with its secret, which is shown this once.

        Raises ValidationFailed, WebhookTargetRefused.
        """
        check_url(url)
        now = self._runtime.clock()
        endpoint = Endpoint(
            id=new_id("whe", now),
            merchant_id=by.merchant_id,
            url=url,
            events=check_events(events),
            description=check_description(description),
            state=EndpointState.ACTIVE,
            reason="",
            paused_until=None,
            pauses=0,
            created_at=now,
            secret_changed_at=now,
        )
        await self._runtime.webhook_channel.check(url)
        sealed, shown = self._new_secret(by.merchant_id)

        def write(tx: Tx) -> None:
            webhooks.insert(tx, endpoint, sealed)
            record(tx, by, now, WebhookCreated(endpoint.id, endpoint.events))

        await self._runtime.database.write(write)
        return endpoint, shown

    async def get(self, by: Principal, endpoint_id: str) -> Endpoint:
        """Return an endpoint; raises NotFound."""
        return await self._runtime.database.read(_found, by, endpoint_id)

    async def list(self, by: Principal, request: PageRequest) -> Page[Endpoint]:
        """Return a page of endpoints; raises CursorInvalid, ValidationFailed."""
        return await self._runtime.database.read(webhooks.page, by.merchant_id, request)

    async def delete(self, by: Principal, endpoint_id: str) -> None:
        """Forget an endpoint and its secret; what was still to be sent to it is not sent. Raises NotFound."""
        now = self._runtime.clock()

        def write(tx: Tx) -> None:
            _found(tx, by, endpoint_id)
            webhook_messages.end_all(tx, endpoint_id, now, "the endpoint was deleted")
            webhooks.delete(tx, endpoint_id)
            record(tx, by, now, WebhookDeleted(endpoint_id))

        await self._runtime.database.write(write)

    async def enable(self, by: Principal, endpoint_id: str) -> Endpoint:
        """Let an endpoint that was disabled or paused be called again, at once; raises NotFound.

        What happened while it was disabled was not kept for it; dead letters can be replayed.
        """
        now = self._runtime.clock()

        def write(tx: Tx) -> Endpoint:
            endpoint = _found(tx, by, endpoint_id)
            changed = replace(endpoint, state=EndpointState.ACTIVE, reason="", paused_until=None, pauses=0)
            webhooks.store_state(tx, changed)
            record(tx, by, now, WebhookEnabled(endpoint_id))
            return changed

        return await self._runtime.database.write(write)

    async def rotate_secret(self, by: Principal, endpoint_id: str) -> tuple[Endpoint, str]:
        """Give an endpoint a new secret and return it; for a day messages are signed with both. Raises NotFound."""
        now = self._runtime.clock()
        sealed, shown = self._new_secret(by.merchant_id)

        def write(tx: Tx) -> Endpoint:
            endpoint = _found(tx, by, endpoint_id)
            webhooks.exchange_secret(tx, endpoint_id, sealed, now)
            record(tx, by, now, WebhookSecretRotated(endpoint_id))
            return replace(endpoint, secret_changed_at=now)

        return await self._runtime.database.write(write), shown

    async def test(self, by: Principal, endpoint_id: str) -> Message:
        """Queue a message that only says that the endpoint works; raises NotFound, WebhookDisabled."""
        now = self._runtime.clock()

        def write(tx: Tx) -> Message:
            endpoint = _found(tx, by, endpoint_id)
            if not endpoint.wants(TESTING):
                raise WebhookDisabled
            message = new_message(endpoint, TESTING, endpoint_id, {"endpoint_id": endpoint_id}, now)
            webhook_messages.insert(tx, [message])
            return message

        return await self._runtime.database.write(write)

    async def messages(self, by: Principal, endpoint_id: str, request: PageRequest) -> Page[Message]:
        """Return a page of messages, the newest first; `search` is a state. Raises NotFound, CursorInvalid."""

        def read(tx: Tx) -> Page[Message]:
            _found(tx, by, endpoint_id)
            return webhook_messages.page(tx, by.merchant_id, endpoint_id, request)

        return await self._runtime.database.read(read)

    async def replay(self, by: Principal, endpoint_id: str, message_id: str | None) -> int:
        """Send all dead letters of an endpoint again, or one message; return how many.

        Raises NotFound, WebhookDisabled.
        """
        now = self._runtime.clock()

        def write(tx: Tx) -> int:
            if not _found(tx, by, endpoint_id).wants(TESTING):
                raise WebhookDisabled
            count = webhook_messages.replay(tx, endpoint_id, now, message_id)
            if message_id is not None and count == 0:
                raise NotFound(f"There is no message {message_id} to this endpoint.")
            record(tx, by, now, WebhookReplayed(endpoint_id, count))
            return count

        return await self._runtime.database.write(write)

    def _new_secret(self, merchant_id: str) -> tuple[bytes, str]:
        secret = secrets.token_bytes(_SECRET_BYTES)
        sealed = self._runtime.vault.seal(secret, merchant_id, SEALED_KIND)
        return sealed, _PREFIX + b64encode(secret).decode()


def _found(tx: Tx, by: Principal, endpoint_id: str) -> Endpoint:
    endpoint = webhooks.find(tx, by.merchant_id, endpoint_id)
    if endpoint is None:
        raise NotFound(f"There is no webhook {endpoint_id}.")
    return endpoint
