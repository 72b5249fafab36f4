"""The few words both sides of the queue must spell alike."""

from enum import StrEnum
from typing import Final


class TaskName(StrEnum):
    """Task names on the wire; changing one drops the messages under way."""

    WORK = "pferdewert.work"
    SWEEP = "pferdewert.sweep"


class ClockTask(StrEnum):
    """What only the process `python -m schedules` does, on a queue of its own."""

    AGGREGATE = "pferdewert.aggregate"
    HEALTH = "pferdewert.health"
    RETENTION = "pferdewert.retention"
    PROOF = "pferdewert.proof"
    RECONCILE = "pferdewert.reconcile"


QUEUE: Final = "jobs"
CLOCK_QUEUE: Final = "clock"
KEY_PREFIX: Final = "pw:"
