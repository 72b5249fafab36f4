"""The few words both sides of the queue must spell alike."""

from enum import StrEnum
from typing import Final


class TaskName(StrEnum):
    """Task names on the wire; changing one drops the messages under way."""

    WORK = "pferdewert.work"
    SWEEP = "pferdewert.sweep"


QUEUE: Final = "jobs"
KEY_PREFIX: Final = "pw:"
