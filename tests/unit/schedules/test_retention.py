"""The chore that lets go of what is old."""

from datetime import timedelta

import pytest

from domain.errors import Unavailable
from schedules.retention import ages_of, clean_up
from tests.unit.schedules.test_chores import settings


class Heap:
    """Old documents by step, given up in batches of three."""

    def __init__(self, **heaps: int) -> None:
        self.heaps = heaps
        self.calls: list[str] = []
        self.fails_at: int | None = None

    async def set_ages(self) -> None:
        self.calls.append("set_ages")

    async def slim_delivered(self) -> int:
        return self._batch("delivered")

    async def slim_cancelled(self) -> int:
        return self._batch("cancelled")

    async def slim_attempts(self) -> int:
        return self._batch("attempts")

    async def finish_erasures(self) -> int:
        return self._batch("late")

    def _batch(self, name: str) -> int:
        if len(self.calls) == self.fails_at:
            raise Unavailable("MongoDB is away")
        self.calls.append(name)
        taken = min(3, self.heaps.get(name, 0))
        self.heaps[name] = self.heaps.get(name, 0) - taken
        return taken


async def test_batch_after_batch_until_nothing_is_left() -> None:
    """The outcome says what went."""
    heap = Heap(delivered=7, attempts=3)

    outcome = await clean_up(heap)()

    assert outcome == "slimmed 7 delivered jobs, 3 attempts"
    assert heap.calls.count("delivered") == 4
    assert not any(heap.heaps.values())


async def test_a_quiet_night() -> None:
    """The ages are set all the same: they may have changed."""
    heap = Heap()

    assert await clean_up(heap)() == "nothing to let go"
    assert heap.calls[0] == "set_ages"


async def test_an_outage_leaves_the_rest_to_the_next_run() -> None:
    """What went is gone, what did not is found again."""
    heap = Heap(delivered=9)
    heap.fails_at = 3
    work = clean_up(heap)

    with pytest.raises(Unavailable):
        await work()
    heap.fails_at = None

    assert await work() == "slimmed 3 delivered jobs"


def test_ages_come_from_the_settings() -> None:
    """Four settings, in days."""
    ages = ages_of(
        settings(
            retention_content_days=30,
            retention_attempts_days=61,
            retention_events_days=181,
            retention_errors_days=8,
        )
    )

    days = (ages.words, ages.attempts, ages.events, ages.errors)
    assert days == tuple(timedelta(days=n) for n in (30, 61, 181, 8))


@pytest.mark.parametrize(
    "setting",
    [
        {"retention_attempts_days": 35},
        {"retention_events_days": 120},
        {"retention_content_days": 0},
        {"retention_errors_days": 1},
    ],
)
def test_ages_that_would_break_a_promise_are_refused(setting: dict[str, int]) -> None:
    """The aggregation looks back 35 days, disputes come up to 120 days late."""
    with pytest.raises(ValueError, match="greater than or equal"):
        settings(**setting)
