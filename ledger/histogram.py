"""Exact percentiles from how often each value occurs."""

import math
from array import array
from bisect import bisect_right


class Histogram:
    """Values in ascending order with their counts; memory grows with the distinct values only."""

    def __init__(self) -> None:
        self._values = array("d")
        self._up_to = array("q")

    @property
    def total(self) -> int:
        return self._up_to[-1] if self._up_to else 0

    def add(self, value: float, count: int) -> None:
        """Raises ValueError when `value` is not greater than the last one or `count` is below 1."""
        if count < 1 or (self._values and value <= self._values[-1]):
            raise ValueError("a histogram is filled in ascending order, each value once")
        self._values.append(value)
        self._up_to.append(self.total + count)

    def percentile(self, percent: float) -> float | None:
        """Return the value below which `percent` (0 to 100) of all lie; None when there is none.

        Between two values it is interpolated, as numpy, pandas and spreadsheets do by default.
        """
        if not self.total:
            return None
        rank = (self.total - 1) * percent / 100
        low, high = self._at(math.floor(rank)), self._at(math.ceil(rank))
        return low + (high - low) * (rank - math.floor(rank))

    def _at(self, rank: int) -> float:
        return self._values[bisect_right(self._up_to, rank)]
