"""One session is forgotten, however many write about it meanwhile."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.answer import AttemptOutcome
from domain.errors import LostClaim
from domain.job import Claim, Job, Kind, Money, Reason, ReasonCode, State
from ledger.connection import Connection
from ledger.erasure import KEPT_OF_ORDER, Erasure, Run
from ledger.handwork import Effect, Handwork, NotByHand
from ledger.names import AI_REQUESTS, ERASURES, ERROR_LOGS, JOBS, ORDERS
from ledger.performance import MongoPerformance
from ledger.retention import MongoRetention
from ledger.tombstone import erased
from tests.builders import NOW, ORDER_ID, SESSION_ID, horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.attempts import deliver, stored
from tests.integration.ledger.examples import DUTIES, make_answer, make_attempt
from tests.integration.ledger.test_retention import AGES
from tests.integration.ledger.world import MongoWorld

SECRET = "Zacharias vom Karpfenteich"


@pytest.fixture
async def connection(own_connection: Connection) -> Connection:
    """The retention sets the ages of the TTL indexes."""
    return own_connection


@pytest.fixture
def shop(clock: FakeClock, connection: Connection) -> MongoWorld:
    return MongoWorld(clock, connection)


@pytest.fixture
def erasure(clock: FakeClock, connection: Connection) -> Erasure:
    return Erasure(connection, clock)


async def bury(shop: MongoWorld, job_id: str, *, although_owed: bool = False) -> Effect:
    handwork = Handwork(shop._connection, shop.clock)
    handled = await handwork.handle(
        job_id, lambda job: erased(job, shop.clock.now(), although_owed=although_owed)
    )
    return handled.effect


async def tell_all(shop: MongoWorld, job: Job) -> None:
    """Write the secret wherever a worker can write about a job."""
    bad = make_attempt(
        outcome=AttemptOutcome.UNACCEPTED, rejected_text=SECRET, error_message=SECRET
    )
    await shop.records.attempt(job, horse(rasse=SECRET), bad)
    await shop.records.error(job=job, error_type="x", code="y", message=SECRET, stack=SECRET)


async def delivered(shop: MongoWorld) -> Claim:
    await shop.put_order(Kind.VALUATION, besonderheiten=SECRET)
    job = await shop.open()
    await tell_all(shop, job)
    claim = await shop.jobs.journal(await shop.claim(job), make_answer(text=SECRET))
    return await shop.jobs.deliver(claim, DUTIES)


async def everything_of_ours(connection: Connection) -> str:
    site = set(ORDERS.values())
    names = set(await connection.database.list_collection_names()) - site
    texts = [str(await connection.latest(name).find().to_list(None)) for name in sorted(names)]
    return " ".join(texts)


async def test_nothing_of_the_customer_s_is_left(
    shop: MongoWorld, erasure: Erasure, connection: Connection
) -> None:
    """In any collection of ours; the order is the site's."""
    claim = await delivered(shop)
    assert SECRET in await everything_of_ours(connection)

    assert await bury(shop, claim.job_id) is Effect.ERASED
    counts = await erasure.forget(SESSION_ID)

    assert counts == {AI_REQUESTS: 1, ERROR_LOGS: 1}
    assert SECRET not in await everything_of_ours(connection)
    assert SECRET in str(await shop.order(Kind.VALUATION))
    assert await shop.jobs.claim(claim.job_id, owner="worker-b") is None


async def test_a_worker_at_work_finds_every_door_closed(
    shop: MongoWorld, erasure: Erasure, connection: Connection
) -> None:
    """Its writes match nothing, and what it still puts on record loses its words."""
    await shop.put_order(Kind.VALUATION)
    claim = await shop.claim(await shop.open())

    with pytest.raises(NotByHand, match="Refund"):
        await bury(shop, claim.job_id)
    await bury(shop, claim.job_id, although_owed=True)
    await erasure.forget(SESSION_ID)
    await tell_all(shop, claim.job)

    with pytest.raises(LostClaim):
        await shop.jobs.journal(claim, make_answer(text=SECRET))
    with pytest.raises(LostClaim):
        await shop.jobs.deliver(claim, DUTIES)
    assert SECRET not in await everything_of_ours(connection)
    [attempt] = await shop.documents(AI_REQUESTS)
    assert attempt["response_data"]["token_usage"]["cost_usd"] == pytest.approx(0.047)
    assert (await shop.get(claim.job_id)).reason == Reason(code=ReasonCode.ERASED)


async def test_a_record_that_slipped_through_is_forgotten_at_night(
    shop: MongoWorld, erasure: Erasure, clock: FakeClock, connection: Connection
) -> None:
    """A process may die between writing a record and looking for the tombstone."""
    claim = await delivered(shop)
    await bury(shop, claim.job_id)
    await erasure.forget(SESSION_ID)
    late = {"session_id": SESSION_ID, "timestamp": NOW, "error_type": "x", "error_message": SECRET}
    await shop.put(ERROR_LOGS, late)
    clock.advance(timedelta(days=1).total_seconds())
    retention = MongoRetention(connection, clock, AGES)

    counts = [await retention.finish_erasures() for _ in range(2)]

    assert counts == [1, 0]
    assert SECRET not in await everything_of_ours(connection)


async def test_money_news_after_an_erasure(shop: MongoWorld) -> None:
    """Refunds are noted; nothing comes back to life, whatever wins."""
    job = await shop.open()
    await bury(shop, job.id, although_owed=True)
    for standing in ({"dp": "needs_response"}, {"dp": "won"}):
        await shop.paid.settle(f"pi_{SESSION_ID}", Money(refunded=500, disputes=standing))

    after = await shop.get(job.id)
    assert (after.state, after.money.refunded) == (State.CANCELLED, 500)
    assert after.money.disputes == {"dp": "won"}
    assert after.not_before is None


async def test_the_order_goes_to_the_next_who_paid(shop: MongoWorld, erasure: Erasure) -> None:
    """Both paid, one is erased: the other one is worked for."""
    first = await shop.open()
    second = await shop.open("cs_2")
    assert second.state is State.PARKED

    await bury(shop, first.id, although_owed=True)
    await erasure.forget(SESSION_ID)

    assert (await shop.get(second.id)).state is State.QUEUED


async def test_a_delivered_order_stays_taken(shop: MongoWorld, erasure: Erasure) -> None:
    """A second payment after the erasure is in front of a human, not a second valuation."""
    claim = await delivered(shop)
    await bury(shop, claim.job_id)
    await erasure.forget(SESSION_ID)

    second = await shop.open("cs_2")

    assert second.reason
    assert second.reason.code is ReasonCode.DUPLICATE_PAYMENT


@pytest.mark.parametrize("kind", list(Kind))
async def test_an_order_is_emptied_but_for_its_dates_and_names(
    shop: MongoWorld, erasure: Erasure, kind: Kind
) -> None:
    """Fields nobody has heard of yet go, too; doing it again changes nothing."""
    await shop.put_order(kind, zertifikatNummer="CERT-2026-000001", neuesFeld=SECRET, bewertung="x")
    await shop.open(kind=kind)
    [order] = (await erasure.look(SESSION_ID)).orders
    assert {"rasse", "besonderheiten", "neuesFeld", "bewertung"} <= set(order.fields)

    assert await erasure.empty(order) == 1

    found = await shop.order(kind)
    assert set(found) <= KEPT_OF_ORDER
    assert (found["zertifikatNummer"], found["erstellt"]) == ("CERT-2026-000001", NOW)
    assert [held.fields for held in (await erasure.look(SESSION_ID)).orders] == [()]


async def test_what_is_held(shop: MongoWorld, erasure: Erasure) -> None:
    """Counted before, and nothing counted after."""
    claim = await delivered(shop)
    await shop.open("cs_2")

    before = await erasure.look(SESSION_ID)
    await bury(shop, claim.job_id)
    await erasure.forget(SESSION_ID)
    now = await erasure.look(SESSION_ID)

    assert [job.id for job in before.jobs] == [claim.job_id]
    assert (before.attempts, before.attempts_with_words, before.errors) == (1, 1, 1)
    assert [order.order_id for order in before.orders] == [ORDER_ID]
    assert before.sharing == ("valuation:cs_2",)
    assert (now.attempts, now.attempts_with_words, now.errors) == (1, 0, 0)


async def test_a_receipt_tells_when_and_how_much_and_of_whom_only_to_who_knows(
    shop: MongoWorld, erasure: Erasure
) -> None:
    """The first moment stays; every run that took something has its line."""

    def run(at: Any) -> Run:
        return Run(at=at, by="root", host="box", with_order=False, erased={JOBS: 1})

    first = await erasure.keep_receipt(SESSION_ID, run(NOW))
    second = await erasure.keep_receipt(SESSION_ID, run(NOW + timedelta(days=1)))

    [receipt] = await shop.documents(ERASURES)
    assert first == second == receipt["erased_at"] == NOW
    assert [found["erased"] for found in receipt["runs"]] == [{JOBS: 1}] * 2
    assert SESSION_ID not in str(receipt)
    assert (await erasure.look(SESSION_ID)).erased_at == NOW


async def test_writers_and_the_eraser_at_once(
    shop: MongoWorld, erasure: Erasure, connection: Connection
) -> None:
    """Ten calls come on record while the session is forgotten; nothing of them is left."""
    claim = await delivered(shop)

    async def erase() -> None:
        await bury(shop, claim.job_id)
        await erasure.forget(SESSION_ID)

    writers = [MongoWorld(shop.clock, connection) for _ in range(10)]
    await asyncio.gather(
        *(tell_all(writer, claim.job) for writer in writers[:5]),
        erase(),
        *(tell_all(writer, claim.job) for writer in writers[5:]),
    )

    assert await connection.latest(AI_REQUESTS).count_documents({}) == 11
    assert SECRET not in await everything_of_ours(connection)


async def test_a_delivery_and_the_eraser_at_once(
    shop: MongoWorld, erasure: Erasure, connection: Connection
) -> None:
    """Either the result is delivered and then forgotten by us, or it never was."""
    await shop.put_order(Kind.VALUATION)
    job = await shop.open()
    claim = await shop.jobs.journal(await shop.claim(job), make_answer(text=SECRET))

    delivery, _ = await asyncio.gather(
        shop.jobs.deliver(claim, DUTIES),
        bury(shop, job.id, although_owed=True),
        return_exceptions=True,
    )
    await erasure.forget(SESSION_ID)

    after = await shop.get(job.id)
    assert after.erased_at is not None
    assert (after.mails, after.not_before) == ({}, None)
    assert (SECRET in str(await shop.order(Kind.VALUATION))) == (after.state is State.DELIVERED)
    assert isinstance(delivery, LostClaim) == (after.state is State.CANCELLED)
    assert SECRET not in await everything_of_ours(connection)


async def test_the_figures_of_the_day_stay(
    shop: MongoWorld, erasure: Erasure, connection: Connection
) -> None:
    """Aggregated again after the erasure, requests, cost and revenue are the same."""
    session = "cs_figures"
    job_id = await deliver(connection, session)
    performance = MongoPerformance(connection)
    await performance.aggregate_day(NOW.date())
    before = (await stored(connection, "google/gemini-2.5-pro-002"))["metrics"]

    await bury(shop, job_id)
    await erasure.forget(session)
    await performance.aggregate_day(NOW.date())

    assert (await stored(connection, "google/gemini-2.5-pro-002"))["metrics"] == before
    assert before["revenue"] == {"eur": 14.9}
