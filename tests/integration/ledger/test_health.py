"""What the health checks write down, on MongoDB."""

import asyncio
from datetime import timedelta

import pytest

from domain.answer import AttemptOutcome, Tier
from domain.health import ComponentState, HealthReport, Sighting, Sort, Status, Watched
from domain.job import Kind, Opening
from ledger.connection import Connection
from ledger.health import HealthBook
from ledger.names import HEALTH_CHECKS
from ledger.paid import PaidSessions
from ledger.records import MongoRecords
from tests.builders import NOW, ORDER_ID, SESSION_ID, horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import PAYMENT, make_attempt

MODEL = Watched(
    name="model:primary", sort=Sort.MODEL, tier=Tier.PRIMARY, model="google/gemini-2.5-pro"
)
REDIS = Watched(name="redis", sort=Sort.SERVICE)
PROBE = Sighting(at=NOW, ok=False, latency_ms=10_000, probe=True, note="timeout")


@pytest.fixture
def book(connection: Connection) -> HealthBook:
    return HealthBook(connection)


def report(status: Status = Status.HEALTHY, *, minutes: float = 0) -> HealthReport:
    now = NOW + timedelta(minutes=minutes)
    states = tuple(
        ComponentState(
            watched=watched,
            status=status,
            detail="3 failures in a row",
            since=NOW,
            checked_at=now,
            seen_at=now,
            latency_ms=812,
            error_rate=0.25,
            probes=(PROBE,),
        )
        for watched in (MODEL, REDIS)
    )
    return HealthReport(status=status, checked_at=now, components=states)


async def test_what_is_kept_is_recalled(book: HealthBook) -> None:
    """Every field of every component comes back, the newest check's only."""
    await book.keep(report(Status.UNHEALTHY))
    await book.keep(report(Status.DEGRADED, minutes=1))

    known = await book.recall()

    assert known == {state.name: state for state in report(Status.DEGRADED, minutes=1).components}


async def test_history_is_kept_for_a_day(book: HealthBook, connection: Connection) -> None:
    """The TTL index takes the lines of history and never the current states."""
    await book.keep(report())
    await book.keep(report(minutes=1))
    await book.keep(report(minutes=1))

    lines = await book.history(NOW)
    stored = await connection.latest(HEALTH_CHECKS).find().to_list(None)

    assert [line["checked_at"] for line in lines] == [NOW, NOW + timedelta(minutes=1)]
    assert lines[0]["components"][0] == {
        "name": "model:primary",
        "status": "healthy",
        "latency_ms": 812,
        "error_rate": 0.25,
        "detail": "3 failures in a row",
    }
    expiring = {d["_id"]: d["expires_at"] for d in stored if "expires_at" in d}
    assert len(expiring) == 2
    assert min(expiring.values()) == NOW + timedelta(hours=24)
    assert {d["_id"] for d in stored} - set(expiring) == {
        "component:model:primary",
        "component:redis",
    }


async def test_one_of_many_takes_the_duty_to_tell(book: HealthBook) -> None:
    """Ten processes see the same change; one tells of it, and a later check forgets nothing."""
    await book.keep(report(Status.UNHEALTHY))

    won = await asyncio.gather(
        *(book.mark_told("redis", before=None, after=Status.UNHEALTHY) for _ in range(10))
    )
    await book.keep(report(Status.UNHEALTHY, minutes=1))

    assert sum(won) == 1
    assert (await book.recall())["redis"].alerted is Status.UNHEALTHY
    assert await book.mark_told("redis", before=Status.UNHEALTHY, after=None)
    assert (await book.recall())["redis"].alerted is None


async def test_attempts_become_sightings(
    book: HealthBook, connection: Connection, clock: FakeClock
) -> None:
    """Of this model in this tier only, newest first; a rejected answer is no sign of illness."""
    job, _ = await PaidSessions(connection, clock).open(
        Opening(Kind.VALUATION, SESSION_ID, ORDER_ID, PAYMENT)
    )
    records = MongoRecords(connection, clock)
    for minutes, outcome, tier in (
        (0, AttemptOutcome.ACCEPTED, Tier.PRIMARY),
        (1, AttemptOutcome.TIMEOUT, Tier.PRIMARY),
        (2, AttemptOutcome.UNACCEPTED, Tier.PRIMARY),
        (3, AttemptOutcome.TIMEOUT, Tier.EMERGENCY),
        (-60, AttemptOutcome.TIMEOUT, Tier.PRIMARY),
    ):
        attempt = make_attempt(
            started_at=NOW + timedelta(minutes=minutes),
            outcome=outcome,
            tier=tier,
            error_type=None if outcome is AttemptOutcome.ACCEPTED else "stalled",
        )
        await records.attempt(job, horse(), attempt)

    found = await book.attempts(MODEL, NOW)

    assert [(s.at - NOW, s.ok, s.latency_ms, s.note, s.probe) for s in found] == [
        (timedelta(minutes=2), True, 48_000, "stalled", False),
        (timedelta(minutes=1), False, 48_000, "stalled", False),
        (timedelta(0), True, 48_000, "", False),
    ]
