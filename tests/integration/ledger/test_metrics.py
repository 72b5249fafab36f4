"""The shop counted by MongoDB."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import MinKey

from domain.answer import AttemptOutcome
from domain.figures import COST_BOUNDS_USD, LATENCY_BOUNDS_MS
from domain.job import Job, Kind, MailState, MailTo, Opening, State
from ledger.connection import Connection
from ledger.damage import KNOWN_STATE, OLDEST
from ledger.leases import Leases
from ledger.metrics import MongoFigures
from ledger.names import JOBS, MODEL_PERFORMANCE
from ledger.paid import PaidSessions
from ledger.records import MongoRecords
from ledger.workers import MongoPresence
from tests.builders import NOW, horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import PAYMENT, make_attempt


@pytest.fixture
def figures(connection: Connection, clock: FakeClock) -> MongoFigures:
    return MongoFigures(connection, clock)


async def put_job(connection: Connection, clock: FakeClock, number: int, **fields: Any) -> Job:
    job, _ = await PaidSessions(connection, clock).open(
        Opening(Kind.VALUATION, f"cs_live_{number}", None, PAYMENT)
    )
    await connection.collection(JOBS).update_one({"_id": job.id}, {"$set": fields})
    return job


async def test_an_empty_shop(figures: MongoFigures) -> None:
    """Nothing is counted, and nothing fails."""
    found = await figures.figures()

    assert (list(found.jobs), list(found.attempts), list(found.chores)) == ([], [], [])
    assert found.workers.alive == 0
    assert {(m.to, m.state): m.count for m in found.mails} == {
        (to, state): 0 for to in MailTo for state in (MailState.PENDING, MailState.FAILED)
    }


async def test_jobs_mails_workers_and_chores(
    connection: Connection, clock: FakeClock, figures: MongoFigures
) -> None:
    """Each with what a human asks first: how many, and since when."""
    sent, failed = {"state": "sent"}, {"state": "failed"}
    await put_job(connection, clock, 1)
    clock.advance(60)
    await put_job(connection, clock, 2)
    for number, customer in ((3, sent), (4, failed), (5, failed)):
        mails = {"customer": customer, "admin": {"state": "pending"}}
        await put_job(connection, clock, number, state="delivered", mails=mails)
    old = NOW - timedelta(days=8)
    await put_job(
        connection, clock, 6, state="delivered", mails={"customer": failed}, created_at=old
    )
    presence = MongoPresence(connection)
    await presence.beat("worker-a", holding=["x", "y"])
    await Leases(connection, clock, holder="c").run("health", every_s=60, work=_done)

    found = await figures.figures()

    jobs = {figure.state: (figure.count, figure.oldest) for figure in found.jobs}
    assert jobs == {State.QUEUED: (2, NOW), State.DELIVERED: (4, old)}
    counts = {(m.to, m.state): m.count for m in found.mails}
    assert counts[MailTo.CUSTOMER, MailState.FAILED] == 2
    assert counts[MailTo.ADMIN, MailState.PENDING] == 3
    assert counts[MailTo.CUSTOMER, MailState.PENDING] == 0
    assert (found.workers.alive, found.workers.silent, found.workers.holding) == (1, 0, 2)
    [chore] = found.chores
    assert (chore.name, chore.period_s) == ("health", 60)
    assert chore.age_s is not None


async def _done() -> str:
    return "done"


async def test_attempts_of_the_last_day(
    connection: Connection, clock: FakeClock, figures: MongoFigures
) -> None:
    """Grouped by model, tier and outcome; buckets are cumulative and hold their own bound."""
    job = await put_job(connection, clock, 1)
    records = MongoRecords(connection, clock)
    for latency_ms in (900, 1_000, 1_001, 200_000):
        await records.attempt(job, horse(), make_attempt(latency_ms=latency_ms))
    await records.attempt(job, horse(), make_attempt(outcome=AttemptOutcome.TIMEOUT))
    await records.attempt(job, horse(), make_attempt(started_at=NOW - timedelta(hours=25)))

    accepted, timeout = (await figures.figures()).attempts

    assert (accepted.model, accepted.tier.value, accepted.outcome.value, accepted.count) == (
        "google/gemini-2.5-pro",
        "primary",
        "accepted",
        4,
    )
    assert (timeout.outcome, timeout.count) == (AttemptOutcome.TIMEOUT, 1)
    assert dict(zip(LATENCY_BOUNDS_MS, accepted.latency_buckets, strict=True)) == {
        bound: {1_000: 2}.get(bound, 3) for bound in LATENCY_BOUNDS_MS
    }
    assert dict(zip(COST_BOUNDS_USD, accepted.cost_buckets, strict=True)) == {
        bound: 4 if bound >= 0.047 else 0 for bound in COST_BOUNDS_USD
    }
    assert accepted.latency_ms == 202_901
    assert accepted.cost_usd == pytest.approx(4 * 0.047)


async def test_jobs_are_counted_from_the_index_alone(
    own_connection: Connection, clock: FakeClock
) -> None:
    """A scrape every fifteen seconds must not read every answer ever given."""
    await put_job(own_connection, clock, 1)
    group = {"_id": KNOWN_STATE, "count": {"$sum": 1}, "oldest": OLDEST}
    plan = await own_connection.database.command(
        "explain",
        {
            "aggregate": JOBS,
            "pipeline": [{"$match": {"state": {"$gte": MinKey()}}}, {"$group": group}],
            "cursor": {},
        },
        verbosity="executionStats",
    )
    stages = plan.get("stages", [{"$cursor": plan}])
    assert stages[0]["$cursor"]["executionStats"]["totalDocsExamined"] == 0


async def test_jobs_are_listed_newest_first(
    connection: Connection, clock: FakeClock, figures: MongoFigures
) -> None:
    """Of one state or of all, no more than asked for."""
    for number in range(3):
        await put_job(connection, clock, number, state="parked" if number == 1 else "queued")
        clock.advance(1)

    everything = await figures.jobs(None, 2)
    parked = await figures.jobs(State.PARKED, 10)

    assert [job.session_id for job in everything] == ["cs_live_2", "cs_live_1"]
    assert [job.session_id for job in parked] == ["cs_live_1"]


async def test_performance(connection: Connection, figures: MongoFigures) -> None:
    """Days at or after the first one, newest first, as the aggregation wrote them."""
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in (17, 18, 19)]
    metrics = {"total_requests": 2, "successful_requests": 1, "avg_user_rating": None}
    for day in days:
        await connection.collection(MODEL_PERFORMANCE).insert_one(
            {"model_id": "a/b", "date": day, "metrics": metrics, "updated_at": NOW}
        )

    found = await figures.performance(days[1])

    assert [(day.date.day, day.model_id) for day in found] == [(19, "a/b"), (18, "a/b")]
    assert found[0].metrics == metrics
