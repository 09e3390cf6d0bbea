"""Log lines of a serving process: ours, without what libraries say about themselves."""

from __future__ import annotations

import logging
from typing import Final

from walletd.settings import Settings
from walletd.telemetry import set_up_logging

_TALKATIVE: Final = ("alembic", "uvicorn.error")


def start_logging(settings: Settings, level: int = logging.INFO) -> None:
    """Log in the form that the settings ask for."""
    set_up_logging(settings.log_format, level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
