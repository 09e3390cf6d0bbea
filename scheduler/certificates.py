"""The daily look at how long certificates last: figures for a monitor, and words on the days that matter."""

from __future__ import annotations

from typing import Any, Final

from walletd.services import Services
from walletd.telemetry import logger

ALARM_DAYS: Final = (60, 30, 14, 7, 1)
"""Days before the end on which an alarm is due (P15); the last week it is due every day."""
_LAST_WEEK_DAYS: Final = 7

log = logger(__name__)


async def watch_certificates(services: Services) -> str:
    """Log the certificates that end soon, and write to their merchants; returns a sentence.

    Asking for the state sets the figures for a monitor.
    """
    state: Any = await services.health.ready()
    soon = 0
    for certificate in state["certificates"]:
        days = certificate["days_left"]
        if is_alarm_day(days):
            soon += 1
            tell = log.error if days <= _LAST_WEEK_DAYS else log.warning
            tell("certificate_ends", platform=certificate["platform"], topic=certificate["topic"], days_left=days)
            await services.service_mail.post_certificate_ends(certificate["platform"], certificate["topic"], days)
    return f"{len(state['certificates'])} certificates, {soon} end soon"


def is_alarm_day(days_left: int) -> bool:
    """Say whether somebody is to be told today."""
    return days_left in ALARM_DAYS or days_left <= _LAST_WEEK_DAYS
