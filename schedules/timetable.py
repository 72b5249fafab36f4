"""What runs when, and why. Times are UTC; every task is a hint: "do whatever is due now"."""

from dataclasses import dataclass
from typing import Any, Final

from doorbell.names import QUEUE, TaskName


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timetable. A tick that nobody took for `every_s` seconds is dropped."""

    task: TaskName
    every_s: float
    why: str


TIMETABLE: Final = (
    Entry(
        task=TaskName.SWEEP,
        every_s=30.0,
        why="Second line behind the rescue loop of every worker: rings for jobs that are due.",
    ),
)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the table in Celery's form."""
    return {
        entry.task.value: {
            "task": entry.task.value,
            "schedule": entry.every_s,
            "options": {"queue": QUEUE, "expires": entry.every_s},
        }
        for entry in TIMETABLE
    }
