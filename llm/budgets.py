"""One clock per order: how much of it an attempt, a model and the whole chain may use."""

from dataclasses import dataclass
from typing import Final

from domain.ports import Clock

_SHORTEST_ATTEMPT_S: Final = 1.0
_SHARED_OUT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Budgets:
    """Seconds, each within the next. Raises ValueError for any other order."""

    connect_s: float
    attempt_s: float
    model_s: float
    chain_s: float

    def __post_init__(self) -> None:
        if not 0 < self.connect_s <= self.attempt_s <= self.model_s <= self.chain_s:
            raise ValueError("budgets must nest: 0 < connect <= attempt <= model <= chain")

    @property
    def shortest_s(self) -> float:
        """Below this an attempt is not worth its money."""
        return min(_SHORTEST_ATTEMPT_S, self.attempt_s / 2)


class Countdown:
    """The time of one order, or what is left of it."""

    def __init__(self, budgets: Budgets, clock: Clock) -> None:
        self._budgets = budgets
        self._clock = clock
        self._chain_ends = clock.monotonic() + budgets.chain_s

    def model_ends(self, *, later: int, stages: int) -> float:
        """Return the moment by which a model must have answered, with `later` stages after it.

        Half of the chain's time is shared out evenly and kept for the later stages, so that a
        hanging first model cannot starve the emergency stages.
        """
        share = min(self._budgets.attempt_s, self._budgets.chain_s * _SHARED_OUT / max(stages, 1))
        own = self._clock.monotonic() + self._budgets.model_s
        return min(own, self._chain_ends - later * share)

    def spare_s(self, model_ends: float) -> float:
        """Return how long the next attempt may still be put off; negative: it is too late."""
        return model_ends - self._clock.monotonic() - self._budgets.shortest_s

    def attempt_s(self, model_ends: float) -> float:
        """Return how long an attempt that begins now may take."""
        left = model_ends - self._clock.monotonic()
        return min(self._budgets.attempt_s, max(left, 0.0))
