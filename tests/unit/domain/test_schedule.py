"""When to try again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.schedule import GiveUp, TryAgain, next_try
from tests.builders import NOW

DAY = timedelta(hours=24)
STEPS = (60, 120, 300)


@pytest.mark.parametrize(
    ("rounds", "age", "expected"),
    [
        (0, timedelta(), TryAgain(NOW + timedelta(seconds=60))),
        (1, timedelta(), TryAgain(NOW + timedelta(seconds=120))),
        (2, timedelta(), TryAgain(NOW + timedelta(seconds=300))),
        (99, timedelta(), TryAgain(NOW + timedelta(seconds=300))),
        (2, DAY - timedelta(seconds=10), TryAgain(NOW + timedelta(seconds=10))),
        (0, DAY, GiveUp()),
        (0, DAY * 3, GiveUp()),
    ],
)
def test_steps(rounds: int, age: timedelta, expected: TryAgain | GiveUp) -> None:
    """Steps widen, the last repeats, and the last try comes at the end of the time granted."""
    decision = next_try(STEPS, rounds=rounds, since=NOW - age, now=NOW, give_up=DAY)

    assert decision == expected


@given(
    schedule=st.lists(st.floats(min_value=0.1, max_value=7200), min_size=1, max_size=8),
    give_up=st.integers(min_value=1, max_value=100_000),
)
def test_it_ends(schedule: list[float], give_up: int) -> None:
    """Whatever the schedule, waiting moves forward and ends exactly at the give-up age."""
    now, rounds, tries = NOW, 0, [NOW]
    granted = timedelta(seconds=give_up)
    while rounds < 2000:
        decision = next_try(schedule, rounds=rounds, since=NOW, now=now, give_up=granted)
        if isinstance(decision, GiveUp):
            break
        assert decision.at > now
        now, rounds = decision.at, rounds + 1
        tries.append(now)
    else:
        return

    assert tries[-1] == NOW + granted
