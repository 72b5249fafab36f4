"""Whether and when the same model is asked again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.retry import Persistence, RetryPolicy, delay_s, should_retry

NEVER, ONCE, FEW, FULL = Persistence.NEVER, Persistence.ONCE, Persistence.FEW, Persistence.FULL
POLICY = RetryPolicy(retries=3)


@pytest.mark.parametrize(
    ("failures", "again"),
    [
        ([NEVER], False),
        ([ONCE], True),
        ([ONCE, ONCE], False),
        ([FULL, ONCE], True),
        ([ONCE, FULL, ONCE], False),
        ([FEW, FEW], True),
        ([FEW, FEW, FEW], False),
        ([FULL, FULL, FULL], True),
        ([FULL, FULL, FULL, FULL], False),
        ([FULL, FULL, NEVER], False),
    ],
)
def test_a_failure_is_retried_as_often_as_its_nature_allows(
    failures: list[Persistence], *, again: bool
) -> None:
    """The latest failure decides; the policy caps all retries of one model together."""
    assert should_retry(failures, POLICY) is again


@given(st.lists(st.sampled_from(Persistence), min_size=1, max_size=8), st.integers(0, 5))
def test_the_policy_is_an_upper_bound(failures: list[Persistence], retries: int) -> None:
    """No mix of failures gets more retries than configured; none at all with zero."""
    if len(failures) > retries:
        assert not should_retry(failures, RetryPolicy(retries=retries))


@pytest.mark.parametrize(
    ("failures", "expected"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 12)]
)
def test_the_backoff_doubles_up_to_its_cap(failures: int, expected: float) -> None:
    """One second at first, twelve at most."""
    assert delay_s(failures, POLICY, roll=0.0) == expected


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_only_shortens_a_backoff(failures: int, roll: float) -> None:
    """A backoff stays between three quarters of its value and the cap, for any count."""
    full = delay_s(failures, POLICY, roll=0.0)
    assert 0.75 * full <= delay_s(failures, POLICY, roll=roll) <= full <= POLICY.backoff_max


@given(st.integers(1, 10), st.floats(0, 3600), st.floats(0, 1, exclude_max=True))
def test_a_hint_is_honoured_in_full(failures: int, hint_s: float, roll: float) -> None:
    """Never earlier than the server asked, and at most a little later."""
    delay = delay_s(failures, POLICY, roll=roll, hint_s=hint_s)
    assert hint_s <= delay <= hint_s + POLICY.jitter * POLICY.backoff_base
