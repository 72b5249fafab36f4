"""The arithmetic under the measurements: what it says about known numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import (
    Figure,
    Section,
    Table,
    Target,
    Verdict,
    ceiling_share,
    difference,
    percentile,
    ratio,
    slope,
    three_digits,
)

NUMBERS = st.floats(min_value=-1e6, max_value=1e6)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7.0], 50, 7.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 51, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 100, 4.0),
        ([1.0, 2.0], 0, 1.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
    ],
)
def test_percentiles_are_values_that_were_measured(
    values: list[float], percent: float, expected: float
) -> None:
    """Nearest rank, like the shop's own daily figures."""
    assert percentile(values, percent) == expected


@given(values=st.lists(NUMBERS, min_size=1), percent=st.floats(0, 100))
def test_a_percentile_has_so_many_values_below_it(values: list[float], percent: float) -> None:
    """The definition itself."""
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-6


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], -1), ([1.0], 101)])
def test_nonsense_is_refused(values: list[float], percent: float) -> None:
    """No measurement is no number."""
    with pytest.raises(ValueError, match="no "):
        percentile(values, percent)


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (Target(1.0), 1.0, Verdict.MET),
        (Target(1.0), 1.01, Verdict.MISSED),
        (Target(97, at_least=True), 97, Verdict.MET),
        (Target(97, at_least=True), 96.9, Verdict.MISSED),
        (Target(1.0), None, Verdict.UNKNOWN),
        (Target(1.0), math.nan, Verdict.UNKNOWN),
    ],
)
def test_a_figure_is_held_against_its_target(
    target: Target, value: float | None, verdict: Verdict
) -> None:
    """What could not be measured is never called met."""
    assert Figure("x", value, target=target).verdict is verdict


def test_a_figure_without_a_target_has_no_verdict() -> None:
    """Context, not a promise."""
    assert Figure("x", 1.0).verdict is Verdict.NONE


@pytest.mark.parametrize(
    ("value", "base", "expected"),
    [(3.0, 2.0, 1.5), (None, 2.0, None), (3.0, None, None), (3.0, 0.0, None)],
)
def test_ratios_need_both_sides(
    value: float | None, base: float | None, expected: float | None
) -> None:
    """A peer that is not installed must not divide anything."""
    assert ratio(value, base) == expected


def test_differences_need_both_sides() -> None:
    """As above."""
    assert difference(3.0, 2.0) == 1.0
    assert difference(None, 2.0) is None


@given(a=st.floats(-100, 100), b=st.floats(-100, 100))
def test_the_slope_of_a_line_is_its_slope(a: float, b: float) -> None:
    """Least squares through points that lie on a line."""
    found = slope([(float(x), a * x + b) for x in range(5)])
    assert found is not None
    assert math.isclose(found, a, abs_tol=1e-6)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (1.0, 3.0)]])
def test_no_line_without_two_places(points: list[tuple[float, float]]) -> None:
    """Too short a run says nothing about growth."""
    assert slope(points) is None


def test_nothing_lost_is_the_whole_ceiling() -> None:
    """Five waves of 200 in 1 s each: four behind the first one take 4 s at least."""
    full = ceiling_share(jobs=1000, flight=200, latency_s=1.0, after_first_wave_s=4.0)
    assert full == 1.0
    half = ceiling_share(jobs=1000, flight=200, latency_s=1.0, after_first_wave_s=8.0)
    assert half == 0.5


@pytest.mark.parametrize(("jobs", "behind_s"), [(1000, None), (1000, 0.0), (399, 4.0)])
def test_one_wave_has_no_share(jobs: int, behind_s: float | None) -> None:
    """Less than two waves measure the ramp, not the ceiling."""
    share = ceiling_share(jobs=jobs, flight=200, latency_s=1.0, after_first_wave_s=behind_s)
    assert share is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), (math.nan, "-"), (0, "0"), (0.01234, "0.0123"), (1.5, "1.50"),
        (12.345, "12.3"), (1234.5, "1,234"), (-0.5, "-0.500"),
    ],
)  # fmt: skip
def test_numbers_read_with_three_digits(value: float | None, text: str) -> None:
    """A table is read, not copied."""
    assert three_digits(value) == text


def test_a_section_becomes_plain_json() -> None:
    """What is written must be read by other programs."""
    section = Section(
        "jobs",
        "Jobs",
        tables=[Table(("a",), [("x", 1.0)])],
        figures=[Figure("f", 2.0, "ms", Target(1.0))],
    )
    assert section.as_json() == {
        "name": "jobs",
        "title": "Jobs",
        "tables": [{"columns": ("a",), "rows": [("x", 1.0)], "title": ""}],
        "figures": [
            {"name": "f", "value": 2.0, "unit": "ms", "target": "≤ 1", "verdict": "missed"}
        ],
        "notes": [],
    }
