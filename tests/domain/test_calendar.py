"""Which instant a date or a text means on the clock of a shop."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from walletd.domain.calendar import moment_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-04-01", datetime(2026, 4, 1, 8, 7, 30, tzinfo=UTC)),
        ("2026-03-29", datetime(2026, 3, 29, 8, 7, 30, tzinfo=UTC)),
        ("2026-04-01T00:00:00+02:00", datetime(2026, 3, 31, 22, 0, tzinfo=UTC)),
        ("2026-04-01t00:00:00.5z", datetime(2026, 4, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-02-30", None),
        ("2026-04-01T00:00:00", None),
        ("1969-12-31", None),
        ("9999-12-31", None),
        ("9998-12-31T23:59:59-23:59", None),
        ("0000-00-00", None),
        ("tomorrow", None),
        ("\uff12026-04-01", None),
        ("", None),
    ],
)
def test_a_date_means_the_present_time_of_that_day_and_an_instant_itself(text: str, moment: datetime | None) -> None:
    """D-25: the chosen date with the current time on the shop's clock, across the change of clocks too."""
    assert moment_of(text, datetime(2026, 3, 15, 9, 7, 30, tzinfo=UTC), BERLIN) == moment


def test_a_date_in_the_gap_of_spring_is_the_first_moment_after_it() -> None:
    """02:30 does not exist on that night: the lot begins at 03:00."""
    now = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
    assert moment_of("2026-03-29", now, BERLIN) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_date_in_the_hour_that_autumn_repeats_is_its_first_pass() -> None:
    """02:30 comes twice on that night: what is meant begins at the first."""
    now = datetime(2026, 10, 24, 0, 30, tzinfo=UTC)
    assert moment_of("2026-10-25", now, BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
