"""Parked jobs and their mails, against people, refunds and other workers at the same moment."""

import asyncio

import pytest

from domain.errors import LostClaim
from domain.job import (
    Claim,
    Job,
    Kind,
    MailDuty,
    MailState,
    MailTo,
    Money,
    Reason,
    ReasonCode,
    State,
)
from ledger.connection import Connection
from ledger.handwork import Effect, Handwork
from ledger.names import JOBS
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import CHAIN_EXHAUSTED, DUTIES, make_answer
from tests.integration.ledger.world import MongoWorld, World

SENT = MailDuty(state=MailState.SENT, tries=1)
REFUNDED = Money(refunded=1490, fully_refunded=True)


async def parked(world: World) -> Job:
    claim = await world.claim(await world.open())
    await world.jobs.park(claim, CHAIN_EXHAUSTED)
    return await world.get(claim.job_id)


async def claimed(world: World) -> Claim:
    return await world.claim(await parked(world), "worker-b")


async def test_a_parked_job_is_claimed_for_its_mails(world: World) -> None:
    """It stays parked, with its reason, and is at rest when all is sent."""
    claim = await claimed(world)
    assert (claim.job.state, claim.job.reason) == (State.PARKED, CHAIN_EXHAUSTED)
    for to in (MailTo.DELAY, MailTo.REFUND_PROPOSAL):
        claim = await world.jobs.settle_mail(claim, to, SENT)
    await world.jobs.rest(claim)
    job = await world.get(claim.job_id)
    assert (job.state, job.reason, job.owner) == (State.PARKED, CHAIN_EXHAUSTED, None)
    assert job.not_before is None


async def test_a_job_that_never_started_has_not_started_by_its_mail(world: World) -> None:
    """A payment that does not fit was never worked on."""
    reason = Reason(code=ReasonCode.AMOUNT_MISMATCH)
    claim = await world.claim(await world.open(reason=reason))
    assert (claim.job.started_at, claim.job.reason) == (None, reason)


async def test_two_workers_want_to_send(world: World) -> None:
    """One of them gets the job."""
    job = await parked(world)
    for owner in ("worker-a", "worker-b"):
        await world.presence.beat(owner, holding=[])
    claims = await asyncio.gather(
        *(world.jobs.claim(job.id, owner=owner) for owner in ("worker-a", "worker-b"))
    )
    assert sum(claim is not None for claim in claims) == 1


async def test_a_refund_while_the_mail_is_being_sent(world: World) -> None:
    """The next write finds out, before the next mail leaves."""
    claim = await claimed(world)
    await world.paid.settle("pi_" + claim.job.session_id, REFUNDED)
    with pytest.raises(LostClaim):
        await world.jobs.settle_mail(claim, MailTo.DELAY, SENT)
    with pytest.raises(LostClaim):
        await world.jobs.rest(claim)
    assert (await world.get(claim.job_id)).not_before is None


async def test_a_delivery_keeps_what_was_said(world: World) -> None:
    """The delay mail stays on record; the proposal that nobody sent is dropped."""
    await world.put_order(Kind.VALUATION)
    claim = await world.claim(await world.open())
    claim = await world.jobs.settle_mail(claim, MailTo.DELAY, SENT)
    claim = await world.jobs.settle_mail(claim, MailTo.REFUND_PROPOSAL, MailDuty())
    claim = await world.jobs.journal(claim, make_answer())
    delivered = await world.jobs.deliver(claim, DUTIES)
    assert delivered.job.mails == {MailTo.DELAY: SENT} | DUTIES


@pytest.fixture
def shop(clock: FakeClock, connection: Connection) -> MongoWorld:
    return MongoWorld(clock, connection)


async def test_a_retry_by_hand_while_the_mail_is_being_sent(
    shop: MongoWorld, clock: FakeClock, connection: Connection
) -> None:
    """The sender may still write down what left, nothing else; then the job is due."""
    claim = await claimed(shop)
    handled = await Handwork(connection, clock).retry(claim.job_id)
    assert (handled.effect, handled.job.state) == (Effect.REOPENED, State.QUEUED)

    claim = await shop.jobs.settle_mail(claim, MailTo.DELAY, SENT)
    await shop.jobs.rest(claim)

    again = await shop.claim(await shop.get(claim.job_id), "worker-c")
    assert (again.job.state, again.job.mails[MailTo.DELAY]) == (State.RUNNING, SENT)


async def test_a_retry_of_a_sender_that_died(
    shop: MongoWorld, clock: FakeClock, connection: Connection
) -> None:
    """Its job is taken over like any other."""
    claim = await claimed(shop)
    await Handwork(connection, clock).retry(claim.job_id)
    await shop.silence("worker-b")

    taken = await shop.claim(await shop.get(claim.job_id), "worker-c")

    assert taken.job.state is State.RUNNING
    with pytest.raises(LostClaim):
        await shop.jobs.settle_mail(claim, MailTo.DELAY, SENT)


async def test_retries_refunds_and_senders_at_once(
    shop: MongoWorld, clock: FakeClock, connection: Connection
) -> None:
    """Money that went back always wins, and nobody is left holding the job."""
    claim = await claimed(shop)
    handwork = Handwork(connection, clock)
    await asyncio.gather(
        shop.jobs.settle_mail(claim, MailTo.DELAY, SENT),
        handwork.retry(claim.job_id),
        shop.paid.settle("pi_" + claim.job.session_id, REFUNDED),
        return_exceptions=True,
    )
    [job] = await shop.documents(JOBS)
    assert (job["state"], job["owner"], job["not_before"]) == ("cancelled", None, None)
