"""Percentiles, ratios, slopes, and figures beside their targets. Pure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    MET = "met"
    MISSED = "missed"
    UNKNOWN = "not measured"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be: at most or at least `limit`."""

    limit: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    def verdict(self, value: float | None) -> Verdict:
        if value is None or math.isnan(value):
            return Verdict.UNKNOWN
        met = value >= self.limit if self.at_least else value <= self.limit
        return Verdict.MET if met else Verdict.MISSED


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that is the point of a measurement; None when it could not be taken."""

    name: str
    value: float | None
    unit: str = ""
    target: Target | None = None

    @property
    def verdict(self) -> Verdict:
        return self.target.verdict(self.value) if self.target else Verdict.NONE

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "target": str(self.target) if self.target else None,
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as they are printed; a number is shown with three significant digits."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What one measurement has to say. `notes` are sentences below its tables."""

    name: str
    title: str
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "tables": [asdict(table) for table in self.tables],
            "figures": [figure.as_json() for figure in self.figures],
            "notes": list(self.notes),
        }


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of all do not exceed (nearest rank).

    No value is invented between two that were measured. Raises ValueError without values.
    """
    if not values:
        raise ValueError("no values, no percentile")
    if not 0 <= percent <= 100:  # noqa: PLR2004 - per cent
        raise ValueError(f"{percent} is no percentage")
    rank = max(math.ceil(percent / 100 * len(values)), 1)
    return sorted(values)[rank - 1]


def mean(values: Sequence[float]) -> float:
    """Raises ValueError without values."""
    if not values:
        raise ValueError("no values, no mean")
    return math.fsum(values) / len(values)


def ratio(value: float | None, base: float | None) -> float | None:
    """Return value / base, or None when either is missing or there is nothing to divide by."""
    return value / base if value is not None and base else None


def difference(value: float | None, base: float | None) -> float | None:
    return value - base if value is not None and base is not None else None


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Return the least-squares slope of y over x; None for fewer than two different x."""
    if not points:
        return None
    middle_x, middle_y = mean([x for x, _ in points]), mean([y for _, y in points])
    spread = math.fsum((x - middle_x) ** 2 for x, _ in points)
    if spread == 0:
        return None
    return math.fsum((x - middle_x) * (y - middle_y) for x, y in points) / spread


def ceiling_share(
    *, jobs: int, flight: int, latency_s: float, after_first_wave_s: float | None
) -> float | None:
    """Return which share of the possible throughput was reached, 1 = nothing was lost.

    With `flight` slots and a model that takes `latency_s`, the jobs behind the first wave need at
    least `latency_s` per wave. None for less than two whole waves.
    """
    if after_first_wave_s is None or after_first_wave_s <= 0 or jobs < 2 * flight:
        return None
    return (jobs - flight) / flight * latency_s / after_first_wave_s


def three_digits(value: float | None) -> str:
    """Return a number for reading: 3 significant digits, no exponent, `-` for None."""
    if value is None or math.isnan(value):
        return "-"
    if value == 0:
        return "0"
    decimals = max(2 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{decimals}f}"
