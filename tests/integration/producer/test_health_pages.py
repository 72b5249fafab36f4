"""The pages for those who look after the shop, over a real ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.answer import Tier
from domain.health import ComponentState, HealthReport, Sort, Status, Watched
from domain.job import State
from ledger.connection import Connection
from ledger.health import HealthBook
from ledger.names import AI_REQUESTS, JOBS
from ledger.workers import MongoPresence
from tests.builders import SESSION_ID
from tests.integration.producer.conftest import Shop
from tests.stripe_events import event, session
from tests.unit.producer.fakes import ADMIN_TOKEN

FEEDBACK = f"/orders/{SESSION_ID}/feedback"


def state(name: str, status: Status, tier: Tier | None = None) -> ComponentState:
    now = datetime.now(UTC)
    sort = Sort.MODEL if tier else Sort.SERVICE
    return ComponentState(
        watched=Watched(name=name, sort=sort, tier=tier),
        status=status,
        since=now - timedelta(hours=1),
        checked_at=now,
    )


async def test_what_the_checks_kept_is_shown(shop: Shop, connection: Connection) -> None:
    """From the clock's process to the pages of this one, through the ledger."""
    states = (
        state("model:primary", Status.UNHEALTHY, Tier.PRIMARY),
        state("model:secondary", Status.HEALTHY, Tier.SECONDARY),
        state("redis", Status.HEALTHY),
    )
    report = HealthReport(
        status=Status.DEGRADED, checked_at=states[0].checked_at, components=states
    )
    await HealthBook(connection).keep(report)

    openrouter = (await shop.ask("/health/openrouter")).json()
    detailed = (await shop.ask("/health/detailed")).json()

    assert (openrouter["status"], openrouter["fallback_available"]) == ("degraded", True)
    assert detailed["status"] == "degraded"
    assert detailed["components"][2] == {"name": "redis", "status": "healthy"}


async def test_ready(shop: Shop) -> None:
    """MongoDB answers and the gate is open."""
    assert (await shop.ask("/health/ready")).status_code == 200


async def test_scrape(shop: Shop, connection: Connection) -> None:
    """One paid order, one worker, no Redis."""
    await shop.post(event(session()))
    await MongoPresence(connection).beat("worker-a", holding=[])

    page = (await shop.ask("/metrics", token=ADMIN_TOKEN)).text

    assert 'pferdewert_jobs{state="queued"} 1.0' in page
    assert 'pferdewert_paid_undelivered{waits_for="machine"} 1.0' in page
    assert 'pferdewert_workers{state="alive"} 1.0' in page
    assert "pferdewert_redis_up 0.0" in page
    assert 'decision="accepted"' in page


async def test_jobs_are_listed(shop: Shop) -> None:
    """As JSON, behind the token."""
    await shop.post(event(session()))

    [job] = (await shop.ask("/admin/jobs?state=queued", token=ADMIN_TOKEN)).json()["jobs"]

    assert (job["session_id"], job["state"]) == (SESSION_ID, "queued")
    assert (await shop.ask("/admin/jobs")).status_code == 401
    empty = await shop.ask("/admin/model-performance", token=ADMIN_TOKEN)
    assert empty.json() == {"days": 7, "models": []}


async def deliver(connection: Connection, answer: dict[str, Any] | None = None) -> None:
    changes = {"state": State.DELIVERED.value, "answer": answer}
    await connection.collection(JOBS).update_one({}, {"$set": changes})


async def test_a_rating_reaches_the_attempt(shop: Shop, connection: Connection) -> None:
    """409 before delivery, then stored beside the accepted attempt, and changeable."""
    await shop.post(event(session()))
    job = (await shop.jobs())[0]
    await connection.collection(AI_REQUESTS).insert_one(
        {
            "session_id": SESSION_ID,
            "job_id": job["_id"],
            "timestamp": datetime.now(UTC),
            "model_used": "a/b",
            "model_tier": "primary",
            "success": True,
        }
    )

    early = await shop.ask(FEEDBACK, body='{"rating": 5}')
    await deliver(connection)
    first = await shop.ask(FEEDBACK, body='{"rating": 5}')
    second = await shop.ask(FEEDBACK, body='{"rating": 3}')

    assert (early.status_code, first.json()["recorded"], second.status_code) == (409, True, 200)
    [request] = await connection.latest(AI_REQUESTS).find().to_list(None)
    assert request["user_feedback"]["rating"] == 3
