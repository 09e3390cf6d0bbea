"""Mail to the service mailbox: checkpoints, alarms and certificates arrive once, or are tried until they do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3
import pytest
from sqlalchemy import select

from scheduler.certificates import watch_certificates
from tests.builders import Shop
from tests.channels.mailbox import Mailbox, a_mailbox
from tests.services.ledger.test_checkpoints import signed
from tests.services.ledger.test_tampering import a_shop_at
from walletd.channels.mail import MailSender, MailServer
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.db.outbox import jobs
from walletd.domain.errors import LedgerUnproved, ValidationFailed
from walletd.domain.outbox.attempts import Attempt
from walletd.domain.outbox.jobs import Job, JobState
from walletd.services.outbox.jobs import Jobs
from walletd.services.outbox.mail_queue import KIND

ADDRESS = "office@shop.example"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server with one mailbox."""
    with a_mailbox() as running:
        yield running


async def work(shop: Shop) -> None:
    """Do every job that is due now."""
    while await shop.services.jobs.start_due():
        await shop.services.jobs.finish()


async def stored(shop: Shop, about: str = "") -> list[Job]:
    """Return the jobs about something, the oldest first."""

    def read(tx: Tx) -> list[Job]:
        rows = tx.execute(select(jobs.jobs).order_by(jobs.jobs.c.created_at))
        return [jobs._job(row) for row in rows if row.subject.startswith(about)]

    return await shop.runtime.database.read(read)


async def a_reader(shop: Shop, mailbox: Mailbox) -> None:
    """Let a shop's staff read mail; the greeting is taken out."""
    shop.runtime.mail_channel = MailSender(MailServer.from_url(mailbox.url(), "shop.test"), "shop.test", seconds=5)
    shop.runtime.jitter = lambda: 0.0
    await shop.services.service_mail.set_mailbox(shop.principal, ADDRESS)
    await work(shop)
    mailbox.received.clear()


async def book(shop: Shop) -> None:
    """Book something, and sign how far the books have come."""
    await shop.post((await shop.card())["serial_number"], "credit", amount=5)
    await shop.services.assurance.checkpoint_ledger()


async def test_a_new_mailbox_is_greeted_and_none_ends_the_mail(shop: Shop, mailbox: Mailbox) -> None:
    """Whoever sets an address sees at once that mail arrives, in the shop's language."""
    await a_reader(shop, mailbox)
    await shop.services.service_mail.set_mailbox(shop.principal, f" {ADDRESS} ")
    await work(shop)
    (greeting,) = mailbox.received
    assert greeting.recipients == [ADDRESS]
    assert str(greeting.message["Subject"]) == "walletd erreicht dieses Postfach"
    assert "Café Morgenrot" in greeting.text
    assert await shop.services.service_mail.set_mailbox(shop.principal, "") is None
    await book(shop)
    await shop.services.assurance.mail_checkpoint()
    await work(shop)
    assert len(mailbox.received) == 1


@pytest.mark.parametrize("address", ["shop", "a@b", "a b@c.de", "a@b.de\nBcc: x@y.de", "<a@b.de>", "a" * 250 + "@b.de"])
async def test_what_is_no_address_is_refused(shop: Shop, address: str) -> None:
    """Before it is stored."""
    with pytest.raises(ValidationFailed):
        await shop.services.service_mail.set_mailbox(shop.principal, address)
    assert (await shop.services.merchants.get(None)).service_mail is None


async def test_the_newest_checkpoint_is_mailed_once_and_the_saved_mail_proves_the_books(
    shop: Shop, mailbox: Mailbox
) -> None:
    """Asked for again and again, also by several schedulers, it comes once; the file of the mail is a checkpoint."""
    await a_reader(shop, mailbox)
    await shop.services.assurance.mail_checkpoint()
    await book(shop)
    await asyncio.gather(*(shop.services.assurance.mail_checkpoint() for _ in range(5)))
    await work(shop)
    await shop.services.assurance.mail_checkpoint()
    await work(shop)
    (mail,) = mailbox.received
    assert str(mail.message["Subject"]) == "Prüfpunkt 1 der Bücher von Café Morgenrot"
    made = await signed(shop)
    assert made.text() in mail.text
    outside = shop.services.checkpoints.read(mail.content)
    assert outside == made
    assert await shop.services.checkpoints.verify(outside) == 1


async def test_without_a_mail_server_or_a_mailbox_nothing_waits(shop: Shop, mailbox: Mailbox) -> None:
    """Nothing piles up that would be sent at once in a year; the run says why."""
    await shop.services.service_mail.set_mailbox(shop.principal, ADDRESS)
    await book(shop)
    assert "WALLETD_SMTP_URL" in await shop.services.assurance.mail_checkpoint()
    await a_reader(shop, mailbox)
    await shop.services.service_mail.set_mailbox(shop.principal, "")
    assert await shop.services.assurance.mail_checkpoint() == "0 mails"
    assert [job.subject.split()[0] for job in await stored(shop)] == ["welcome"]


async def test_mail_waits_for_a_server_that_is_down_and_keeps_its_id(shop: Shop, mailbox: Mailbox) -> None:
    """Tried again with pauses that grow, it is the same mail; what it said is forgotten once it is sent."""
    await a_reader(shop, mailbox)
    mailbox.data_answer = "451 come back later"
    await book(shop)
    await shop.services.assurance.mail_checkpoint()
    await work(shop)
    (waiting,) = await stored(shop, "checkpoint")
    assert (waiting.attempts, waiting.last_reason) == (1, "451 come back later")
    assert (await shop.services.health.ready())["jobs"] == 1
    assert waiting.due_at == shop.clock.now + timedelta(seconds=5)
    assert await shop.services.jobs.seconds_until_due() == 5
    mailbox.data_answer = "250 OK"
    shop.clock.advance(seconds=5)
    await work(shop)
    (mail,) = mailbox.received
    assert mail.message["Message-ID"] == f"<{waiting.id}@shop.test>"
    (sent,) = await stored(shop, "checkpoint")
    assert (sent.state, sent.content, sent.due_at) == (JobState.DONE, None, None)


async def test_mail_is_tried_for_72_hours_and_then_given_up(shop: Shop, mailbox: Mailbox) -> None:
    """The last attempt is made at the end of the 72 hours; who looks after the server finds it."""
    await a_reader(shop, mailbox)
    mailbox.rcpt_answer = "450 mailbox busy"
    await shop.services.service_mail.post_unproved("x")
    started = shop.clock.now
    while (job := (await stored(shop, "unproved"))[0]).due_at is not None:
        shop.clock.now = max(job.due_at, shop.clock.now)
        await work(shop)
    assert job.state == JobState.DEAD
    assert shop.clock.now - started == timedelta(hours=72)
    state = await shop.services.health.ready()
    assert (state["jobs"], state["dead_jobs"]) == (0, 1)
    dead = await shop.services.jobs.newest_dead(KIND)
    assert dead is not None
    assert dead.last_reason == "450 mailbox busy"


async def test_a_mailbox_that_does_not_exist_is_given_up_at_once(shop: Shop, mailbox: Mailbox) -> None:
    """What can never succeed is not tried a dozen times."""
    await a_reader(shop, mailbox)
    mailbox.rcpt_answer = "550 no such user"
    await shop.services.service_mail.post_unproved("x")
    await work(shop)
    (job,) = await stored(shop, "unproved")
    assert (job.state, job.attempts, job.last_reason) == (JobState.DEAD, 1, "550 no such user")


async def test_several_workers_send_a_mail_once(shop: Shop, mailbox: Mailbox) -> None:
    """Each job is leased to one of them."""
    await a_reader(shop, mailbox)
    handlers = {KIND: shop.services.service_mail.send}
    workers = [Jobs(shop.runtime, handlers) for _ in range(4)]
    for day in range(20):
        shop.clock.advance(days=1)
        await shop.services.service_mail.post_unproved(f"fault {day}")
    await asyncio.gather(*(worker.start_due() for worker in workers))
    for worker in workers:
        while await worker.start_due():
            pass
        await worker.finish()
        while await worker.start_due():
            await worker.finish()
    assert sorted(mail.text.count("fault") for mail in mailbox.received) == [1] * 20


async def test_a_job_of_a_process_that_died_is_done_by_another_after_its_lease(shop: Shop, mailbox: Mailbox) -> None:
    """What was begun and not noted is done again, two minutes later."""
    await a_reader(shop, mailbox)
    await shop.services.service_mail.post_unproved("x")

    async def never(_job: Job) -> Attempt:
        await asyncio.Event().wait()
        raise AssertionError

    dying = Jobs(shop.runtime, {KIND: never})
    assert await dying.start_due() == 1
    assert await shop.services.jobs.start_due() == 0
    assert await shop.services.jobs.seconds_until_due() == 120
    shop.clock.advance(seconds=120)
    await work(shop)
    assert len(mailbox.received) == 1


async def test_a_job_that_hits_a_fault_of_ours_is_tried_again_and_holds_up_no_other(
    shop: Shop, mailbox: Mailbox
) -> None:
    """A bug in one kind of work is a reason in its row, not the end of the worker (P16)."""
    await a_reader(shop, mailbox)
    await shop.services.service_mail.post_unproved("poison")
    shop.clock.advance(days=1)
    await shop.services.service_mail.post_unproved("fine")

    async def send(job: Job) -> Attempt:
        if "poison" in (job.content or {})["text"]:
            raise ZeroDivisionError
        return await shop.services.service_mail.send(job)

    worker = Jobs(shop.runtime, {KIND: send})
    await worker.start_due()
    await worker.finish()
    assert [mail.text.count("fine") for mail in mailbox.received] == [1]
    assert (await stored(shop, "unproved"))[0].last_reason == "internal error: ZeroDivisionError"


async def test_books_that_cannot_be_proved_are_an_alarm_by_mail_once_a_day(
    sqlite_template: Path, tmp_path: Path, mailbox: Mailbox
) -> None:
    """The nightly proof names the fault; proving again the same day writes no second mail."""
    path = tmp_path / "walletd.sqlite3"
    shutil.copy(sqlite_template, path)
    async with a_shop_at(path) as shop:
        await a_reader(shop, mailbox)
        await book(shop)
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE accounts SET collected = collected + 1")
        for _ in range(2):
            with pytest.raises(LedgerUnproved) as refused:
                await shop.services.assurance.prove_ledger()
            await work(shop)
        (mail,) = mailbox.received
        assert str(mail.message["Subject"]) == "ALARM: Die Bücher lassen sich nicht beweisen"
        assert refused.value.detail in mail.text
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE accounts SET collected = collected - 1")
        await shop.services.assurance.prove_ledger()


async def test_a_certificate_that_ends_is_announced_by_mail_on_the_days_that_matter(
    shop: Shop, mailbox: Mailbox
) -> None:
    """P15: 14 days before the end there is one mail, on the day after none; it names the day."""
    await a_reader(shop, mailbox)
    ends_at = (await shop.runtime.database.read(merchants.all_credentials))[0].not_valid_after
    shop.clock.now = ends_at - timedelta(days=14)
    for _ in range(2):
        await watch_certificates(shop.services)
    shop.clock.advance(days=1)
    await watch_certificates(shop.services)
    await work(shop)
    (mail,) = mailbox.received
    assert str(mail.message["Subject"]) == f"Das Zertifikat pass.demo.walletd gilt nur bis {ends_at:%Y-%m-%d}"


async def test_jobs_that_ended_are_forgotten_after_a_month(shop: Shop, mailbox: Mailbox) -> None:
    """What still waits stays."""
    await a_reader(shop, mailbox)
    assert [job.state for job in await stored(shop)] == [JobState.DONE]
    shop.clock.advance(days=31)
    await shop.services.service_mail.post_unproved("x")
    await shop.services.upkeep.purge()
    assert [job.subject.split()[0] for job in await stored(shop)] == ["unproved"]
