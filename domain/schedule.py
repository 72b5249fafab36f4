"""When to try again, and when to stop trying."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not before this moment."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The time granted is over; a human must look."""


def next_try(
    schedule: Sequence[float], *, rounds: int, since: datetime, now: datetime, give_up: timedelta
) -> TryAgain | GiveUp:
    """Decide about the next try after `rounds` earlier waits.

    `schedule` holds seconds, its last entry repeats. The last try is made exactly at the end of
    the time granted, so that the whole of it is used whatever the schedule's steps are.
    """
    deadline = since + give_up
    if now >= deadline:
        return GiveUp()
    step = schedule[min(rounds, len(schedule) - 1)]
    return TryAgain(at=min(now + timedelta(seconds=step), deadline))
