"""`GET /metrics`: facts of the whole shop, read from MongoDB and Redis at the time of the scrape.

Every web process shows the same facts, so it does not matter which one is asked. Only the answers
to Stripe are counted by each process itself, under its own label `process`; `instance` would
collide with the label that Prometheus adds.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
)
from prometheus_client.registry import Collector

from domain.errors import Unavailable
from domain.figures import COST_BOUNDS_USD, LATENCY_BOUNDS_MS, AttemptFigures, Figures
from domain.health import HealthReport, Status
from domain.job import State
from domain.ports import Clock
from domain.proof import Fault, paid_and_undelivered
from producer.admin import REFUSALS, AdminDoor
from producer.breakers import BreakerState
from producer.health import HealthDesk
from producer.ports import Counts
from producer.webhook import WebhookAnswers


class BreakerWindow(Protocol):
    async def look(self) -> Mapping[str, BreakerState] | None: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The facts of one scrape. `figures` is None without MongoDB, `breakers` without Redis."""

    at: datetime
    process: str
    figures: Figures | None
    health: HealthReport
    breakers: Mapping[str, BreakerState] | None
    answers: Mapping[tuple[int, str], int]


@dataclass(frozen=True, slots=True)
class Scrape:
    """Takes snapshots. `process` names this process among its siblings."""

    counts: Counts
    desk: HealthDesk
    breakers: BreakerWindow
    answers: WebhookAnswers
    clock: Clock
    process: str

    async def take(self) -> Snapshot:
        """Never raises: what cannot be read is missing, and a gauge says so."""
        figures, health, breakers = await asyncio.gather(
            self._figures(), self.desk.report(), self.breakers.look()
        )
        return Snapshot(
            at=self.clock.now(),
            process=self.process,
            figures=figures,
            health=health,
            breakers=breakers,
            answers=self.answers.counts(),
        )

    async def _figures(self) -> Figures | None:
        try:
            return await self.counts.figures()
        except Unavailable:
            return None


class SnapshotCollector(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        snapshot = self._snapshot
        yield _gauge("mongodb_up", "1 when MongoDB answers.", float(snapshot.figures is not None))
        yield _gauge("redis_up", "1 when Redis answers.", float(snapshot.breakers is not None))
        yield _answers(snapshot)
        yield _health(snapshot.health)
        yield _breakers(snapshot.breakers or {})
        if snapshot.figures is not None:
            yield from _figures(snapshot.figures, snapshot.at)


def render(snapshot: Snapshot) -> bytes:
    """Return a snapshot in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(snapshot))
    return generate_latest(registry)


def metrics_routes(scrape: Scrape, door: AdminDoor) -> APIRouter:
    router = APIRouter(tags=["admin"], dependencies=[Depends(door.enter)], responses=REFUSALS)

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Show the shop's figures in Prometheus's text format."""
        return Response(render(await scrape.take()), media_type=CONTENT_TYPE_LATEST)

    return router


def _figures(figures: Figures, now: datetime) -> Iterator[Metric]:
    jobs = _gauges("jobs", "Jobs by state.", ["state"])
    counts = {figure.state: figure.count for figure in figures.jobs}
    for state in State:
        jobs.add_metric([state.value], counts.get(state, 0))
    yield jobs
    yield from _undelivered(figures, now)
    mails = _gauges("mails", "Mails not sent, of jobs of the last 7 days.", ["to", "state"])
    for mail in figures.mails:
        mails.add_metric([mail.to.value, mail.state.value], mail.count)
    yield mails
    yield from _attempts(figures.attempts)
    workers = _gauges("workers", "Worker processes heard of within ten minutes.", ["state"])
    workers.add_metric(["alive"], figures.workers.alive)
    workers.add_metric(["silent"], figures.workers.silent)
    yield workers
    yield _gauge("jobs_in_hand", "Jobs that living workers hold.", figures.workers.holding)
    yield from _chores(figures)


def _undelivered(figures: Figures, now: datetime) -> Iterator[Metric]:
    count = _gauges("paid_undelivered", "Paid orders without a result.", ["waits_for"])
    oldest = _gauges(
        "paid_undelivered_oldest_age_seconds",
        "Age of the oldest paid order without a result; 0 without one.",
        ["waits_for"],
    )
    for waits_for, owed in paid_and_undelivered(figures.jobs, figures.proof).parts.items():
        count.add_metric([waits_for.value], owed.count)
        age = now - owed.oldest if owed.oldest else timedelta()
        oldest.add_metric([waits_for.value], age.total_seconds())
    yield from (count, oldest)
    if figures.proof is None:
        return
    found = _gauges("proof_findings", "Where events, jobs, orders and mails disagree.", ["fault"])
    for fault in Fault:
        found.add_metric([fault.value], figures.proof.counts.get(fault, 0))
    yield found


def _attempts(attempts: Sequence[AttemptFigures]) -> Iterator[Metric]:
    count = _gauges(
        "attempts_24h", "Calls to models in the last 24 hours.", ["model", "tier", "outcome"]
    )
    by_model: defaultdict[tuple[str, str], list[AttemptFigures]] = defaultdict(list)
    for figure in attempts:
        labels = [figure.model, figure.tier.value, figure.outcome.value]
        count.add_metric(labels, figure.count)
        by_model[figure.model, figure.tier.value].append(figure)
    latency = _histogram("attempt_latency_seconds_24h", "Time per call, last 24 hours.")
    cost = _histogram("attempt_cost_usd_24h", "Cost per call, last 24 hours.")
    for key, group in by_model.items():
        latency.add_metric(
            key,
            _buckets([ms / 1000 for ms in LATENCY_BOUNDS_MS], [f.latency_buckets for f in group])
            + _rest(group),
            gsum_value=sum(f.latency_ms for f in group) / 1000,
        )
        cost.add_metric(
            key,
            _buckets(COST_BOUNDS_USD, [f.cost_buckets for f in group]) + _rest(group),
            gsum_value=sum(f.cost_usd for f in group),
        )
    yield from (count, latency, cost)


def _buckets(bounds: Iterable[float], counts: Sequence[Sequence[int]]) -> list[tuple[str, float]]:
    sums = [sum(column) for column in zip(*counts, strict=True)]
    return [(str(float(bound)), total) for bound, total in zip(bounds, sums, strict=True)]


def _rest(group: Iterable[AttemptFigures]) -> list[tuple[str, float]]:
    return [("+Inf", sum(figure.count for figure in group))]


def _chores(figures: Figures) -> Iterator[Metric]:
    age = _gauges(
        "chore_last_success_age_seconds", "Time since a chore of the clock succeeded.", ["chore"]
    )
    period = _gauges("chore_period_seconds", "How often a chore should succeed.", ["chore"])
    for chore in figures.chores:
        period.add_metric([chore.name], chore.period_s)
        if chore.age_s is not None:
            age.add_metric([chore.name], chore.age_s)
    yield from (age, period)


def _health(health: HealthReport) -> Metric:
    family = _gauges("component_status", "1 for the status that holds.", ["component", "status"])
    found = {state.name: state.status for state in health.components} | {"overall": health.status}
    for name, status in found.items():
        for possible in Status:
            family.add_metric([name, possible.value], float(status is possible))
    return family


def _breakers(breakers: Mapping[str, BreakerState]) -> Metric:
    family = _gauges("breaker_state", "0 closed, 1 half-open, 2 open.", ["model"])
    for model, state in breakers.items():
        family.add_metric([model], state.value)
    return family


def _answers(snapshot: Snapshot) -> Metric:
    family = CounterMetricFamily(
        "pferdewert_webhook_answers",
        "Answers to Stripe since this process started.",
        labels=["process", "status", "decision"],
    )
    for (status, decision), count in sorted(snapshot.answers.items()):
        family.add_metric([snapshot.process, str(status), decision], count)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"pferdewert_{name}", text, value=value)


def _gauges(name: str, text: str, labels: Sequence[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"pferdewert_{name}", text, labels=labels)


def _histogram(name: str, text: str) -> GaugeHistogramMetricFamily:
    return GaugeHistogramMetricFamily(f"pferdewert_{name}", text, labels=["model", "tier"])
