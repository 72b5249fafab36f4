"""What a dead worker left behind, read from the history afterwards. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from sandbox.chaos.history import JobHistory, Tenure, tenures
from sandbox.chaos.plan import Step


@dataclass(frozen=True, slots=True)
class Death:
    """One SIGKILL of a worker. `owner` is how its claims begin; `at` is unix seconds."""

    blow: int
    owner: str
    at: float
    aimed: Step | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a model as the sandbox saw it; `ended` is None while it was in flight."""

    at: float
    ended: float | None
    answered: bool


@dataclass(slots=True)
class Outside:
    """What the sandbox saw: model calls by job, first mails by idempotency key."""

    calls: dict[str, list[Call]] = field(default_factory=dict)
    mailed: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Left:
    """One job in the hands of a worker when it died. `took` is None when nobody had to go on."""

    job_id: str
    death: Death
    step: Step
    took: float | None


def left_behind(
    histories: Iterable[JobHistory], deaths: Sequence[Death], outside: Outside
) -> list[Left]:
    """Return every job that a killed worker held, where it stood, and how soon it went on."""
    by_owner: Mapping[str, Death] = {death.owner: death for death in deaths}
    found = []
    for history in histories:
        for tenure in tenures(history):
            death = by_owner.get(tenure.owner)
            if death and _held_at(tenure, death.at):
                found.append(_left(tenure, death, outside))
    return found


def _held_at(tenure: Tenure, at: float) -> bool:
    return tenure.moments[0].at <= at and (tenure.then is None or tenure.then.at > at)


def _left(tenure: Tenure, death: Death, outside: Outside) -> Left:
    then = tenure.then
    taken_over = then is not None and then.owner is not None
    return Left(
        job_id=tenure.job_id,
        death=death,
        step=step_at(tenure, death.at, outside),
        took=then.at - death.at if then is not None and taken_over else None,
    )


def step_at(tenure: Tenure, at: float, outside: Outside) -> Step:
    """Say where a job stood at a moment inside a tenure.

    The ledger tells most; that a model was asked or a mail was taken, only the outside knows.
    """
    reached = bisect_right([moment.at for moment in tenure.moments], at)
    moment = tenure.moments[max(0, reached - 1)]
    if moment.state == "delivered":
        return _among_mails(tenure, moment.customer, moment.admin, at, outside)
    if moment.answered:
        return Step.JOURNALED
    since = tenure.moments[0].at
    calls = [call for call in outside.calls.get(tenure.job_id, ()) if since <= call.at <= at]
    if not calls:
        return Step.CLAIMED if reached <= 1 else Step.PREPARED
    last = max(calls, key=lambda call: call.at)
    received = last.answered and last.ended is not None and last.ended <= at
    return Step.RECEIVED if received else Step.ASKED


def _among_mails(
    tenure: Tenure, customer: str | None, admin: str | None, at: float, outside: Outside
) -> Step:
    pending = [to for to, state in (("customer", customer), ("admin", admin)) if state == "pending"]
    if not pending:
        return Step.MAILED
    taken = [outside.mailed.get(f"{tenure.job_id}:{to}") for to in pending]
    return Step.MAILED if any(t is not None and t <= at for t in taken) else Step.DELIVERED


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return count, mean, p50, p99 and max; the percentiles are values that occurred."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}
    return {
        "count": len(ordered),
        "mean": sum(ordered) / len(ordered),
        "p50": ordered[ceil(0.50 * len(ordered)) - 1],
        "p99": ordered[ceil(0.99 * len(ordered)) - 1],
        "max": ordered[-1],
    }
