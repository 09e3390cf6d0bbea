"""Mails that a transaction wants: they are stored with it, and sent once it is committed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.merchants.merchants import MerchantRow
from walletd.db.outbox import jobs
from walletd.domain.customers.customers import Customer
from walletd.domain.identifiers import new_id
from walletd.domain.outbox.jobs import new_job
from walletd.domain.outbox.mail import Mail, check_mailbox
from walletd.services.outbox.mail_texts import Text, compose

KIND: Final = "mail"
"""The kind of the jobs that send mails."""
NO_SERVER: Final = "WALLETD_SMTP_URL is not set: no mail is sent"


def queue(tx: Tx, merchant_id: str, about: str, mail: Mail, now: datetime) -> None:
    """Store a mail to send. `about` names rows by their ids, split by spaces: erasing a customer drops the mail."""
    job_id = new_id("job", now)
    jobs.insert(tx, [new_job(job_id, merchant_id, KIND, f"{about} {job_id}", asdict(mail), now)])


def to_customer(
    merchant: MerchantRow, customer: Customer, text: Text, pointer: str = "/email", **facts: object
) -> Mail:
    """Return a mail in the customer's language, else the merchant's; raises ValidationFailed without an address."""
    mailbox = check_mailbox(customer.details.email or "", pointer)
    locale = (customer.details.locale or "").partition("-")[0]
    languages = (locale, *merchant.languages)
    return compose(mailbox, languages, text, merchant=merchant.name, name=customer.name, **facts)


def to_staff(merchant: MerchantRow, text: Text, **facts: object) -> Mail | None:
    """Return a mail to the service mailbox; None where a merchant has none."""
    if merchant.service_mail is None:
        return None
    return compose(merchant.service_mail, merchant.languages, text, merchant=merchant.name, **facts)
