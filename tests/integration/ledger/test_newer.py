"""Documents of a newer build: read as far as they can be, kept whole, and otherwise left to it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from domain.answer import Tier
from domain.errors import Unavailable
from domain.job import Job, Kind, MailDuty, MailState, MailTo, Money, ReasonCode, State
from ledger.connection import Connection
from ledger.handwork import Handwork, NotByHand
from ledger.metrics import MongoFigures
from ledger.names import JOBS
from ledger.overview import Overview
from ledger.paid import PaidSessions
from ledger.results import LEFT_ALONE_FOR
from tests.builders import NOW
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import CHAIN_EXHAUSTED, DUTIES
from tests.integration.ledger.world import Document, MongoWorld, World

THANKS: Final = {"state": "pending", "tries": 1, "not_before": NOW, "voucher": {"code": "A"}}
SENT: Final = MailDuty(state=MailState.SENT)


async def changed(connection: Connection, job: Job, changes: Mapping[str, Any]) -> None:
    await connection.collection(JOBS).update_one({"_id": job.id}, {"$set": dict(changes)})


@pytest.fixture
def mongo(clock: FakeClock, connection: Connection) -> MongoWorld:
    return MongoWorld(clock, connection)


async def ordered(world: World) -> Job:
    await world.put_order(Kind.VALUATION)
    return await world.open()


async def settled(world: World, job: Job) -> Document:
    """Take a job from its claim to the last mail that this build knows."""
    claim = await world.answered(job)
    claim = await world.jobs.deliver(claim, DUTIES)
    claim = await world.jobs.settle_mail(claim, MailTo.CUSTOMER, SENT)
    await world.jobs.settle_mail(claim, MailTo.ADMIN, SENT, rest=True)
    return await world.stored(job.id)


def is_kept(stored: Document) -> bool:
    """Say whether everything the newer build wrote about its mail is still there."""
    return bool(stored["mails"]["thanks"].items() >= THANKS.items())


PASSED_OVER: Final[dict[str, dict[str, Any]]] = {
    "stage": {"stage": "polishing"},
    "reason": {"state": "waiting", "reason": {"code": "model_retired", "hint": 7}},
    "rounds_for": {"state": "waiting", "rounds_for": "model_retired", "rounds": 3},
    "fields": {"quality": {"score": 0.9}, "payment.wallet": "x", "money.held": 3},
    "mail": {"mails": {"thanks": THANKS}},
    "mail_state": {"mails": {"delay": {"state": "deferred"}}},
}


@pytest.mark.parametrize("changes", PASSED_OVER.values(), ids=PASSED_OVER)
async def test_what_can_be_passed_over_is_worked(
    mongo: MongoWorld, connection: Connection, changes: dict[str, Any]
) -> None:
    """Claimed, delivered and told; what is not ours stands there as before."""
    job = await ordered(mongo)
    await changed(connection, job, changes)

    stored = await settled(mongo, job)

    assert stored["state"] == "delivered"
    assert stored["mails"]["customer"]["state"] == "sent"
    assert stored.get("quality") == changes.get("quality")
    for to, duty in changes.get("mails", {}).items():
        assert stored["mails"][to].items() >= duty.items()


async def test_a_paid_answer_of_a_tier_we_do_not_have(
    mongo: MongoWorld, connection: Connection
) -> None:
    """It is delivered as it is, not bought again."""
    claim = await mongo.answered(await ordered(mongo))
    await mongo.jobs.release(claim)
    await changed(connection, claim.job, {"answer.tier": "local", "answer.sources": ["x"]})

    taken = await mongo.claim(claim.job, "worker-b")
    assert taken.job.answer is not None
    assert taken.job.answer.tier is Tier.EMERGENCY
    await mongo.jobs.deliver(taken, DUTIES)

    answer = (await mongo.stored(taken.job_id))["answer"]
    assert (answer["tier"], answer["sources"]) == ("local", ["x"])


async def test_a_reason_is_told_and_never_written_back(
    mongo: MongoWorld, connection: Connection
) -> None:
    job = await mongo.open(reason=CHAIN_EXHAUSTED)
    reason = {"code": "model_retired", "field": None, "detail": "gone since Monday"}
    await changed(connection, job, {"reason": reason})

    claim = await mongo.claim(job)
    await mongo.jobs.rest(claim)

    assert claim.job.reason is not None
    assert claim.job.reason.code is ReasonCode.NEWER_BUILD
    assert claim.job.reason.detail == "model_retired: gone since Monday"
    assert (await mongo.stored(job.id))["reason"] == reason
    [pile] = await Overview(connection).piles()
    assert (pile.state, pile.code) == (State.PARKED, ReasonCode.NEWER_BUILD)


async def put_thanks(world: World, job: Job, **changes: Any) -> None:
    """Owe a mail as a newer build does, on either ledger."""
    document = await world.stored(job.id)
    mails = document["mails"] | {"thanks": THANKS}
    if isinstance(world, MongoWorld):
        update = {"$set": {"mails": mails} | changes}
        await world._connection.collection(JOBS).update_one({"_id": job.id}, update)
    else:
        await world.put(JOBS, document | {"mails": mails} | changes)


async def test_a_mail_of_a_newer_build_is_left_to_it(world: World) -> None:
    """We come by once a minute, send nothing, and count neither death nor attempt."""
    job = await ordered(world)
    await put_thanks(world, job)
    stored = await settled(world, job)
    for _ in range(3):
        assert is_kept(stored)
        assert (stored["owner"], stored["deaths"], stored["attempts"]) == (None, 0, 1)
        assert stored["not_before"] == world.clock.now() + LEFT_ALONE_FOR
        assert await world.jobs.due(9, rung_before=world.clock.now()) == []

        world.clock.advance(LEFT_ALONE_FOR.total_seconds())
        await world.jobs.rest(await world.claim(job, "worker-b"))
        stored = await world.stored(job.id)


async def test_our_own_mail_comes_before_theirs(world: World) -> None:
    """A retry of ours in ten seconds is not put off by the minute for the newer build."""
    job = await ordered(world)
    await put_thanks(world, job)
    claim = await world.jobs.deliver(await world.answered(job), DUTIES)
    soon = world.clock.now() + timedelta(seconds=10)
    await world.jobs.settle_mail(claim, MailTo.CUSTOMER, MailDuty(not_before=soon))
    await world.jobs.settle_mail(claim, MailTo.ADMIN, SENT, rest=True)

    assert (await world.stored(job.id))["not_before"] == soon


async def test_their_mail_that_is_settled_wakes_nobody(world: World) -> None:
    job = await ordered(world)
    await put_thanks(world, job)
    stored = await world.stored(job.id)
    await put_thanks(world, job, mails=stored["mails"] | {"thanks": THANKS | {"state": "sent"}})

    assert (await settled(world, job))["not_before"] is None


async def test_parking_keeps_their_mail(world: World) -> None:
    job = await ordered(world)
    await put_thanks(world, job)
    await world.jobs.park(await world.claim(job), CHAIN_EXHAUSTED)

    stored = await world.stored(job.id)
    assert is_kept(stored)
    assert stored["mails"].keys() == {"thanks", "delay", "refund-proposal"}


async def test_a_cancelled_job_owes_their_mail_alone(world: World) -> None:
    """Ours about a parking are void; the job is left for a minute, not fetched again at once."""
    job = await world.open(reason=CHAIN_EXHAUSTED)
    await put_thanks(world, job, state="cancelled", not_before=world.clock.now())
    await world.jobs.rest(await world.claim(job))

    assert (await world.stored(job.id))["not_before"] == world.clock.now() + LEFT_ALONE_FOR


FOREIGN: Final[list[dict[str, Any]]] = [
    {"state": "reviewing"},
    {"kind": "ultrasound"},
    {"state": "reviewing", "attempts": {"by": "tier"}},
    {"state": "reviewing", "owner": "a-dead-worker"},
]


@pytest.mark.parametrize("changes", FOREIGN)
async def test_an_unknown_state_or_kind_is_left_alone(
    mongo: MongoWorld, connection: Connection, changes: dict[str, Any]
) -> None:
    """Nobody claims, parks, retries or cancels it; it is said once, shown, and stays as it is."""
    job, clock = await ordered(mongo), mongo.clock
    await changed(connection, job, changes)
    before = await mongo.stored(job.id)
    handwork, paid = Handwork(connection, clock), PaidSessions(connection, clock)

    with capture_logs() as logs:
        for _ in range(3):
            assert await mongo.jobs.claim(job.id, owner="worker-b") is None
    assert [entry["event"] for entry in logs] == ["job_left_to_newer_build"]
    clock.advance(60)
    assert await mongo.jobs.due(9, rung_before=clock.now()) == []
    assert await mongo.jobs.orphans(9) == {}
    with pytest.raises(Unavailable, match="newer build"):
        await paid.settle(f"pi_{job.session_id}", Money(heard=1, fully_refunded=True))
    with pytest.raises(NotByHand, match="newer build"):
        await handwork.retry(job.id)
    assert await mongo.stored(job.id) == before


@pytest.mark.parametrize("changes", FOREIGN)
async def test_it_is_shown_and_counted_as_waiting(
    mongo: MongoWorld, connection: Connection, changes: dict[str, Any]
) -> None:
    """Neither hidden nor hiding another."""
    job = await ordered(mongo)
    other = await mongo.open("cs_live_other", order_id=None)
    await changed(connection, job, changes)
    overview, figures = Overview(connection), MongoFigures(connection, mongo.clock)

    shown = {found.id: found for found in await overview.newest(list(State), 9)}
    assert shown.keys() == {job.id, other.id}
    assert {line.id for line in await figures.jobs(None, 9)} == {job.id, other.id}
    if "state" in changes:
        assert [line.id for line in await figures.jobs(State.WAITING, 9)] == [job.id]
    reason = shown[job.id].reason
    assert reason is not None
    assert reason.code is ReasonCode.NEWER_BUILD
    counts = {heap.state: heap.count for heap in await figures.by_state()}
    is_unknown = "state" in changes
    expected = {State.QUEUED: 1, State.WAITING: 1} if is_unknown else {State.QUEUED: 2}
    assert counts == expected
    seen = await PaidSessions(connection, mongo.clock).of_session(job.session_id)
    assert seen is not None
    assert seen.state is (State.WAITING if is_unknown else State.QUEUED)


async def test_it_is_worked_once_the_newer_build_is_done_with_it(
    mongo: MongoWorld, connection: Connection
) -> None:
    job = await ordered(mongo)
    await changed(connection, job, {"state": "reviewing"})
    assert await mongo.jobs.claim(job.id, owner="worker-b") is None

    await changed(connection, job, {"state": "queued"})

    assert (await settled(mongo, job))["state"] == "delivered"


BORN_LATER: Final = sorted(
    {"rounds_for", "deaths", "reopened_at", "parked_at", "told_at", "holds_order", "money"}
    | {"rung_at", "cancelled_from", "stage", "mails", "payment", "certificate_number"}
)
"""What jobs did not have from the beginning, and what needs no value to be worked."""


@pytest.mark.parametrize("field", BORN_LATER)
async def test_a_job_of_an_older_build(
    mongo: MongoWorld, connection: Connection, field: str
) -> None:
    """Whatever it was born without, it waits, is taken up again, delivered and told."""
    job = await ordered(mongo)
    await connection.collection(JOBS).update_one({"_id": job.id}, {"$unset": {field: ""}})
    mongo.clock.advance(60)
    assert await mongo.jobs.due(9, rung_before=mongo.clock.now()) == [job.id]
    await mongo.jobs.wait(await mongo.claim(job), mongo.clock.now(), CHAIN_EXHAUSTED)

    stored = await settled(mongo, job)

    assert (stored["state"], stored["not_before"], stored["deaths"]) == ("delivered", None, 0)


@pytest.mark.parametrize("field", BORN_LATER)
async def test_an_older_builds_job_is_parked_and_retried(
    mongo: MongoWorld, connection: Connection, field: str
) -> None:
    job = await ordered(mongo)
    await connection.collection(JOBS).update_one({"_id": job.id}, {"$unset": {field: ""}})
    await mongo.jobs.park(await mongo.claim(job), CHAIN_EXHAUSTED)
    await connection.collection(JOBS).update_one({"_id": job.id}, {"$unset": {field: ""}})

    handled = await Handwork(connection, mongo.clock).retry(job.id)

    assert handled.job.state is State.QUEUED
    assert (await mongo.claim(handled.job)).job.state is State.RUNNING


def test_every_field_but_the_birth_has_a_default() -> None:
    """A further field must not make the jobs unreadable that were born without it."""
    required = {name for name, field in Job.model_fields.items() if field.is_required()}
    assert required == {"id", "kind", "session_id", "state", "created_at", "updated_at"}
    for part in (MailDuty, Money):
        assert not [name for name, field in part.model_fields.items() if field.is_required()]
