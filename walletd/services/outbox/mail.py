"""Mail: what a merchant's staff have to know without looking is written to its service mailbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.db.merchants.merchants import MerchantRow
from walletd.db.outbox import jobs
from walletd.domain.calendar import rfc3339
from walletd.domain.identifiers import new_id
from walletd.domain.ledger.checkpoints import SignedCheckpoint
from walletd.domain.merchants.changes import ServiceMailSet
from walletd.domain.merchants.principals import Principal
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.jobs import Job, new_job
from walletd.domain.outbox.mail import Mail, check_mailbox
from walletd.services.changes.recorder import record
from walletd.services.outbox import mail_texts
from walletd.services.outbox.mail_queue import KIND, NO_SERVER, to_staff
from walletd.services.runtime import Runtime

Write = Callable[[MerchantRow], Mail | None]


class ServiceMail:
    """Use cases about mail to service mailboxes. Whether there is a mail server at all, the settings say."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def set_mailbox(self, principal: Principal, address: str) -> str | None:
        """Store a merchant's service mailbox and greet it; empty for none. Raises ValidationFailed."""
        mailbox = check_mailbox(address, "/service_mail") if address.strip() else None
        now, merchant_id = self._runtime.clock(), principal.merchant_id

        def write(tx: Tx) -> None:
            merchants.store_service_mail(tx, merchant_id, mailbox)
            record(tx, principal, now, ServiceMailSet(merchant_id))

        await self._runtime.database.write(write)
        await self._post(
            f"welcome {new_id('job', now)}",
            lambda merchant: to_staff(merchant, mail_texts.WELCOME) if merchant.id == merchant_id else None,
        )
        return mailbox

    async def post_checkpoint(self, signed: SignedCheckpoint) -> str:
        """Write a checkpoint to every mailbox, once; return a sentence."""
        checkpoint = signed.checkpoint
        facts = {
            "number": checkpoint.number,
            "entries": checkpoint.entries,
            "day": rfc3339(checkpoint.created_at)[:10],
            "checkpoint": signed.text(),
        }
        return await self._post(
            f"checkpoint {checkpoint.number}", lambda merchant: to_staff(merchant, mail_texts.CHECKPOINT, **facts)
        )

    async def post_unproved(self, detail: str) -> str:
        """Write to every mailbox, once a day, that the books cannot be proved; return a sentence."""
        day = rfc3339(self._runtime.clock())[:10]
        return await self._post(
            f"unproved {day}", lambda merchant: to_staff(merchant, mail_texts.UNPROVED, detail=detail)
        )

    async def post_certificate_ends(self, platform: str, topic: str, days_left: int) -> str:
        """Write to the merchant of a certificate, once a day, until when it is valid; return a sentence."""
        rows = await self._runtime.database.read(merchants.all_credentials)
        row = next((row for row in rows if (row.platform, row.topic) == (platform, topic)), None)
        if row is None:
            return "the certificate is not in use any more"
        facts = {"topic": topic, "day": rfc3339(row.not_valid_after)[:10]}
        return await self._post(
            f"certificate {topic} {facts['day']} {days_left}",
            lambda merchant: (
                to_staff(merchant, mail_texts.CERTIFICATE, **facts) if merchant.id == row.merchant_id else None
            ),
        )

    async def check_server(self) -> Attempt | None:
        """Connect to the mail server and log in; None where there is none."""
        channel = self._runtime.mail_channel
        return None if channel is None else await channel.check()

    async def send(self, job: Job) -> Attempt:
        """Do a job of the kind `mail`."""
        channel = self._runtime.mail_channel
        if channel is None:
            return Attempt(Verdict.RETRY, NO_SERVER)
        return await channel.send(Mail(**(job.content or {})), job.id, job.created_at)

    async def _post(self, subject: str, write_mail: Write) -> str:
        if self._runtime.mail_channel is None:
            return NO_SERVER
        now = self._runtime.clock()

        def write(tx: Tx) -> int:
            mails = {merchant.id: write_mail(merchant) for merchant in merchants.all_merchants(tx)}
            made = [
                new_job(new_id("job", now), merchant_id, KIND, subject, asdict(mail), now)
                for merchant_id, mail in mails.items()
                if mail is not None
            ]
            return jobs.insert(tx, made)

        return f"{await self._runtime.database.write(write)} mails"
