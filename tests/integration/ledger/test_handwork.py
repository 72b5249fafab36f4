"""What people do by hand, on a real MongoDB, and what they get to see."""

import asyncio
from datetime import timedelta

import pytest

from domain.errors import LostClaim
from domain.job import MailDuty, MailState, MailTo, Money, Reason, ReasonCode, State
from domain.payment import Notice
from ledger.connection import Connection
from ledger.handwork import Effect, Handwork, NotByHand
from ledger.names import AI_REQUESTS, ERROR_LOGS, JOBS
from ledger.overview import Overview
from ledger.switches import Switches
from tests.builders import NOW, ORDER_ID, horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import CHAIN_EXHAUSTED, DUTIES, make_attempt
from tests.integration.ledger.world import MongoWorld

WRONG_AMOUNT = Reason(code=ReasonCode.AMOUNT_MISMATCH, detail="1 EUR instead of 1490 EUR")


@pytest.fixture
def shop(clock: FakeClock, connection: Connection) -> MongoWorld:
    return MongoWorld(clock, connection)


@pytest.fixture
def handwork(clock: FakeClock, connection: Connection) -> Handwork:
    return Handwork(connection, clock)


async def test_a_parked_job_is_claimed_again_after_a_retry(
    shop: MongoWorld, handwork: Handwork
) -> None:
    """Before, it can be claimed for its mails only; the give-up clock begins anew."""
    claim = await shop.claim(await shop.open())
    await shop.jobs.park(claim, CHAIN_EXHAUSTED)
    shop.clock.advance(86_400)

    handled = await handwork.retry(claim.job_id)
    again = await shop.claim(handled.job)

    assert handled.effect is Effect.REOPENED
    assert again.fence > claim.fence + 1
    assert again.job.reopened_at == shop.clock.now()


async def test_many_retries_at_once_reopen_once(shop: MongoWorld, handwork: Handwork) -> None:
    """All of them succeed, one of them did it."""
    job = await shop.open(reason=WRONG_AMOUNT)

    handled = await asyncio.gather(*(handwork.retry(job.id) for _ in range(8)))

    effects = [one.effect for one in handled]
    assert effects.count(Effect.REOPENED) == 1
    assert (await shop.get(job.id)).fence == 1


async def test_parking_takes_the_job_out_of_a_workers_hands(
    shop: MongoWorld, handwork: Handwork
) -> None:
    """The worker's next write finds the fence moved; nothing is delivered."""
    claim = await shop.answered(await shop.open())

    handled = await handwork.park(claim.job_id, "the customer called")

    with pytest.raises(LostClaim):
        await shop.jobs.deliver(claim, DUTIES)
    assert (handled.job.state, handled.job.reason) == (
        State.PARKED,
        Reason(code=ReasonCode.BY_HAND, detail="the customer called"),
    )


async def test_a_duplicate_cannot_be_retried_past_the_holder(
    shop: MongoWorld, handwork: Handwork
) -> None:
    """Two paid sessions never work for one order, by hand neither; the message names the other."""
    first = await shop.open("cs_1")
    second = await shop.open("cs_2")

    with pytest.raises(NotByHand, match=first.id):
        await handwork.retry(second.id)
    assert await shop.get(second.id) == second


async def test_a_parked_holder_keeps_its_order(shop: MongoWorld, handwork: Handwork) -> None:
    """Parking by hand lets no duplicate move up."""
    first, second = await shop.open("cs_1"), await shop.open("cs_2")

    await handwork.park(first.id, "looking into it")

    assert (await shop.get(second.id)).state is State.PARKED
    assert (await handwork.retry(first.id)).effect is Effect.REOPENED


async def test_a_retried_job_holds_its_order_from_then_on(
    shop: MongoWorld, handwork: Handwork
) -> None:
    """A session parked for its price is accepted; a second one is a duplicate."""
    first = await shop.open("cs_1", reason=WRONG_AMOUNT)
    await handwork.retry(first.id)

    second = await shop.open("cs_2")

    assert second.reason is not None
    assert second.reason.code is ReasonCode.DUPLICATE_PAYMENT


async def test_delivered_and_cancelled_jobs_are_refused(
    shop: MongoWorld, handwork: Handwork
) -> None:
    """A result is written once, and withdrawn money buys nothing."""
    await shop.put_order((await shop.open("cs_1")).kind)
    claim = await shop.answered(await shop.get("valuation:cs_1"))
    await shop.jobs.deliver(claim, DUTIES)
    await shop.open("cs_2", order_id=None)
    await shop.paid.settle("pi_cs_2", Money(refunded=1490, fully_refunded=True))

    for job_id in ("valuation:cs_1", "valuation:cs_2"):
        with pytest.raises(NotByHand):
            await handwork.retry(job_id)
        with pytest.raises(NotByHand):
            await handwork.park(job_id, "why")
    with pytest.raises(NotByHand, match="no job"):
        await handwork.retry("valuation:cs_none")


async def test_a_won_dispute_starts_the_clock_anew(shop: MongoWorld) -> None:
    """The weeks of a dispute do not count as time in which the job was tried."""
    job = await shop.open("cs_1")
    await shop.paid.settle("pi_cs_1", Money(disputes={"du_1": "needs_response"}))
    shop.clock.advance(40 * 86_400)
    await shop.paid.settle("pi_cs_1", Money(disputes={"du_1": "won"}))

    reopened = await shop.get(job.id)

    assert (reopened.state, reopened.reopened_at) == (State.QUEUED, shop.clock.now())


@pytest.mark.parametrize("reference", ["cs_1", "valuation:cs_1", ORDER_ID])
async def test_jobs_are_found_by_every_name(
    shop: MongoWorld, handwork: Handwork, reference: str
) -> None:
    """Session, job and order lead to it; something else to nothing."""
    job = await shop.open("cs_1")

    assert await handwork.find(reference) == [job]
    assert await handwork.find("cs_2") == []


async def test_the_overview_counts_by_state_and_reason(
    shop: MongoWorld, connection: Connection
) -> None:
    """Parked jobs by reason, mails of delivered ones by state."""
    await shop.open("cs_1", order_id=None)
    await shop.open("cs_2", order_id=None, reason=WRONG_AMOUNT)
    await shop.put_order((await shop.open("cs_3")).kind)
    claim = await shop.jobs.deliver(await shop.answered(await shop.get("valuation:cs_3")), DUTIES)
    await shop.jobs.settle_mail(claim, MailTo.ADMIN, MailDuty(state=MailState.FAILED))
    overview = Overview(connection)

    piles = {(pile.state, pile.code): pile.count for pile in await overview.piles()}
    mails = {(pile.to, pile.state): pile.count for pile in await overview.mails()}

    assert piles == {
        (State.QUEUED, None): 1,
        (State.PARKED, ReasonCode.AMOUNT_MISMATCH): 1,
        (State.DELIVERED, None): 1,
    }
    assert mails == {
        (MailTo.ADMIN, MailState.FAILED): 1,
        (MailTo.CUSTOMER, MailState.PENDING): 1,
        (MailTo.PARKED, MailState.PENDING): 1,
    }


async def test_the_overview_reads_records_without_texts(
    shop: MongoWorld, connection: Connection
) -> None:
    """Rejected answers, messages and stacks stay in the database."""
    job = await shop.open("cs_1")
    attempt = make_attempt(rejected_text="Leider kann ich nicht", error_message="Leider auch nicht")
    await shop.records.attempt(job, horse(), attempt)
    await shop.records.error(job=job, error_type="x", code="y", message="Leider", stack="Leider")
    notice = Notice(
        id="evt_1",
        type="charge.refunded",
        created=NOW - timedelta(hours=1),
        livemode=True,
        object_id="ch_1",
        payment_intent="pi_cs_1",
    )
    await shop.inbox.receive(notice)
    overview = Overview(connection)

    attempts, errors = await overview.attempts(["cs_1"]), await overview.errors(["cs_1"])
    events = await overview.events(["cs_1"], ["pi_cs_1"])

    assert [attempt.model_used for attempt in attempts] == ["google/gemini-2.5-pro-002"]
    assert [(error.error_type, error.error_code) for error in errors] == [("x", "y")]
    assert [(event.id, event.deliveries) for event in events] == [("evt_1", 1)]
    assert "Leider" not in f"{attempts}{errors}"
    assert len(await shop.documents(AI_REQUESTS)) == len(await shop.documents(ERROR_LOGS)) == 1


async def test_a_lost_index_is_missed(own_connection: Connection) -> None:
    """Everything is there after the migrations; what somebody dropped is named."""
    overview = Overview(own_connection)
    before = await overview.missing_indexes()
    await own_connection.collection(JOBS).drop_index("due")

    assert (before, await overview.missing_indexes()) == ([], ["jobs.due"])


async def test_an_empty_database_misses_its_indexes(empty_connection: Connection) -> None:
    """A collection that does not exist is no error."""
    assert "jobs.due" in await Overview(empty_connection).missing_indexes()


async def test_a_switch_remembers_its_last_change(connection: Connection) -> None:
    """Off by nobody at first; setting it twice keeps who did it first."""
    switches = Switches(connection)
    fresh = await switches.direct_only()
    on = await switches.turn_direct_only(on=True, by="anna")
    again = await switches.turn_direct_only(on=True, by="$ben")
    off = await switches.turn_direct_only(on=False, by="$ben")

    assert (fresh.on, fresh.since) == (False, None)
    assert (on.on, on.by) == (True, "anna")
    assert again == on
    assert (off.on, off.by) == (False, "$ben")
    assert await switches.direct_only() == off
