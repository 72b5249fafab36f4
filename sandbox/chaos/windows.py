"""Times of trouble, and what was measured inside and after them. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.chaos.customers import Sale, Try
from sandbox.chaos.history import JobHistory

AFTERMATH_S: Final = 8.0
"""How long after an outage its effects may still be seen in answers."""


@dataclass(frozen=True, slots=True)
class Window:
    """One outage by wall clock, unix seconds."""

    blow: int
    target: str
    fault: str
    starts: float
    ends: float

    def touches(self, starts: float, ends: float, *, aftermath: float = 0.0) -> bool:
        return self.starts <= ends and starts <= self.ends + aftermath


def ended_clear(windows: Sequence[Window]) -> list[Window]:
    """Return the outages of servers whose end no other server's outage blurs."""
    servers = [w for w in windows if w.target in {"redis", "mongodb"}]
    return [
        window
        for window in servers
        if not any(
            other.touches(window.ends, window.ends + AFTERMATH_S)
            for other in servers
            if other is not window
        )
    ]


def webhooks_without_redis(sales: Iterable[Sale], windows: Sequence[Window]) -> list[Try]:
    """Return the deliveries that began while Redis, and nothing else they need, was away."""
    redis = [w for w in windows if w.target == "redis" and w.ends > w.starts]
    others = [w for w in windows if w.target in {"mongodb", "web"}]
    return [
        attempt
        for sale in sales
        for letter in sale.letters
        for attempt in letter.tries
        if any(w.starts <= attempt.at <= w.ends for w in redis)
        and not any(
            w.touches(attempt.at, attempt.at + attempt.took, aftermath=AFTERMATH_S) for w in others
        )
    ]


def statuses(tries: Iterable[Try]) -> dict[str, int]:
    """Count answers by status code; "none" is a broken connection."""
    return dict(sorted(Counter(str(t.status or "none") for t in tries).items()))


def first_after(histories: Iterable[JobHistory], at: float) -> tuple[float | None, float | None]:
    """Return the seconds from `at` to the first claim and the first delivery of a job that waited.

    Only jobs count that were queued at `at` and in nobody's hands; None when there was none.
    """
    claims, deliveries = [], []
    for history in histories:
        before = [moment for moment in history.moments if moment.at <= at]
        if not before or before[-1].state != "queued":
            continue
        after = history.moments[len(before) :]
        claims += [moment.at - at for moment in after if moment.owner is not None][:1]
        deliveries += [moment.at - at for moment in after if moment.state == "delivered"][:1]
    return min(claims, default=None), min(deliveries, default=None)
