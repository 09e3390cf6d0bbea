"""`python -m scheduler`: one scheduler over a PostgreSQL database; the same as `walletd serve --role scheduler`."""

from __future__ import annotations

import asyncio
import signal
import sys

from scheduler.loop import Scheduler
from walletd.bootstrap import application, prepare_database, utc_now
from walletd.domain.errors import WalletdError
from walletd.settings import Settings, SettingsRefused, from_process
from walletd.telemetry import logger, set_up_logging

_REFUSED = 78

log = logger(__name__)


async def run(settings: Settings) -> None:
    """Keep the timetable until SIGTERM or SIGINT; the second one ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    async with application(settings, role="scheduler") as app:
        log.info("scheduler ready", database=app.runtime.database.engine(), environment=settings.environment)
        await Scheduler(app.services, utc_now).run(stop)


def main() -> int:
    """Start, and return the exit code."""
    try:
        settings = from_process()
        set_up_logging(settings.log_format)
        prepare_database(settings)
        asyncio.run(run(settings))
    except (SettingsRefused, WalletdError) as error:
        sys.stderr.write(f"scheduler: {error}\n")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
