"""Update tags, Last-Modified, Apple's throttle and retries as arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletd.domain.delivery.publishing import (
    PUSH_PAUSES,
    REMINDER_PAUSES,
    PushSchedule,
    Throttle,
    after_push,
    due_at,
    next_last_modified,
    sequence_of_tag,
    update_tag,
)

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
epochs = st.integers(1, 99_999)
sequences = st.integers(1, 10**12 - 1)


@given(epochs, sequences)
def test_a_tag_is_digits_and_leads_back_to_its_sequence(epoch: int, sequence: int) -> None:
    """A tag we gave is understood again."""
    tag = update_tag(epoch, sequence)
    assert tag.isdigit()
    assert sequence_of_tag(tag, epoch=epoch, newest=sequence) == sequence


@given(epochs, sequences, st.text())
def test_no_text_breaks_the_reading_of_tags(epoch: int, newest: int, tag: str) -> None:
    """Whatever a device sends, the answer is a sequence that was given out, or everything."""
    assert 0 <= sequence_of_tag(tag, epoch=epoch, newest=newest) <= newest


def test_a_tag_of_an_older_epoch_means_everything() -> None:
    """After a restore the epoch is raised and every older tag counts as none."""
    assert sequence_of_tag(update_tag(1, 500), epoch=2, newest=700) == 0


def test_a_tag_from_the_future_means_everything() -> None:
    """A number that was never given out counts as none."""
    assert sequence_of_tag(update_tag(1, 701), epoch=1, newest=700) == 0


@given(st.lists(st.integers(0, 2**40), min_size=1))
def test_last_modified_rises_strictly_whatever_the_clock_does(clock: list[int]) -> None:
    """Clocks may stand still or jump back; the dates rise by whole seconds."""
    previous: int | None = None
    for now in clock:
        following = next_last_modified(now, previous)
        assert previous is None or following > previous
        previous = following


def pushes_within(seconds: list[float], passes: int = 1) -> list[float]:
    """Return when each of some changes, given by their times, goes out."""
    schedule, throttle, out = PushSchedule(), Throttle(), list[float]()
    for moment in seconds:
        now = START + timedelta(seconds=moment)
        due = max(due_at(schedule, throttle, now, passes), now)
        throttle = after_push(throttle, due, passes)
        out.append((due - START).total_seconds())
    return out


def test_a_first_change_goes_out_at_once() -> None:
    """Nothing delays a phone that was not told lately."""
    assert pushes_within([10]) == [10]


def test_earning_and_redeeming_within_a_minute_both_go_out_at_once() -> None:
    """A small burst at the till is not delayed."""
    assert pushes_within([0, 20, 45, 60]) == [0, 20, 45, 60]


def test_a_campaign_of_changes_is_slowed_to_apple_s_pauses() -> None:
    """Above the burst at least two minutes lie between pushes, later ten, later an hour."""
    times = pushes_within([float(second) for second in range(0, 40, 2)])
    gaps = [round(after - before) for before, after in pairwise(times)]
    assert gaps[0] == 2
    assert 120 in gaps
    assert max(gaps) >= 600


def test_a_quiet_day_forgives() -> None:
    """The score falls again while nothing happens."""
    restless = after_push(Throttle(6.0, START), START + timedelta(days=1), 1)
    assert restless.score == 0


def test_more_passes_of_a_type_make_the_window_shorter() -> None:
    """Z is two hours by one pass and half an hour by many (N11)."""
    one = after_push(Throttle(0.0, START), START + timedelta(minutes=40), 1)
    many = after_push(Throttle(0.0, START), START + timedelta(minutes=40), 8)
    assert one.score > 0
    assert many.score == 0


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_retries_slow_down_and_are_bounded(attempts: int, share: float) -> None:
    """A pause lies between a second and an hour, whatever the number of attempts."""
    assert 1 <= PUSH_PAUSES.pause(attempts, share) <= 3600


def test_a_platform_can_ask_for_a_longer_pause() -> None:
    """Retry-After wins over our own schedule."""
    assert PUSH_PAUSES.pause(0, 0.5, 900) == 900


@pytest.mark.parametrize(("reminders", "least"), [(0, 600), (3, 4800), (5, 19_200)])
def test_reminders_come_ever_later(reminders: int, least: float) -> None:
    """A phone that does not fetch is reminded after ten minutes, then after twice as long each time."""
    assert least <= REMINDER_PAUSES.pause(reminders, 0.0) <= REMINDER_PAUSES.pause(reminders, 1.0) <= least * 1.25
