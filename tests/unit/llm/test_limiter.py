"""The pace of calls per account."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.limiter import MAX_PAUSE_S, Limiter, Pace
from tests.fakes.clock import FakeClock
from tests.unit.llm.doubles import NoRedis


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.floats(0.01, 1))
def test_slots_are_an_interval_apart(pauses: list[float], interval_s: float) -> None:
    """Whenever the callers come."""
    pace, now, slots = Pace(), 0.0, list[float]()
    for pause in pauses:
        now += pause
        slots.append(now + pace.wait_s(now))
        pace = pace.taken(now, interval_s)
    gaps = [later - earlier for earlier, later in pairwise(slots)]
    assert min(gaps) >= interval_s - 1e-9


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_calls_wait_for_their_turn(clock: FakeClock) -> None:
    """The third call of a burst begins two intervals later; other accounts are free."""
    limiter = Limiter(NoRedis(), clock, interval_s=0.1)
    for _ in range(3):
        assert await limiter.turn("openrouter", max_wait_s=5)
    assert clock.monotonic() == pytest.approx(0.2)
    assert await limiter.turn("anthropic", max_wait_s=0)


async def test_a_turn_too_far_away_is_not_waited_for(clock: FakeClock) -> None:
    """And it is not taken from anybody else."""
    limiter = Limiter(NoRedis(), clock, interval_s=10)
    assert await limiter.turn("openrouter", max_wait_s=0)
    assert not await limiter.turn("openrouter", max_wait_s=9)
    assert clock.monotonic() == 0
    assert await limiter.turn("openrouter", max_wait_s=11)
    assert clock.monotonic() == 10


async def test_an_interval_of_zero_is_no_limit(clock: FakeClock) -> None:
    """Pauses still hold."""
    limiter = Limiter(NoRedis(), clock, interval_s=0)
    for _ in range(100):
        assert await limiter.turn("openrouter", max_wait_s=0)
    await limiter.pause("openrouter", 5)
    assert not await limiter.turn("openrouter", max_wait_s=4)


@pytest.mark.parametrize(
    ("pauses", "wait_s"), [([7], 7), ([7, 2], 7), ([2, 7], 7), ([86_400], MAX_PAUSE_S), ([-5], 0)]
)
async def test_the_longest_pause_holds_within_reason(
    clock: FakeClock, pauses: list[float], wait_s: float
) -> None:
    """A shorter one does not shorten it, and none closes the shop for a day."""
    limiter = Limiter(NoRedis(), clock)
    for pause in pauses:
        await limiter.pause("openrouter", pause)
    assert await limiter.turn("openrouter", max_wait_s=1000)
    assert clock.monotonic() == pytest.approx(wait_s)
