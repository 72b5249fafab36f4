"""Asking the same model again: whether, and after how long. Two pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Persistence(StrEnum):
    """How stubborn a failure lets us be with the model that failed.

    ONCE is for answers that were none and for faults known to flicker, FEW for a crowded
    provider, FULL for whatever usually passes by itself.
    """

    NEVER = "never"
    ONCE = "once"
    FEW = "few"
    FULL = "full"


_LIMIT: Final = {
    Persistence.NEVER: 0,
    Persistence.ONCE: 1,
    Persistence.FEW: 2,
    Persistence.FULL: math.inf,
}
_MAX_DOUBLINGS: Final = 30


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`retries` counts the further attempts on one model. Times in seconds, jitter a fraction."""

    retries: int = 3
    backoff_base: float = 1.0
    backoff_max: float = 12.0
    jitter: float = 0.25


def should_retry(failures: Sequence[Persistence], policy: RetryPolicy) -> bool:
    """Say whether the model that failed like this, in this order, is worth another attempt."""
    if not failures:
        return True
    latest = failures[-1]
    return len(failures) <= policy.retries and failures.count(latest) <= _LIMIT[latest]


def delay_s(
    failures: int, policy: RetryPolicy, *, roll: float, hint_s: float | None = None
) -> float:
    """Return the seconds to wait after the given number of failures on one model.

    The server's hint is honoured in full, whatever the backoff would say; whether the clock
    allows it is the caller's question. `roll` is a random number in [0, 1): jitter shortens a
    backoff and lengthens a hint, so that neither is missed by all workers at once.
    """
    doublings = min(max(failures - 1, 0), _MAX_DOUBLINGS)
    backoff = min(policy.backoff_max, policy.backoff_base * 2.0**doublings)
    if hint_s is not None:
        return max(hint_s, 0.0) + policy.jitter * roll * min(backoff, policy.backoff_base)
    return backoff * (1.0 - policy.jitter * roll)
