"""Every day of every model ends up in `model_performance`, exactly and once."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from pymongo.errors import OperationFailure

from domain.answer import AttemptOutcome, Tier, Usage
from domain.job import Kind
from ledger.connection import Connection
from ledger.feedback import Feedback
from ledger.names import AI_REQUESTS, MODEL_PERFORMANCE
from ledger.performance import MongoPerformance
from ledger.performance_stages import COUNT_RESPONSE_TIMES
from tests.builders import NOW, horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.attempts import (
    GEMINI,
    GPT,
    change_job,
    deliver,
    failed,
    put,
    request,
    stored,
)
from tests.integration.ledger.examples import make_attempt
from tests.integration.ledger.world import MongoWorld

DAY = date(2026, 11, 20)
FIRST = date(2026, 10, 17)
BSON_OBJECT_TOO_LARGE = 10334


@pytest.fixture
def performance(connection: Connection) -> MongoPerformance:
    return MongoPerformance(connection, limit_s=60)


@pytest.fixture
def shop(connection: Connection, clock: FakeClock) -> MongoWorld:
    return MongoWorld(clock, connection)


async def test_the_figures_of_a_day(
    shop: MongoWorld, connection: Connection, performance: MongoPerformance
) -> None:
    """Both products, two models, an unaccepted answer: under the owner's names, and ours."""
    usage = Usage(
        input_tokens=900, output_tokens=100, reasoning_tokens=60, cached_tokens=300, cost_usd=0.25
    )
    model: dict[str, Any] = {"model_served": GEMINI, "usage": usage}
    valuation = await deliver(connection, "cs_1", latency_ms=1000, **model)
    await deliver(connection, "cs_2", Kind.CERTIFICATE, amount=4990, latency_ms=2000, **model)
    await deliver(
        connection, "cs_3", amount=1990, currency="chf", model_served=GPT, tier=Tier.TERTIARY
    )
    job = await shop.get(valuation)
    bad = make_attempt(outcome=AttemptOutcome.UNACCEPTED, latency_ms=3000, **model)
    await shop.records.attempt(job, horse(), bad)
    await Feedback(connection, shop.clock).rate(job, 4)

    summary = await performance.aggregate_day(DAY)

    assert [(m.model_id, m.total_requests, m.kept) for m in summary.models] == [
        (GEMINI, 3, False),
        (GPT, 1, False),
    ]
    found = await stored(connection)
    assert datetime.now(UTC) - found.pop("updated_at") < timedelta(minutes=1)
    assert found == {
        "model_id": GEMINI,
        "date": datetime(2026, 11, 20, tzinfo=UTC),
        "metrics": {
            "total_requests": 3,
            "successful_requests": 2,
            "failed_requests": 1,
            "avg_response_time_ms": 2000.0,
            "p50_response_time_ms": 2000.0,
            "p95_response_time_ms": pytest.approx(2900.0),
            "p99_response_time_ms": pytest.approx(2980.0),
            "total_tokens_used": 3000,
            "reasoning_tokens": 180,
            "cached_tokens": 900,
            "total_cost_usd": 0.75,
            "avg_user_rating": 4.0,
            "acceptance_rate": pytest.approx(2 / 3),
            "fallback_frequency": 0.0,
            "delivered_orders": 2,
            "revenue": {"eur": 64.8},
            "margin": pytest.approx(64.05),
        },
        "error_breakdown": {
            "timeout_errors": 0,
            "rate_limit_errors": 0,
            "api_errors": 0,
            "other_errors": 1,
        },
    }
    other = (await stored(connection, GPT))["metrics"]
    assert (other["fallback_frequency"], other["revenue"]) == (1.0, {"chf": 19.9})


async def test_failures_by_kind(connection: Connection, performance: MongoPerformance) -> None:
    """Every failed request is one error; what is neither of the three kinds is another."""
    outcomes = [
        *[AttemptOutcome.TIMEOUT] * 4,
        *[AttemptOutcome.RATE_LIMIT] * 3,
        *[AttemptOutcome.API_ERROR] * 2,
        AttemptOutcome.OTHER,
        AttemptOutcome.UNACCEPTED,
        None,
    ]
    await put(connection, *(failed("2026-11-20T10:00", outcome) for outcome in outcomes))
    await performance.aggregate_day(DAY)
    found = await stored(connection)
    assert found["error_breakdown"] == {
        "timeout_errors": 4,
        "rate_limit_errors": 3,
        "api_errors": 2,
        "other_errors": 3,
    }
    metrics = found["metrics"]
    assert (metrics["failed_requests"], metrics["successful_requests"]) == (12, 0)
    assert (metrics["acceptance_rate"], metrics["revenue"]) == (0.0, {})


async def test_a_day_is_a_utc_day(connection: Connection, performance: MongoPerformance) -> None:
    """From midnight until just before the next one."""
    times = ["2026-11-19T23:59:59.999", "2026-11-20T00:00", "2026-11-20T23:59:59.999"]
    await put(connection, *(request(at) for at in [*times, "2026-11-21T00:00"]))
    assert (await performance.aggregate_day(DAY)).total_requests == 2


async def test_percentiles_are_exact(connection: Connection, performance: MongoPerformance) -> None:
    """The figures that numpy finds in all values at once; requests without a time do not count."""
    draw = np.random.default_rng(7)
    times = [round(ms) for ms in draw.lognormal(9, 1, 5000)]
    await put(connection, *(request("2026-11-20T10:00", ms) for ms in [*times, None]))
    await performance.aggregate_day(DAY)
    metrics = (await stored(connection))["metrics"]
    for percent in (50, 95, 99):
        expected = np.percentile(times, percent)
        assert metrics[f"p{percent}_response_time_ms"] == pytest.approx(expected)
    assert metrics["avg_response_time_ms"] == pytest.approx(np.mean(times))


async def test_unknown_figures_are_null(
    connection: Connection, performance: MongoPerformance
) -> None:
    """No time, no rating, no answer: null, not zero."""
    await put(connection, failed("2026-11-20T10:00", AttemptOutcome.TIMEOUT, response_data={}))
    await performance.aggregate_day(DAY)
    metrics = (await stored(connection))["metrics"]
    for name in ("avg_response_time_ms", "p95_response_time_ms", "avg_user_rating"):
        assert metrics[name] is None
    assert metrics["acceptance_rate"] is None


async def test_fractions_of_a_millisecond_are_legal(
    connection: Connection, performance: MongoPerformance
) -> None:
    """Other writers may store doubles."""
    await put(connection, *(request("2026-11-20T10:00", ms) for ms in (1.5, 2.5, 2)))
    await performance.aggregate_day(DAY)
    assert (await stored(connection))["metrics"]["p50_response_time_ms"] == 2.0


async def test_doing_it_again_changes_nothing(
    connection: Connection, performance: MongoPerformance
) -> None:
    """One document per model and day, with the same figures."""
    await put(connection, request("2026-11-20T10:00"), request("2026-11-20T11:00", 3000))
    await performance.aggregate_day(DAY)
    before = await stored(connection)
    await performance.aggregate_day(DAY)
    after = await stored(connection)
    assert after.pop("updated_at") >= before.pop("updated_at")
    assert after == before


async def test_days_without_an_aggregate_are_stale(
    connection: Connection, performance: MongoPerformance
) -> None:
    """Missed days are found, days without requests are not, and the window is a bound."""
    days = ["2026-10-16", "2026-10-17", "2026-11-03", "2026-11-20", "2026-11-21"]
    await put(connection, *(request(f"{day}T12:00") for day in days))
    stale = await performance.stale_days(FIRST, DAY)
    assert stale == [FIRST, date(2026, 11, 3), DAY]
    for day in stale:
        await performance.aggregate_day(day)
    assert await performance.stale_days(FIRST, DAY) == []


@pytest.mark.parametrize("model", [GEMINI, GPT])
async def test_late_requests_are_counted(
    connection: Connection, performance: MongoPerformance, model: str
) -> None:
    """A worker that was cut off writes after the aggregation: of a known model or of a new one."""
    await put(connection, request("2026-11-20T10:00"))
    await performance.aggregate_day(DAY)
    await put(connection, request("2026-11-20T10:01", model=model))
    assert await performance.stale_days(FIRST, DAY) == [DAY]
    assert (await performance.aggregate_day(DAY)).total_requests == 2
    assert await performance.stale_days(FIRST, DAY) == []


async def test_late_ratings_are_counted(
    shop: MongoWorld, connection: Connection, performance: MongoPerformance
) -> None:
    """Customers rate days later; the day of the request then has news."""
    job = await shop.get(await deliver(connection, "cs_1", model_served=GEMINI))
    await performance.aggregate_day(DAY)
    await _make_older(connection, days=2)
    assert await performance.stale_days(FIRST, DAY) == []
    await Feedback(connection, FakeClock(datetime.now(UTC) - timedelta(days=1))).rate(job, 5)
    assert await performance.stale_days(FIRST, DAY) == [DAY]
    await performance.aggregate_day(DAY)
    assert (await stored(connection))["metrics"]["avg_user_rating"] == 5.0
    assert await performance.stale_days(FIRST, DAY) == []


async def test_aggregates_outlive_their_requests(
    connection: Connection, performance: MongoPerformance
) -> None:
    """Requests are deleted after a while; the figures of their day stay."""
    await put(connection, request("2026-11-20T10:00", 1000), request("2026-11-20T10:01", 3000))
    await performance.aggregate_day(DAY)
    await connection.collection(AI_REQUESTS).delete_one({"response_data.response_time_ms": 1000})
    assert await performance.stale_days(FIRST, DAY) == []
    [model] = (await performance.aggregate_day(DAY)).models
    assert model.kept
    assert (await stored(connection))["metrics"]["total_requests"] == 2


async def test_an_order_is_earned_once(
    shop: MongoWorld, connection: Connection, performance: MongoPerformance
) -> None:
    """Two accepted answers of one job, one of them lost: the money counts once, refunds less."""
    job_id = await deliver(connection, "cs_1", model_served=GEMINI)
    lost = make_attempt(generation_id="gen-lost", model_served=GEMINI)
    await shop.records.attempt(await shop.get(job_id), horse(), lost)
    undelivered = await deliver(connection, "cs_2", model_served=GEMINI)
    await change_job(connection, undelivered, {"state": "answered"})
    await change_job(connection, job_id, {"money.refunded": 490})
    await performance.aggregate_day(DAY)
    metrics = (await stored(connection))["metrics"]
    assert (metrics["successful_requests"], metrics["delivered_orders"]) == (3, 1)
    assert metrics["revenue"] == {"eur": 10.0}


async def test_orders_of_direct_providers_are_earned_too(
    connection: Connection, performance: MongoPerformance
) -> None:
    """An answer without a generation id is known by its time."""
    job_id = await deliver(connection, "cs_1", model_served="gpt-4o", latency_ms=4321)
    await change_job(connection, job_id, {"answer.generation_id": None})
    without = {"$set": {"generation_id": None}}
    await connection.collection(AI_REQUESTS).update_many({}, without)
    await performance.aggregate_day(DAY)
    assert (await stored(connection, "gpt-4o"))["metrics"]["delivered_orders"] == 1


async def test_a_day_without_requests_writes_nothing(
    connection: Connection, performance: MongoPerformance
) -> None:
    """Silence is no model."""
    assert (await performance.aggregate_day(DAY)).models == ()
    assert await connection.latest(MODEL_PERFORMANCE).count_documents({}) == 0


async def test_response_times_are_read_from_the_index_alone(
    connection: Connection,
) -> None:
    """Documents with horses and rejected texts stay where they are."""
    await put(connection, *(request("2026-11-20T10:00", ms) for ms in range(200)))
    match = {
        "model_used": GEMINI,
        "timestamp": {"$gte": NOW - timedelta(days=1), "$lt": NOW},
        "response_data.response_time_ms": {"$gte": 0},
    }
    aggregate = {
        "aggregate": AI_REQUESTS,
        "pipeline": [{"$match": match}, *COUNT_RESPONSE_TIMES],
        "cursor": {},
    }
    plan = await connection.database.command({"explain": aggregate, "verbosity": "executionStats"})
    assert set(_values(plan, "totalDocsExamined")) == {0}
    assert set(_values(list(_values(plan, "winningPlan")), "indexName")) == {"latency"}


@pytest.mark.timeout(60)
async def test_more_response_times_than_a_document_holds(connection: Connection) -> None:
    """1.4 million: collecting them all breaks at 16 MB, counting equal ones does not."""
    thousand = {"$range": [0, 1000]}
    stream: list[dict[str, Any]] = [
        {"$project": {"n": {"$range": [0, 1400]}}},
        {"$unwind": "$n"},
        {"$project": {"n": 1, "m": thousand}},
        {"$unwind": "$m"},
        {"$project": {"ms": {"$mod": [{"$add": [{"$multiply": ["$n", 977]}, "$m"]}, 100_000]}}},
        {"$project": {"_id": 0, "response_data.response_time_ms": "$ms"}},
    ]
    seeds = connection.collection("seeds")
    await seeds.insert_one({"_id": 1})
    all_of_them = {"$group": {"_id": None, "times": {"$push": "$response_data.response_time_ms"}}}
    async with connection.answering(limit_s=50):
        with pytest.raises(OperationFailure) as refused:
            await seeds.aggregate([*stream, all_of_them], allowDiskUse=True).to_list(None)
        assert refused.value.code == BSON_OBJECT_TOO_LARGE
        counted = await seeds.aggregate([*stream, *COUNT_RESPONSE_TIMES]).to_list(None)
    expected = Counter((n * 977 + m) % 100_000 for n in range(1400) for m in range(1000))
    assert {found["_id"]: found["count"] for found in counted} == expected


async def _make_older(connection: Connection, *, days: int) -> None:
    earlier = {"$subtract": ["$updated_at", days * 86_400_000]}
    await connection.collection(MODEL_PERFORMANCE).update_many(
        {}, [{"$set": {"updated_at": earlier}}]
    )


def _values(plan: Any, key: str) -> Iterator[Any]:
    """Yield every value of `key`, however deep."""
    children = plan.values() if isinstance(plan, dict) else plan if isinstance(plan, list) else ()
    if isinstance(plan, dict) and key in plan:
        yield plan[key]
    for child in children:
        yield from _values(child, key)
