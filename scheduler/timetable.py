"""The timetable: what is done when, as data.

Nightly work follows the wall clock of the shop. What repeats within the day follows UTC, which has neither gaps nor
doubled hours, so that ten minutes are always ten minutes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from scheduler.certificates import watch_certificates
from walletd.services import Services


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the timetable; `work` returns a sentence about what it did."""

    name: str
    cron: str
    clock: Literal["local", "utc"]
    misfire: Literal["run_once", "skip"]
    """What happens to runs that were missed while nothing ran: all of them become one, or none."""
    work: Callable[[Services], Awaitable[str]]


TIMETABLE: Final[tuple[Job, ...]] = (
    Job("settle_accounts", "* * * * * */15", "utc", "run_once", lambda services: services.upkeep.advance_due()),
    Job("ledger_checkpoint", "0 * * * *", "utc", "run_once", lambda services: services.assurance.checkpoint_ledger()),
    Job("ledger_proof", "30 2 * * *", "local", "run_once", lambda services: services.assurance.prove_ledger()),
    Job("duplicate_scan", "0 3 * * *", "local", "run_once", lambda services: services.duplicates.scan()),
    Job("wallet_look", "0 4 * * *", "local", "run_once", lambda services: services.upkeep.reconcile_wallets()),
    Job("purge", "0 5 * * *", "local", "run_once", lambda services: services.upkeep.purge()),
    Job("certificate_watch", "0 6 * * *", "local", "run_once", watch_certificates),
    Job("checkpoint_mail", "0 7 * * *", "local", "run_once", lambda services: services.assurance.mail_checkpoint()),
    Job("duplicate_digest", "0 7 * * *", "local", "run_once", lambda services: services.duplicate_mails.mail_daily()),
    Job("duplicate_mail", "* * * * *", "utc", "skip", lambda services: services.duplicate_mails.mail_at_once()),
    Job("expiring_notice", "0 10 * * *", "local", "run_once", lambda services: services.upkeep.notice_expiring()),
    Job("stale_reminders", "*/10 * * * *", "utc", "skip", lambda services: services.upkeep.remind_stale()),
)
