"""Is everything well? From what was seen of each component to its state, and to one for all."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from domain.answer import AttemptOutcome, Tier

REMEMBERED: Final = timedelta(hours=24)
RECENT: Final = timedelta(minutes=15)
STALE_AFTER: Final = timedelta(minutes=5)
ASK_THE_SICK_AFTER: Final = timedelta(minutes=5)
_FEWEST_ANSWERS: Final = 3


class Status(StrEnum):
    """`unknown`: nothing seen lately, or too little; `disabled`: not configured."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    DISABLED = "disabled"


class Sort(StrEnum):
    """What a component is: a model through OpenRouter, a model asked directly, or a server."""

    MODEL = "model"
    DIRECT = "direct"
    SERVICE = "service"


class Watched(BaseModel):
    """One component. Models have a tier and the slug they are asked by."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    sort: Sort
    tier: Tier | None = None
    model: str | None = None
    enabled: bool = True


class Sighting(BaseModel):
    """One look at a component: a customer's attempt, or a question of our own (`probe`)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: datetime
    ok: bool
    latency_ms: int
    probe: bool = False
    note: str = ""


class Thresholds(BaseModel):
    """`max_latency_ms` is for probes; a customer's answer may take `max_answer_ms`."""

    model_config = ConfigDict(frozen=True)

    max_latency_ms: int = 15_000
    max_answer_ms: int = 96_000
    max_error_rate: float = 0.10
    failures_in_a_row: int = 3


class ComponentState(BaseModel):
    """What is known of one component. `since` is when the status changed last.

    `latency_ms`: the 95th percentile of recent attempts, or the newest probe's. `alerted`: the
    status that somebody was told of and that has not been cleared yet.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    watched: Watched
    status: Status
    detail: str = ""
    since: datetime
    checked_at: datetime
    seen_at: datetime | None = None
    latency_ms: int | None = None
    error_rate: float | None = None
    probes: tuple[Sighting, ...] = ()
    alerted: Status | None = None

    @property
    def name(self) -> str:
        return self.watched.name


class HealthReport(BaseModel):
    """One check of everything."""

    model_config = ConfigDict(frozen=True)

    status: Status
    checked_at: datetime | None
    components: tuple[ComponentState, ...] = ()


class News(StrEnum):
    RAISED = "raised"
    CLEARED = "cleared"


# The families "unreachable" and "refused". A reply that is no product is the prompt's fault or
# the filter's, not a sign that the model is down.
_DOWN: Final = frozenset(
    {AttemptOutcome.TIMEOUT, AttemptOutcome.RATE_LIMIT, AttemptOutcome.API_ERROR}
)


def speaks_against(outcome: AttemptOutcome) -> bool:
    """Say whether an attempt that ended like this speaks against the model's health."""
    return outcome in _DOWN


def judge(
    watched: Watched,
    sightings: Iterable[Sighting],
    *,
    before: ComponentState | None,
    thresholds: Thresholds,
    now: datetime,
) -> ComponentState:
    """Return a component's state after what was seen of it during the last 24 hours."""
    seen = sorted((s for s in sightings if now - s.at <= REMEMBERED), key=lambda s: s.at)[::-1]
    status, detail = _verdict(watched, seen, before, thresholds, now)
    recent = [s for s in seen if now - s.at <= RECENT]
    changed = before is None or before.status is not status
    return ComponentState(
        watched=watched,
        status=status,
        detail=detail,
        since=now if before is None or changed else before.since,
        checked_at=now,
        seen_at=seen[0].at if seen else None,
        latency_ms=_typical_latency(seen, recent),
        error_rate=_error_rate(recent),
        probes=tuple(s for s in seen if s.probe)[: thresholds.failures_in_a_row],
        alerted=before.alerted if before else None,
    )


def _verdict(
    watched: Watched,
    seen: Sequence[Sighting],
    before: ComponentState | None,
    thresholds: Thresholds,
    now: datetime,
) -> tuple[Status, str]:
    if not watched.enabled:
        return Status.DISABLED, "not configured"
    if not seen:
        return Status.UNKNOWN, "nothing seen within 24 hours"
    streak = _failures_in_a_row(seen)
    if streak >= thresholds.failures_in_a_row:
        return Status.UNHEALTHY, _with_note(f"{streak} failures in a row", seen[0].note)
    if streak == len(seen):
        known = before.status if before and before.watched.enabled else Status.UNKNOWN
        return known, _with_note(f"{streak} failed, too few to judge", seen[0].note)
    if complaint := _complaint(seen, thresholds, now):
        return Status.DEGRADED, complaint
    return Status.HEALTHY, ""


def _complaint(seen: Sequence[Sighting], thresholds: Thresholds, now: datetime) -> str:
    """Say what is wrong with a component that answers; "" when nothing is."""
    recent = [s for s in seen if now - s.at <= RECENT]
    rate = _error_rate(recent)
    # With fewer, a single failure would be more than the rate allows.
    fewest = math.ceil(1 / thresholds.max_error_rate) if thresholds.max_error_rate else 1
    if rate is not None and rate > thresholds.max_error_rate and len(recent) >= fewest:
        return f"{rate:.0%} of {len(recent)} failed within 15 minutes"
    newest = seen[0]
    if newest.probe and newest.ok and newest.latency_ms > thresholds.max_latency_ms:
        return f"the last probe took {newest.latency_ms} ms"
    answers = [s.latency_ms for s in recent if s.ok and not s.probe]
    if len(answers) >= _FEWEST_ANSWERS and percentile(answers, 95) > thresholds.max_answer_ms:
        return f"answers take {percentile(answers, 95)} ms (95th percentile)"
    return ""


def overall(components: Iterable[ComponentState]) -> Status:
    """Return one status for all.

    All models down: unhealthy. Anything else down or degraded: degraded, which includes a primary
    that is down while a fallback is healthy. No data about any model: unknown.
    """
    active = [c for c in components if c.status is not Status.DISABLED]
    if not active:
        return Status.DISABLED
    models = [c.status for c in active if c.watched.sort is not Sort.SERVICE]
    if models and all(status is Status.UNHEALTHY for status in models):
        return Status.UNHEALTHY
    if any(c.status in {Status.UNHEALTHY, Status.DEGRADED} for c in active):
        return Status.DEGRADED
    if all(status is Status.UNKNOWN for status in models or [c.status for c in active]):
        return Status.UNKNOWN
    return Status.HEALTHY


def fallback_available(components: Iterable[ComponentState]) -> bool:
    """Say whether something behind the primary is configured and not known to be down."""
    return any(
        c.watched.sort is not Sort.SERVICE
        and c.watched.tier is not Tier.PRIMARY
        and c.status not in {Status.DISABLED, Status.UNHEALTHY}
        for c in components
    )


def is_stale(checked_at: datetime | None, now: datetime) -> bool:
    """Say whether the checks themselves have stopped, so that their word is no longer news."""
    return checked_at is None or now - checked_at > STALE_AFTER


def as_of(components: Sequence[ComponentState], now: datetime) -> HealthReport:
    """Return the report that stored states make at this moment; old ones turn unknown."""
    checked_at = max((c.checked_at for c in components), default=None)
    if is_stale(checked_at, now):
        components = [_faded(c) for c in components]
    status = overall(components) if components else Status.UNKNOWN
    return HealthReport(status=status, checked_at=checked_at, components=tuple(components))


def probe_due(state: ComponentState, *, now: datetime, idle: timedelta, costs: bool) -> bool:
    """Say whether a component is to be asked, with an `idle` of zero never.

    What customers' attempts show need not be asked. A component that is not well is asked sooner,
    so that its recovery is noticed without a customer. One that was never seen is asked at once,
    if that `costs` nothing.
    """
    if not idle:
        return False
    if state.seen_at is None:
        return not costs or now - state.since >= idle
    patience = idle if state.status is Status.HEALTHY else min(idle, ASK_THE_SICK_AFTER)
    return now - state.seen_at >= patience


def news_of(alerted: Status | None, status: Status) -> tuple[News | None, Status | None]:
    """Return what to tell when a status follows what was told last, and what is told then.

    Once per trouble, once more when it gets worse, once when it is over. Unknown is no news.
    """
    match status:
        case Status.UNHEALTHY if alerted is not Status.UNHEALTHY:
            return News.RAISED, status
        case Status.DEGRADED if alerted is None:
            return News.RAISED, status
        case Status.HEALTHY | Status.DISABLED if alerted is not None:
            return News.CLEARED, None
    return None, alerted


def percentile(values: Sequence[int], percent: int) -> int:
    """Return the nearest-rank percentile of at least one value."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def _failures_in_a_row(seen: Sequence[Sighting]) -> int:
    return next((i for i, sighting in enumerate(seen) if sighting.ok), len(seen))


def _error_rate(recent: Sequence[Sighting]) -> float | None:
    return sum(not s.ok for s in recent) / len(recent) if recent else None


def _typical_latency(seen: Sequence[Sighting], recent: Sequence[Sighting]) -> int | None:
    answers = [s.latency_ms for s in recent if s.ok and not s.probe]
    if answers:
        return percentile(answers, 95)
    return next((s.latency_ms for s in seen if s.ok), None)


def _faded(state: ComponentState) -> ComponentState:
    if state.status is Status.DISABLED:
        return state
    return state.model_copy(update={"status": Status.UNKNOWN, "detail": "the checks have stopped"})


def _with_note(text: str, note: str) -> str:
    return f"{text}: {note}" if note else text
