"""What runs when."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbell.names import CLOCK_QUEUE, QUEUE, ClockTask, TaskName
from schedules.timetable import TIMETABLE, beat_schedule, latest

MOMENTS = st.floats(0, 4e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def test_every_line_has_a_reason_and_a_name_of_its_own() -> None:
    """Two lines for one task would share a lease and a beat entry."""
    assert all(entry.why and entry.every_s > 0 for entry in TIMETABLE)
    assert len({entry.task for entry in TIMETABLE}) == len(TIMETABLE)


def test_every_task_of_the_clock_is_in_the_timetable() -> None:
    """A name without a line would never be asked for."""
    assert set(ClockTask) <= {entry.task for entry in TIMETABLE}


def test_ticks_go_where_they_are_understood() -> None:
    """Workers know their own tasks only; a foreign name on their queue would be discarded."""
    schedule = beat_schedule(TIMETABLE)
    queues = {name: line["options"]["queue"] for name, line in schedule.items()}
    assert queues[TaskName.SWEEP] == QUEUE
    assert {queues[task] for task in ClockTask} == {CLOCK_QUEUE}


def test_stale_ticks_are_dropped_and_fresh_processes_tick_at_once() -> None:
    """A backlog of hints is worth one hint; a period that nobody lived through is no loss."""
    for entry in TIMETABLE:
        line = beat_schedule([entry])[entry.task]
        assert line["options"]["expires"] == entry.every_s
        assert datetime.now(UTC) - line["last_run_at"] > timedelta(seconds=entry.every_s)


@pytest.mark.parametrize(
    ("now", "hour", "expected"),
    [
        ("2026-11-20T02:00:00", 2, "2026-11-20T02:00:00"),
        ("2026-11-20T01:59:59", 2, "2026-11-19T02:00:00"),
        ("2026-11-20T00:00:00", 0, "2026-11-20T00:00:00"),
        ("2026-01-01T12:00:00", 23, "2025-12-31T23:00:00"),
    ],
)
def test_latest(now: str, hour: int, expected: str) -> None:
    """The hour of today once it has come, before that the one of yesterday."""
    assert latest(hour, _utc(now)) == _utc(expected)


@given(now=MOMENTS, hour=st.integers(0, 23))
def test_latest_is_within_a_day(now: datetime, hour: int) -> None:
    """Never in the future, never more than a day ago, always on the hour in UTC."""
    moment = latest(hour, now)
    assert timedelta() <= now - moment < timedelta(days=1)
    assert (moment.hour, moment.minute, moment.utcoffset()) == (hour, 0, timedelta())


def test_the_hour_is_meant_in_utc() -> None:
    """Two o'clock in Berlin is not two o'clock."""
    berlin = timezone(timedelta(hours=1))
    assert latest(2, datetime(2026, 11, 20, 2, 30, tzinfo=berlin)) == _utc("2026-11-19T02:00:00")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
