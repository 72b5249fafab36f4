"""Documents that were damaged by hand: the others live on, and a human hears of it."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from bson import Binary, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

from domain.answer import Tier
from domain.errors import Unavailable
from domain.health import ComponentState, Sort, Status, Watched
from domain.job import Kind, Money, Opening, ReasonCode, State
from ledger.connection import Connection
from ledger.handwork import Effect, Handwork
from ledger.health import HealthBook
from ledger.jobs import MongoJobs
from ledger.leases import Leases
from ledger.metrics import MongoFigures
from ledger.names import AI_REQUESTS, HEALTH_CHECKS, JOBS, LEASES, SWITCHES, WORKERS
from ledger.overview import Overview
from ledger.paid import PaidSessions
from ledger.switches import Switches
from ledger.workers import MongoPresence
from tests.builders import NOW
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import PAYMENT

ODD: Final[list[Any]] = [
    None, 7, float("nan"), True, "text", [], {"a": 1}, Decimal128("1.5"), Int64(2**63 - 1),
    ObjectId(), Binary(b"x"), Regex("a"), Timestamp(1, 1), MinKey(), MaxKey(),
    datetime(1, 1, 1, tzinfo=UTC), DatetimeMS(2**62), DatetimeMS(-(2**62)),
]  # fmt: skip
NEWER_WORDS: Final = {"state", "kind"}
"""An unknown word there is no damage but a newer build's: test_newer.py."""

SOUND: Final = "valuation:cs_live_sound"
BROKEN: Final = "valuation:cs_live_broken"


async def two_jobs(connection: Connection, clock: FakeClock, changes: dict[str, Any]) -> None:
    """Open two paid sessions and damage one of them."""
    paid = PaidSessions(connection, clock)
    for name in ("sound", "broken"):
        payment = PAYMENT.model_copy(update={"payment_intent": f"pi_{name}"})
        await paid.open(Opening(Kind.VALUATION, f"cs_live_{name}", None, payment))
    await connection.database[JOBS].update_one({"_id": BROKEN}, {"$set": changes})
    clock.advance(60)


async def look_at_all(connection: Connection, clock: FakeClock) -> None:
    """Read the jobs in every way there is, and find the sound one."""
    jobs, figures = MongoJobs(connection, clock), MongoFigures(connection, clock)
    overview = Overview(connection)
    assert SOUND in await jobs.due(10, rung_before=clock.now())
    assert SOUND in [line.id for line in await figures.jobs(None, 10)]
    assert SOUND in [job.id for job in await overview.newest(list(State), 10)]
    assert sum(figure.count for figure in (await figures.figures()).jobs) == 2
    assert sum(pile.count for pile in await overview.piles()) == 2
    assert sum((await jobs.backlog()).counts.values()) == 2
    await overview.mails()
    assert await jobs.release_forgotten("nobody", []) == 0


FIELDS: Final = sorted(
    {"kind", "session_id", "order_id", "holds_order", "state", "stage", "reason", "attempts"}
    | {"rounds", "deaths"}
    | {"rounds_for", "fence", "answer", "payment", "money", "mails", "certificate_number"}
    | {"created_at", "updated_at", "started_at", "reopened_at", "delivered_at", "rung_at", "extra"}
)


@pytest.mark.parametrize("field", FIELDS)
async def test_one_damaged_job(connection: Connection, clock: FakeClock, field: str) -> None:
    """The sound one is seen; the damaged one is worked or parked with its field, never stuck."""
    jobs, paid = MongoJobs(connection, clock), PaidSessions(connection, clock)
    for odd in ODD:
        if field in NEWER_WORDS and isinstance(odd, str):
            continue
        await connection.database[JOBS].delete_many({})
        await two_jobs(connection, clock, {field: odd})
        await look_at_all(connection, clock)

        claim = await jobs.claim(BROKEN, owner="me")

        stored = await connection.database[JOBS].find_one({"_id": BROKEN})
        assert stored is not None
        if claim is None:
            assert (stored["state"], stored["owner"], stored["not_before"]) == (
                "parked",
                None,
                None,
            )
            assert stored["reason"]["code"] == ReasonCode.INTERNAL_ERROR
            assert field in stored["reason"]["detail"]
        assert await jobs.claim(SOUND, owner="me") is not None
        assert (await paid.of_session("cs_live_sound")) is not None
        with suppress(*([Unavailable] if isinstance(odd, DatetimeMS) else [])):
            # A date beyond Python's years does not survive reading, so no guard can match it.
            for settled in await paid.settle("pi_broken", Money(fully_refunded=True)):
                assert settled.state is State.CANCELLED


async def test_a_repaired_job_is_worked(connection: Connection, clock: FakeClock) -> None:
    """Parked for its damage, repaired by hand, started again."""
    await two_jobs(connection, clock, {"attempts": "many", "fence": "high"})
    jobs = MongoJobs(connection, clock)
    assert await jobs.claim(BROKEN, owner="me") is None
    await connection.database[JOBS].update_one({"_id": BROKEN}, {"$set": {"attempts": 0}})

    handled = await Handwork(connection, clock).retry(BROKEN)

    assert handled.effect is Effect.REOPENED
    assert await jobs.claim(BROKEN, owner="me") is not None


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_a_strange_due_time_can_be_reset(
    connection: Connection, clock: FakeClock, odd: Any
) -> None:
    await two_jobs(connection, clock, {"not_before": odd, "deaths": odd})
    await look_at_all(connection, clock)
    if isinstance(odd, DatetimeMS):
        return

    handled = await Handwork(connection, clock).retry(BROKEN)

    assert handled.effect in {Effect.REOPENED, Effect.ALREADY_DUE}


async def test_a_delivered_job_stays_delivered(connection: Connection, clock: FakeClock) -> None:
    """What ended is not put back; only the mails that nobody can read are given up."""
    await two_jobs(connection, clock, {"state": "delivered", "mails": {"customer": "soon"}})

    assert await MongoJobs(connection, clock).claim(BROKEN, owner="me") is None

    job = await PaidSessions(connection, clock).of_session("cs_live_broken")
    assert job is not None
    assert (job.state, job.not_before) == (State.DELIVERED, None)


@pytest.mark.parametrize("name", [7, ObjectId(), {"a": 1}, None, DatetimeMS(2**62)], ids=repr)
async def test_a_job_of_a_strange_name(connection: Connection, clock: FakeClock, name: Any) -> None:
    """It could not even be rung, and would silence the bell for the others."""
    await two_jobs(connection, clock, {})
    broken = await connection.database[JOBS].find_one_and_delete({"_id": BROKEN})
    assert broken is not None
    await connection.database[JOBS].insert_one(broken | {"_id": name})

    await look_at_all(connection, clock)
    assert await MongoJobs(connection, clock).due(10, rung_before=clock.now()) == [SOUND]


async def test_an_orphan_whose_id_is_no_string(connection: Connection, clock: FakeClock) -> None:
    """Nobody takes it in hand: among names in a heartbeat it would stop the heart."""
    lost = {"owner": "worker-dead", "not_before": clock.now(), "state": "running"}
    await connection.collection(JOBS).insert_one(lost | {"_id": 7})
    assert await MongoJobs(connection, clock).orphans(10) == {}


async def test_an_orphan_without_a_fence(connection: Connection, clock: FakeClock) -> None:
    await two_jobs(connection, clock, {"owner": "dead"})
    await connection.database[JOBS].update_one({"_id": BROKEN}, {"$unset": {"fence": ""}})

    assert await MongoJobs(connection, clock).claim(BROKEN, owner="me") is not None


async def put_raw(connection: Connection, collection: str, document: dict[str, Any]) -> None:
    """Write around the validator, as whoever has the rights may."""
    await (
        connection.database[collection]
        .with_options()
        .insert_one(document, bypass_document_validation=True)
    )


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_other_collections(connection: Connection, clock: FakeClock, odd: Any) -> None:
    """Heartbeats, chores, components, attempts, switches: what cannot be read is left out."""
    presence, book = MongoPresence(connection), HealthBook(connection)
    await presence.beat("sound", holding=[])
    watched = Watched(name="sound", sort=Sort.SERVICE)
    sound = ComponentState(watched=watched, status=Status.HEALTHY, since=NOW, checked_at=NOW)
    component = {"_id": "component:sound", **sound.model_dump(mode="json"), "since": NOW}
    await put_raw(connection, HEALTH_CHECKS, component | {"checked_at": NOW})
    await put_raw(connection, WORKERS, {"_id": "odd", "seen_at": odd, "since": odd})
    await put_raw(connection, HEALTH_CHECKS, {"_id": "component:odd", "watched": odd})
    await put_raw(connection, LEASES, {"_id": "odd", "last_started": NOW, "last_success": odd})
    await put_raw(connection, SWITCHES, {"_id": "direct_only", "on": odd})
    attempt = {"timestamp": NOW, "model_asked": "a/b", "model_tier": "primary", "success": False}
    attempt |= {"error_details": odd, "response_data": odd}
    await put_raw(connection, AI_REQUESTS, attempt)

    assert [worker.owner for worker in await presence.workers() if worker.alive] == ["sound"]
    assert list(await book.recall()) == ["sound"]
    await Leases(connection, clock, holder="me").ages()
    await Switches(connection).direct_only()
    model = Watched(name="m", sort=Sort.MODEL, model="a/b", tier=Tier.PRIMARY)
    await book.attempts(model, NOW - timedelta(days=1))
    await MongoFigures(connection, clock).figures()
