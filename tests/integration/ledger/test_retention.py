"""Old words go, in batches, and whatever is still needed stays."""

from datetime import timedelta
from typing import Any

import pytest

from domain.answer import AttemptOutcome
from domain.job import Job, Kind, State
from ledger.connection import Connection
from ledger.names import AI_REQUESTS, ERROR_LOGS, JOBS, ORDERS, STRIPE_EVENTS
from ledger.retention import EXPIRY, Ages, MongoRetention
from tests.builders import NOW, horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.attempts import change_job
from tests.integration.ledger.examples import (
    CHAIN_EXHAUSTED,
    DUTIES,
    REPORT,
    after,
    make_attempt,
    make_notice,
)
from tests.integration.ledger.world import MongoWorld

AGES = Ages(
    words=timedelta(days=90),
    attempts=timedelta(days=400),
    events=timedelta(days=300),
    errors=timedelta(days=60),
)
DAY = 86_400
HELD_BACK = "Leider ein Geheimnis."


@pytest.fixture
async def connection(own_connection: Connection) -> Connection:
    """The retention sets the ages of the TTL indexes."""
    return own_connection


@pytest.fixture
def shop(clock: FakeClock, connection: Connection) -> MongoWorld:
    return MongoWorld(clock, connection)


@pytest.fixture
def retention(clock: FakeClock, connection: Connection) -> MongoRetention:
    return MongoRetention(connection, clock, AGES, batch=2)


async def deliver(shop: MongoWorld, number: int, kind: Kind = Kind.VALUATION) -> Job:
    """Deliver an order with all its mails sent."""
    session, order_id = f"cs_{number}", f"{number:024x}"
    await shop.put_order(kind, _id=order_id, stripeSessionId=session)
    job = await shop.open(session, kind=kind, order_id=order_id)
    claim = await shop.jobs.deliver(await shop.answered(job), DUTIES)
    for to in DUTIES:
        sent = claim.job.mails[to].model_copy(update={"state": "sent"})
        claim = await shop.jobs.settle_mail(claim, to, sent)
    await shop.jobs.rest(claim)
    return await shop.get(job.id)


async def test_delivered_jobs_are_slimmed_batch_by_batch(
    shop: MongoWorld, retention: MongoRetention
) -> None:
    """Three old ones in batches of two; figures, mails and the order itself stay."""
    before = [await deliver(shop, number) for number in range(3)]
    orders = await shop.documents(ORDERS[Kind.VALUATION])
    assert await retention.slim_delivered() == 0
    shop.clock.advance(91 * DAY)
    young = await deliver(shop, 9)

    counts = [await retention.slim_delivered() for _ in range(3)]

    assert counts == [2, 1, 0]
    now = await shop.get(before[0].id)
    assert now.answer
    assert (now.answer.text, now.slimmed_at) == ("", shop.clock.now())
    answer = before[0].answer
    assert answer
    same = now.model_copy(
        update={"slimmed_at": None, "answer": now.answer.model_copy(update={"text": answer.text})}
    )
    assert same == before[0]
    assert (await shop.get(young.id)).slimmed_at is None
    assert orders == (await shop.documents(ORDERS[Kind.VALUATION]))[:3]


async def test_certificates_give_their_data_away_too(
    shop: MongoWorld, retention: MongoRetention
) -> None:
    """Number and prices stay."""
    job = await deliver(shop, 1, Kind.CERTIFICATE)
    shop.clock.advance(91 * DAY)
    await retention.slim_delivered()

    slim = await shop.get(job.id)
    assert slim.answer
    assert (slim.answer.certificate, slim.answer.price_low) == (None, 18000)
    assert slim.certificate_number == job.certificate_number


async def test_what_is_still_owed_keeps_its_words(
    shop: MongoWorld, retention: MongoRetention
) -> None:
    """A mail not sent, a job in work, a parked one: whatever their age."""
    await shop.put_order(Kind.VALUATION)
    mailing = await shop.jobs.deliver(await shop.answered(await shop.open()), DUTIES)
    await shop.jobs.rest(mailing)
    parked = await shop.answered(await shop.open("cs_2", order_id=None))
    await shop.jobs.park(parked, CHAIN_EXHAUSTED)
    await shop.answered(await shop.open("cs_3", order_id=None))
    shop.clock.advance(1000 * DAY)

    assert await retention.slim_delivered() == 0
    assert await retention.slim_cancelled() == 0
    assert all(job["answer"]["text"] == REPORT for job in await shop.documents(JOBS))


async def test_a_cancelled_job_that_comes_back_asks_a_model_again(
    shop: MongoWorld, retention: MongoRetention
) -> None:
    """Its answer is gone as a whole, so nobody takes an empty text for a result."""
    job = await shop.open()
    await shop.answered(job)
    payment = f"pi_{job.session_id}"
    await shop.paid.settle(payment, job.money.model_copy(update={"disputes": {"dp": "lost"}}))
    assert (await shop.get(job.id)).state is State.CANCELLED
    shop.clock.advance(91 * DAY)
    fence = (await shop.get(job.id)).fence

    assert await retention.slim_cancelled() == 1

    slim = await shop.get(job.id)
    assert (slim.answer, slim.fence) == (None, fence + 1)
    await change_job(shop._connection, job.id, {"money.disputes": {}})
    await shop.paid.settle(payment, job.money.model_copy(update={"disputes": {"dp": "won"}}))
    assert (await shop.get(job.id)).state is State.QUEUED


async def test_attempts_lose_their_words_and_keep_their_figures(
    shop: MongoWorld, retention: MongoRetention
) -> None:
    """Horse, rejected text and the provider's message go."""
    job = await shop.open()
    bad = {
        "outcome": AttemptOutcome.UNACCEPTED,
        "rejected_text": HELD_BACK,
        "error_message": HELD_BACK,
    }
    for day in range(3):
        at = after(NOW, day * DAY)
        await shop.records.attempt(job, horse(), make_attempt(started_at=at, **bad))
    before = await shop.documents(AI_REQUESTS)
    shop.clock.advance(91.5 * DAY)

    counts = [await retention.slim_attempts() for _ in range(2)]

    assert counts == [2, 0]
    old, _, young = await shop.documents(AI_REQUESTS)
    assert young == before[2]
    assert HELD_BACK not in str(old)
    assert "horse_data" not in old
    assert old["response_data"]["token_usage"] == before[0]["response_data"]["token_usage"]
    assert old["error_details"]["outcome"] == "unaccepted"


async def test_ages_are_mongodb_s_to_keep(
    retention: MongoRetention, connection: Connection
) -> None:
    """After the migration nothing expires; then what the settings say, as often as they change."""
    collections = {AI_REQUESTS: "timestamp", STRIPE_EVENTS: "handled_at", ERROR_LOGS: "timestamp"}
    before = {name: await expiry(connection, name) for name in collections}
    await retention.set_ages()
    await retention.set_ages()
    now = {name: await expiry(connection, name) for name in collections}

    assert {name: index["expireAfterSeconds"] for name, index in before.items()} == dict.fromkeys(
        collections, 2**31 - 1
    )
    assert {name: index["key"] for name, index in now.items()} == {
        name: [(field, 1)] for name, field in collections.items()
    }
    days = {name: index["expireAfterSeconds"] / DAY for name, index in now.items()}
    assert days == {AI_REQUESTS: 400, STRIPE_EVENTS: 300, ERROR_LOGS: 60}


async def test_an_event_that_nobody_finished_never_expires(shop: MongoWorld) -> None:
    """MongoDB passes over documents whose indexed field holds no date ("TTL Indexes")."""
    await shop.inbox.receive(make_notice("evt_open"))
    await shop.inbox.receive(make_notice("evt_done"))
    await shop.inbox.handled("evt_done", "settled")

    dated = {event["_id"]: event["handled_at"] for event in await shop.documents(STRIPE_EVENTS)}
    assert dated == {"evt_open": None, "evt_done": shop.clock.now()}


async def test_a_refund_is_not_forgotten_with_its_event(
    shop: MongoWorld, connection: Connection
) -> None:
    """The job itself remembers the money; the events that come later only add to it."""
    job = await shop.open(payment_intent="pi_1")
    refunded = job.money.model_copy(update={"refunded": 1490, "fully_refunded": True})
    await shop.paid.settle("pi_1", refunded)
    await connection.collection(STRIPE_EVENTS).delete_many({})

    await shop.paid.settle("pi_1", job.money.model_copy(update={"disputes": {"dp": "won"}}))

    assert (await shop.get(job.id)).money.refunded == 1490
    assert (await shop.get(job.id)).state is State.CANCELLED


async def expiry(connection: Connection, collection: str) -> dict[str, Any]:
    indexes = await connection.collection(collection).index_information()
    return dict(indexes[EXPIRY])
