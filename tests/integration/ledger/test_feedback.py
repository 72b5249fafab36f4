"""Ratings stand beside the attempt that produced the result."""

from datetime import timedelta
from typing import Any

from domain.answer import AttemptOutcome
from domain.job import Job, Kind, Opening
from ledger.connection import Connection
from ledger.feedback import Feedback
from ledger.names import AI_REQUESTS
from ledger.paid import PaidSessions
from ledger.records import MongoRecords
from tests.builders import NOW, ORDER_ID, SESSION_ID, horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import PAYMENT, make_answer, make_attempt


async def job_with_attempts(connection: Connection, clock: FakeClock, *attempts: Any) -> Job:
    job, _ = await PaidSessions(connection, clock).open(
        Opening(Kind.VALUATION, SESSION_ID, ORDER_ID, PAYMENT)
    )
    for attempt in attempts:
        await MongoRecords(connection, clock).attempt(job, horse(), attempt)
    return job.model_copy(update={"answer": make_answer(generation_id="gen-2")})


async def rated(connection: Connection) -> list[dict[str, Any]]:
    query = {"user_feedback": {"$exists": True}}
    return await connection.latest(AI_REQUESTS).find(query).to_list(None)


async def test_the_delivered_attempt_is_rated(connection: Connection, clock: FakeClock) -> None:
    """Not a failed one, and not an accepted one whose answer was never delivered."""
    job = await job_with_attempts(
        connection,
        clock,
        make_attempt(outcome=AttemptOutcome.TIMEOUT, generation_id="gen-2"),
        make_attempt(generation_id="gen-2"),
        make_attempt(generation_id="gen-3", started_at=NOW + timedelta(minutes=1)),
    )
    clock.advance(60)

    assert await Feedback(connection, clock).rate(job, 4)

    [request] = await rated(connection)
    assert (request["generation_id"], request["success"]) == ("gen-2", True)
    assert request["user_feedback"] == {"rating": 4, "timestamp": clock.now()}
    assert request["updated_at"] == clock.now()
    assert request["timestamp"] == NOW


async def test_a_later_rating_replaces_the_earlier(
    connection: Connection, clock: FakeClock
) -> None:
    """One order, one rating."""
    job = await job_with_attempts(connection, clock, make_attempt(generation_id="gen-2"))
    feedback = Feedback(connection, clock)
    await feedback.rate(job, 2)
    clock.advance(3600)
    await feedback.rate(job, 5)

    [request] = await rated(connection)
    assert request["user_feedback"] == {"rating": 5, "timestamp": clock.now()}


async def test_a_provider_without_generation_ids(connection: Connection, clock: FakeClock) -> None:
    """Then the newest accepted attempt is the one."""
    job = await job_with_attempts(
        connection,
        clock,
        make_attempt(generation_id=None),
        make_attempt(generation_id=None, started_at=NOW + timedelta(minutes=1)),
    )
    job = job.model_copy(update={"answer": make_answer(generation_id=None)})

    assert await Feedback(connection, clock).rate(job, 3)

    [request] = await rated(connection)
    assert request["timestamp"] == NOW + timedelta(minutes=1)


async def test_without_a_record_nothing_is_written(
    connection: Connection, clock: FakeClock
) -> None:
    """Where attempts are not tracked a rating has no place."""
    job = await job_with_attempts(connection, clock)

    assert not await Feedback(connection, clock).rate(job, 3)
    assert await rated(connection) == []
