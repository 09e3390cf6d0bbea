"""Slots over time zones: the gap of spring, the repeated hour of autumn, and what was missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from scheduler.due_slots import due_slot, newest_slot, next_slot
from scheduler.timetable import TIMETABLE

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
NIGHTLY = "30 2 * * *"


def utc(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "slot"),
    [
        ("2026-01-10T12:00", "2026-01-11T01:30"),
        ("2026-07-10T12:00", "2026-07-11T00:30"),
        ("2026-03-28T12:00", "2026-03-29T01:00"),
        ("2026-03-29T01:00", "2026-03-30T00:30"),
        ("2026-10-24T12:00", "2026-10-25T00:30"),
        ("2026-10-25T00:30", "2026-10-26T01:30"),
    ],
    ids=["winter", "summer", "in the gap", "after the gap", "first of two", "not the second of two"],
)
def test_a_nightly_slot_follows_the_wall_clock_through_the_year(after: str, slot: str) -> None:
    """2:30 in Berlin: the first valid instant where the clock skips it, the first occurrence where it comes twice."""
    assert next_slot(NIGHTLY, BERLIN, utc(after)) == utc(slot)


def test_slots_that_fall_into_the_gap_together_are_one() -> None:
    """Six slots between two and three o'clock become the one instant at which the clock shows three."""
    slots = []
    moment = utc("2026-03-29T00:45")
    for _ in range(3):
        moment = next_slot("*/10 2,3 * * *", BERLIN, moment)
        slots.append(moment)
    assert slots == [utc("2026-03-29T01:00"), utc("2026-03-29T01:10"), utc("2026-03-29T01:20")]


def test_a_gap_of_half_an_hour_ends_at_its_own_end() -> None:
    """On Lord Howe Island the clock skips half an hour; 2:15 is 2:30 there on that day."""
    assert next_slot("15 2 * * *", LORD_HOWE, utc("2026-10-03T12:00")) == utc("2026-10-03T15:30")


def test_the_newest_slot_is_known_during_the_repeated_hour() -> None:
    """While the clock shows 2:10 for the second time, the slot of 2:30 is in the past already."""
    assert newest_slot(NIGHTLY, BERLIN, utc("2026-10-25T01:10")) == utc("2026-10-25T00:30")


def test_many_missed_runs_become_one() -> None:
    """After a fortnight without walletd the newest slot alone is due, and then it is done."""
    now = utc("2026-06-15T09:00")
    slot = due_slot(NIGHTLY, BERLIN, utc("2026-06-01T00:30"), now, "run_once")
    assert slot == utc("2026-06-15T00:30")
    assert due_slot(NIGHTLY, BERLIN, slot, now, "run_once") is None


def test_missed_runs_can_be_skipped() -> None:
    """With `skip` a slot is run when it comes, and not an hour later."""
    assert due_slot(NIGHTLY, BERLIN, utc("2026-06-01T00:30"), utc("2026-06-02T01:30"), "skip") is None
    on_time = utc("2026-06-02T00:30")
    assert due_slot(NIGHTLY, BERLIN, utc("2026-06-01T00:30"), on_time + timedelta(seconds=9), "skip") == on_time


def test_a_machine_that_is_never_on_at_night_does_its_nightly_work_all_the_same() -> None:
    """Work that never ran counts as missed."""
    assert due_slot(NIGHTLY, BERLIN, None, utc("2026-06-02T08:00"), "run_once") == utc("2026-06-02T00:30")


def test_a_clock_that_was_put_back_repeats_nothing() -> None:
    """A slot that was taken stays taken while the clock says that it is still to come."""
    assert due_slot(NIGHTLY, BERLIN, utc("2026-06-02T00:30"), utc("2026-06-01T22:00"), "run_once") is None


@given(
    moment=some.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    zone=some.sampled_from([BERLIN, LORD_HOWE, ZoneInfo("America/New_York"), ZoneInfo("Africa/Casablanca"), UTC]),
    cron=some.sampled_from([NIGHTLY, "*/10 * * * *", "0 5 * * *", "15 1,2,3 * * *", "0 0 1 * *", "* * * * * */15"]),
)
def test_slots_are_in_order_and_without_a_hole(moment: datetime, zone: ZoneInfo, cron: str) -> None:
    """The newest slot is not after now, the next one is, and between them there is none."""
    newest, following = newest_slot(cron, zone, moment), next_slot(cron, zone, moment)
    assert newest <= moment < following
    assert next_slot(cron, zone, newest) == following
    assert newest_slot(cron, zone, following) == following


class WatchedZone(tzinfo):
    """A zone without jumps that counts how often it is asked."""

    asked = 0

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """Return two hours."""
        assert moment is not None
        self.asked += 1
        return timedelta(hours=2)

    def dst(self, moment: datetime | None) -> timedelta:
        """Return nothing: no summer time."""
        assert moment is not None
        return timedelta(0)

    def tzname(self, moment: datetime | None) -> str:
        """Name it."""
        return f"watched at {moment}"


def test_slots_every_few_seconds_are_found_without_walking_through_hours_of_them() -> None:
    """Tills wait while slots are looked for, so a frequent job takes no more looks than a rare one."""
    zone, now = WatchedZone(), utc("2026-06-02T08:00:07")
    assert newest_slot("* * * * * */15", zone, now) == utc("2026-06-02T08:00:00")
    assert next_slot("* * * * * */15", zone, now) == utc("2026-06-02T08:00:15")
    assert zone.asked < 40


def test_every_line_of_the_timetable_can_be_read() -> None:
    """Each job has a name of its own and comes again within a day or so."""
    now = utc("2026-06-02T08:00")
    assert len({job.name for job in TIMETABLE}) == len(TIMETABLE)
    assert all(next_slot(job.cron, BERLIN, now) - now < timedelta(days=2) for job in TIMETABLE)
