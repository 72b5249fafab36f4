"""How many calls are in flight, and how long orders wait for a free slot. Pure.

Little's law, L = λW, and Erlang's C formula, corrected for service times that vary less than
exponential ones (Allen and Cunneen).
"""

import math
from dataclasses import dataclass

_P95: float = 1.6448536269514722
"""The standard normal distribution's 95th percentile."""


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """A log-normal time, known by two percentiles and cut at its longest. Seconds."""

    median_s: float
    p95_s: float
    longest_s: float

    @property
    def sigma(self) -> float:
        return math.log(self.p95_s / self.median_s) / _P95

    def moment(self, order: int) -> float:
        """Return E[min(T, longest)^order] of the log-normal T."""
        place, sigma = math.log(self.median_s), self.sigma
        edge = (math.log(self.longest_s) - place) / sigma
        below = math.exp(order * place + (order * sigma) ** 2 / 2) * _normal(edge - order * sigma)
        return below + self.longest_s**order * (1 - _normal(edge))

    @property
    def mean_s(self) -> float:
        return self.moment(1)

    @property
    def squared_variation(self) -> float:
        """Return variance / mean²; 1 for exponential times."""
        return self.moment(2) / self.mean_s**2 - 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an order meets that arrives at a random moment."""

    in_flight: float
    utilisation: float
    chance: float
    mean_wait_s: float


VALUATION = ServiceTime(median_s=50.0, p95_s=110.0, longest_s=180.0)
"""What the models take in production."""


def waiting(*, per_s: float, slots: int, service: ServiceTime) -> Waiting:
    """Return how `slots` bear Poisson arrivals. Raises ValueError when they never catch up."""
    load = per_s * service.mean_s
    if load >= slots:
        raise ValueError(f"{slots} slots cannot bear {load:.1f} calls in flight")
    chance = erlang_c(load, slots)
    exponential = chance * service.mean_s / (slots - load)
    return Waiting(load, load / slots, chance, exponential * (1 + service.squared_variation) / 2)


def erlang_c(load: float, slots: int) -> float:
    """Return the chance that all slots are taken; `load` in erlangs, below `slots`."""
    blocking = 1.0
    for number in range(1, slots + 1):
        blocking = load * blocking / (number + load * blocking)
    return slots * blocking / (slots - load * (1 - blocking))


def _normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2
