"""Messages to the holder of a card, in whichever wallets it is (G5).

Apple's pass shows the newest one as a field that announces its change; Google gets each as a message of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from walletd.db.cards import cards
from walletd.db.delivery import publishing, wallet_objects
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.db.outbox import jobs
from walletd.domain.calendar import rfc3339
from walletd.domain.cards.cards import CardStatus
from walletd.domain.cards.changes import CardMessageSent
from walletd.domain.customers.merges import CardMerged
from walletd.domain.errors import CardIsDeleted, CardIsRevoked, NotFound, SigningUnavailable, WalletdError
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.principals import Principal
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.jobs import Job, new_job
from walletd.domain.validation import invalid
from walletd.services.changes.recorder import record
from walletd.services.delivery.objects.rate_limits import RateLimiter
from walletd.services.idempotency import Answer, Protected, check_key, encode, once
from walletd.services.runtime import Runtime
from walletd.wallets import CardMessage

KIND: Final = "message"
HEADER_LONGEST: Final = 60
BODY_LONGEST: Final = 500
_NOTIFICATIONS: Final = 3
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What a shop wants to tell the holder of a card."""

    serial_number: str
    header: str
    body: str
    notify: bool = True


class Messages:
    """Use cases about messages."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def send(self, by: Principal, new: NewMessage, idempotency_key: str | None) -> Answer:
        """Send a message to the holder of a card; with a key, a repeated request sends nothing again.

        Raises NotFound, ValidationFailed, CardMerged, CardIsRevoked, CardIsDeleted and the errors of keys.
        """
        for text, pointer, longest in ((new.header, "/header", HEADER_LONGEST), (new.body, "/body", BODY_LONGEST)):
            if not 1 <= len(text.strip()) <= longest or not text.isprintable():
                raise invalid(pointer, f"must be 1 to {longest} printable characters")
        now = self._runtime.clock()

        def write(tx: Tx) -> Answer | WalletdError:
            if idempotency_key is None:
                return Answer(201, encode(self._send(tx, by, new, now)[1]), replayed=False)
            protected = Protected(by, "messages", check_key(idempotency_key), asdict(new), self._runtime.vault)
            return once(tx, protected, now, lambda: self._send(tx, by, new, now))

        answer = await self._runtime.database.write(write)
        if isinstance(answer, WalletdError):
            raise answer
        return answer

    async def deliver(self, job: Job) -> Attempt:
        """Do a job of the kind `message`: add it to the card at one wallet's server."""
        content = job.content or {}
        platform = self._runtime.object_platforms.get(content["platform"])
        serial_number, now = content["serial_number"], self._runtime.clock()
        if platform is None or not platform.is_configured(job.merchant_id):
            return Attempt(Verdict.REFUSED, "the shop does not use this wallet any more")

        def claim(tx: Tx) -> tuple[bytes, bool] | None:
            found = publishing.published(tx, platform.name, [serial_number]).get(serial_number)
            notified = wallet_objects.messages_notified(tx, platform.name, serial_number)
            if found is None or notified is None:
                return None
            recent = [moment for moment in notified if now - moment < _DAY]
            notify = bool(content["notify"]) and len(recent) < _NOTIFICATIONS
            if notify:
                # Stored before it happens: an attempt whose reply is lost counts.
                wallet_objects.note_messages_notified(tx, platform.name, serial_number, [*recent, now])
            return zlib.decompress(found.document), notify

        claimed = await self._runtime.database.write(claim)
        if claimed is None:
            return Attempt(Verdict.REFUSED, "the card is not at this wallet any more")
        document, notify = claimed
        language = content["language"]
        texts = ((language, content["header"]),), ((language, content["body"]),)
        limiter = RateLimiter(self._runtime, job.merchant_id, platform.name)
        message = CardMessage(content["message_id"], *texts, notify=notify)
        try:
            sent = await platform.send_message(job.merchant_id, document, message, limiter.wait)
        except SigningUnavailable as error:
            return Attempt(Verdict.RETRY, error.detail)
        if sent.is_too_fast:
            await limiter.slow_down(sent.retry_after_seconds)
        return sent

    def _send(self, tx: Tx, by: Principal, new: NewMessage, now: datetime) -> tuple[str, Mapping[str, object]]:
        found = cards.find(tx, by.merchant_id, new.serial_number)
        if found is None:
            raise NotFound("There is no card with this serial number.")
        if found.card.merged_into is not None:
            raise CardMerged(serial_number=found.card.merged_into)
        if found.card.status in {CardStatus.REVOKED, CardStatus.DELETED}:
            raise CardIsRevoked if found.card.status == CardStatus.REVOKED else CardIsDeleted
        message_id = new_id("msg", now)
        cards.set_message(tx, new.serial_number, f"{new.header.strip()}: {new.body.strip()}")
        wallets = [row.platform for row in wallet_objects.statuses(tx, new.serial_number)]
        language = merchants.get(tx, by.merchant_id).languages[0]
        content = {
            "message_id": message_id,
            "serial_number": new.serial_number,
            "header": new.header.strip(),
            "body": new.body.strip(),
            "notify": "yes" if new.notify else "",
            "language": language,
        }
        made = [
            new_job(
                new_id("job", now), by.merchant_id, KIND, f"{name} {message_id}", {**content, "platform": name}, now
            )
            for name in wallets
        ]
        if made:
            jobs.insert(tx, made)
        record(tx, by, now, CardMessageSent(new.serial_number, message_id))
        document: dict[str, object] = {
            "message_id": message_id,
            "serial_number": new.serial_number,
            "header": content["header"],
            "body": content["body"],
            "notify": new.notify,
            "wallets": ["apple", *wallets],
            "created_at": rfc3339(now),
        }
        return message_id, document
