"""What runs when, and why. Times are UTC; every task is a hint: "do whatever is due now"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from doorbell.names import CLOCK_QUEUE, QUEUE, ClockTask, TaskName

LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timetable. A tick that nobody took for `every_s` seconds is dropped."""

    task: TaskName | ClockTask
    every_s: float
    why: str

    @property
    def queue(self) -> str:
        """Where the tick goes: to the workers, or to the clock's own processes."""
        return QUEUE if isinstance(self.task, TaskName) else CLOCK_QUEUE


TIMETABLE: Final = (
    Entry(
        task=TaskName.SWEEP,
        every_s=30.0,
        why="Second line behind the rescue loop of every worker: rings for jobs that are due.",
    ),
    Entry(
        task=ClockTask.AGGREGATE,
        every_s=300.0,
        why="Looks whether the aggregation of DAILY_AGGREGATION_HOUR is still to be done.",
    ),
    Entry(
        task=ClockTask.HEALTH,
        every_s=60.0,
        why="Looks at models, servers, clock and workers, and tells what changed.",
    ),
    Entry(
        task=ClockTask.RETENTION,
        every_s=300.0,
        why="Looks whether tonight's letting go of old words is still to be done.",
    ),
    Entry(
        task=ClockTask.PROOF,
        every_s=60.0,
        why="Compares paid events, jobs, orders and mails; tells of parked and lost orders.",
    ),
    Entry(
        task=ClockTask.RECONCILE,
        every_s=300.0,
        why="Compares with Stripe: what is paid there has a job here (RECONCILE_EVERY_MINUTES).",
    ),
)


def timed(entries: Iterable[Entry], every_s: Mapping[TaskName | ClockTask, float]) -> list[Entry]:
    """Return the lines with the periods that the settings want for some of them."""
    return [replace(entry, every_s=every_s.get(entry.task, entry.every_s)) for entry in entries]


def beat_schedule(entries: Iterable[Entry]) -> dict[str, dict[str, Any]]:
    """Return the lines in Celery's form. Everything ticks once at the start of a process."""
    return {
        entry.task.value: {
            "task": entry.task.value,
            "schedule": entry.every_s,
            "last_run_at": LONG_AGO,
            "options": {"queue": entry.queue, "expires": entry.every_s},
        }
        for entry in entries
    }


def latest(hour: int, now: datetime) -> datetime:
    """Return the newest moment, not after `now`, at which it was `hour` o'clock UTC."""
    moment = now.astimezone(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    return moment if moment <= now else moment - timedelta(days=1)
