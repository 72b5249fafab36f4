"""Queueing formulas against results that stand in textbooks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.queueing import VALUATION, ServiceTime, erlang_c, waiting

ALMOST_FOREVER = 1e9


def test_one_slot_waits_with_the_chance_of_being_busy() -> None:
    """M/M/1: the chance to wait is the utilisation."""
    assert math.isclose(erlang_c(0.7, 1), 0.7)


def test_two_slots() -> None:
    """M/M/2 with one erlang: one third waits."""
    assert math.isclose(erlang_c(1.0, 2), 1 / 3)


@given(load=st.floats(0.1, 49.0))
def test_more_slots_wait_less(load: float) -> None:
    """Whatever the load."""
    assert 0 <= erlang_c(load, 60) <= erlang_c(load, 50) <= 1


def test_an_uncut_service_time_has_the_log_normal_mean() -> None:
    """Median · exp(σ²/2)."""
    service = ServiceTime(median_s=50, p95_s=110, longest_s=ALMOST_FOREVER)
    assert math.isclose(service.mean_s, 50 * math.exp(service.sigma**2 / 2), rel_tol=1e-9)
    assert math.isclose(service.squared_variation, math.exp(service.sigma**2) - 1, rel_tol=1e-6)


def test_the_longest_time_bounds_the_mean() -> None:
    """Calls are broken off; what is cut counts as long as it may be."""
    assert VALUATION.median_s < VALUATION.mean_s < VALUATION.p95_s
    assert VALUATION.mean_s < ServiceTime(50, 110, ALMOST_FOREVER).mean_s


def test_littles_law() -> None:
    """Calls in flight are arrivals times how long each takes."""
    found = waiting(per_s=0.5, slots=50, service=VALUATION)
    assert math.isclose(found.in_flight, 0.5 * VALUATION.mean_s)
    assert math.isclose(found.utilisation, found.in_flight / 50)


def test_too_much_is_refused() -> None:
    """A queue that only grows has no mean."""
    with pytest.raises(ValueError, match="cannot bear"):
        waiting(per_s=1.0, slots=50, service=VALUATION)
