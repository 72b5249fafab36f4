"""Documents of `ai_requests` as short as a test can write them."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from domain.answer import AttemptOutcome
from domain.job import Kind
from ledger.connection import Connection, Document
from ledger.names import AI_REQUESTS, JOBS, MODEL_PERFORMANCE
from tests.builders import horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import DUTIES, make_answer, make_attempt
from tests.integration.ledger.world import MongoWorld

GEMINI: Final = "google/gemini-2.5-pro"
GPT: Final = "openai/gpt-4o"


def request(at: str, ms: float | None = 1000, *, model: str = GEMINI, **changes: Any) -> Document:
    """Return an accepted request; `at` is an ISO time in UTC."""
    return {
        "session_id": "cs_1",
        "timestamp": datetime.fromisoformat(at).replace(tzinfo=UTC),
        "model_used": model,
        "model_tier": "primary",
        "success": True,
        "response_data": {"response_time_ms": ms},
    } | changes


def failed(at: str, outcome: AttemptOutcome | None, **changes: Any) -> Document:
    details = {"outcome": outcome.value} if outcome else {"error_type": "of another age"}
    return request(at, success=False, error_details=details, **changes)


async def put(connection: Connection, *requests: Document) -> None:
    await connection.collection(AI_REQUESTS).insert_many(requests)


async def stored(connection: Connection, model: str = GEMINI) -> Document:
    """Return the one aggregate of a model."""
    query = {"model_id": model}
    [found] = await connection.latest(MODEL_PERFORMANCE).find(query, {"_id": 0}).to_list(None)
    return found


async def deliver(
    connection: Connection,
    session: str,
    kind: Kind = Kind.VALUATION,
    *,
    amount: int = 1490,
    currency: str = "eur",
    **attempt: Any,
) -> str:
    """Do what checkout and worker do with a paid session; return the job's id."""
    world = MongoWorld(FakeClock(), connection)
    order_id = hashlib.sha256(session.encode()).hexdigest()[:24]
    await world.put_order(kind, _id=order_id, stripeSessionId=session)
    job = await world.open(session, kind=kind, order_id=order_id)
    made = make_attempt(generation_id=f"gen-{session}", **attempt)
    await world.records.attempt(job, horse(), made)
    same = {name: getattr(made, name) for name in ("generation_id", "latency_ms", "model_served")}
    claim = await world.jobs.journal(await world.claim(job), make_answer(kind, **same))
    await world.jobs.deliver(claim, DUTIES)
    await change_job(
        connection, job.id, {"payment.amount_total": amount, "payment.currency": currency}
    )
    return job.id


async def change_job(connection: Connection, job_id: str, changes: Document) -> None:
    await connection.collection(JOBS).update_one({"_id": job_id}, {"$set": changes})
