"""Exact percentiles from counts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.histogram import Histogram

TIMES = st.lists(st.integers(0, 400_000) | st.integers(0, 20), min_size=1, max_size=300)


def histogram(values: list[int]) -> Histogram:
    filled = Histogram()
    for value, count in sorted(Counter(values).items()):
        filled.add(value, count)
    return filled


@given(values=TIMES, percent=st.sampled_from([0, 1, 50, 95, 99, 99.9, 100]))
def test_percentiles_are_those_of_numpy(values: list[int], percent: float) -> None:
    """The same figure as numpy's default method, ties included."""
    assert histogram(values).percentile(percent) == pytest.approx(np.percentile(values, percent))


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7], 95, 7.0),
        ([1, 2, 3, 4], 50, 2.5),
        (list(range(1, 101)), 95, 95.05),
        (list(range(1, 102)), 95, 96.0),
        ([10] * 99 + [1000], 99, 19.9),
    ],
)
def test_percentiles_by_hand(values: list[int], percent: float, expected: float) -> None:
    """Rank (n - 1) * p, interpolated: no value is skipped and none counted twice."""
    assert histogram(values).percentile(percent) == pytest.approx(expected)


def test_nothing_has_no_percentile() -> None:
    """A day without a single response time is no fault."""
    empty = Histogram()
    assert (empty.percentile(95), empty.total) == (None, 0)


@pytest.mark.parametrize(("value", "count"), [(5, 1), (4, 1), (6, 0)])
def test_a_wrong_order_is_refused(value: float, count: int) -> None:
    """Values that come unsorted or twice would give a wrong figure silently."""
    filled = Histogram()
    filled.add(5, 2)
    with pytest.raises(ValueError, match="ascending"):
        filled.add(value, count)
