"""The worker's steps between claim and delivery, each void once the claim is lost."""

from collections.abc import Awaitable, Callable

import pytest

from domain.errors import LostClaim
from domain.job import (
    Claim,
    Kind,
    MailDuty,
    MailState,
    MailTo,
    Reason,
    ReasonCode,
    Stage,
    State,
)
from tests.builders import ORDER_ID
from tests.integration.ledger.examples import CHAIN_EXHAUSTED, DUTIES, after, make_answer
from tests.integration.ledger.world import World

DUPLICATE = Reason(code=ReasonCode.DUPLICATE_PAYMENT, detail="paid twice")

Verb = Callable[[World, Claim], Awaitable[object]]

VERBS: dict[str, Verb] = {
    "link": lambda world, claim: world.jobs.link(claim, ORDER_ID),
    "reach": lambda world, claim: world.jobs.reach(claim, Stage.ANALYZING),
    "count_attempt": lambda world, claim: world.jobs.count_attempt(claim),
    "journal": lambda world, claim: world.jobs.journal(claim, make_answer()),
    "deliver": lambda world, claim: world.jobs.deliver(claim, DUTIES),
    "wait": lambda world, claim: world.jobs.wait(claim, world.clock.now(), CHAIN_EXHAUSTED),
    "park": lambda world, claim: world.jobs.park(claim, CHAIN_EXHAUSTED),
    "release": lambda world, claim: world.jobs.release(claim),
    "settle_mail": lambda world, claim: world.jobs.settle_mail(
        claim, MailTo.CUSTOMER, MailDuty(state=MailState.SENT)
    ),
    "settle_mail_and_rest": lambda world, claim: world.jobs.settle_mail(
        claim, MailTo.CUSTOMER, MailDuty(state=MailState.SENT), rest=True
    ),
    "rest": lambda world, claim: world.jobs.rest(claim),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
async def test_every_verb_refuses_a_stale_claim(world: World, verb: Verb) -> None:
    """Neither an old fence nor another owner writes anything."""
    old = await world.claim(await world.open())
    await world.jobs.release(old)
    taken = await world.claim(old.job, "worker-b")
    for stale in (old, taken.model_copy(update={"owner": "worker-a"})):
        with pytest.raises(LostClaim):
            await verb(world, stale)
    assert await world.get(old.job_id) == taken.job


async def test_attempts_and_stages_are_noted(world: World) -> None:
    """The result page and the give-up rule read them."""
    claim = await world.claim(await world.open())
    await world.jobs.count_attempt(claim)
    await world.jobs.count_attempt(claim)
    await world.jobs.reach(claim, Stage.GENERATING)
    job = await world.get(claim.job_id)
    assert (job.attempts, job.stage) == (2, Stage.GENERATING)


async def test_stages_ride_on_other_steps(world: World) -> None:
    """Who holds its order needs no write of its own before the model is asked."""
    holding = await world.claim(await world.open("cs_1"))
    lost = await world.claim(await world.open("cs_2", order_id=None))
    stages = [holding.job.stage, lost.job.stage]
    await world.jobs.link(lost, "0" * 24)
    stages.append((await world.get(lost.job_id)).stage)
    stages.append((await world.jobs.journal(lost, make_answer())).job.stage)

    assert stages == [Stage.ANALYZING, Stage.PREPARING, Stage.ANALYZING, Stage.FINALIZING]


async def test_a_later_claim_keeps_the_stage_of_an_answered_job(world: World) -> None:
    """Only what starts from the beginning is shown as beginning."""
    claim = await world.answered(await world.open())
    await world.jobs.release(claim)

    assert (await world.claim(claim.job, "worker-b")).job.stage is Stage.FINALIZING


async def test_an_answer_counts_its_attempt_once(world: World) -> None:
    """Failed ones count by themselves; who says it twice counts once."""
    claim = await world.claim(await world.open())
    await world.jobs.count_attempt(claim)
    await world.jobs.journal(claim, make_answer())

    assert (await world.jobs.journal(claim, make_answer())).job.attempts == 2


async def test_linking_binds_the_order(world: World) -> None:
    """A job that came without a reference holds its order from then on."""
    claim = await world.claim(await world.open("cs_1", order_id=None))
    assert await world.jobs.link(claim, ORDER_ID)
    assert await world.jobs.link(claim, ORDER_ID)
    assert (await world.get(claim.job_id)).order_id == ORDER_ID
    assert (await world.open("cs_2")).state is State.PARKED


async def test_linking_to_a_taken_order_is_refused(world: World) -> None:
    """The caller parks the job; it keeps the order's id, so that it can move up."""
    await world.open("cs_1")
    claim = await world.claim(await world.open("cs_2", order_id=None))
    assert not await world.jobs.link(claim, ORDER_ID)
    await world.jobs.park(claim, DUPLICATE)
    job = await world.get(claim.job_id)
    assert (job.state, job.order_id, job.reason) == (State.PARKED, ORDER_ID, DUPLICATE)


async def test_parking_a_duplicate_whose_rival_is_gone_moves_it_up(world: World) -> None:
    """If the order became free between link and park, nobody is left behind."""
    rival = await world.open("cs_1")
    claim = await world.claim(await world.open("cs_2", order_id=None))
    await world.jobs.link(claim, ORDER_ID)
    await world.jobs.link(await world.claim(rival, "worker-b"), "0" * 24)
    await world.jobs.park(claim, DUPLICATE)
    assert (await world.get(claim.job_id)).state is State.QUEUED


async def test_the_answer_is_journaled_unchanged(world: World) -> None:
    """What comes back is what went in; saying it twice is harmless."""
    claim = await world.claim(await world.open())
    answer = make_answer(text="$pecial: {'a.b': 1}\n\u00a0ß")
    await world.jobs.journal(claim, answer)
    journaled = await world.jobs.journal(claim, answer)
    assert journaled.job.state is State.ANSWERED
    assert journaled.job.answer == answer


async def test_waiting_lets_go_and_counts_the_round(world: World) -> None:
    """The next try has its time, the reason is kept for the page and for people."""
    claim = await world.claim(await world.open())
    until = after(world.clock.now(), 60)
    reason = CHAIN_EXHAUSTED.model_copy(update={"detail": "$literal text"})
    await world.jobs.wait(claim, until, reason)
    job = await world.get(claim.job_id)
    assert (job.state, job.owner, job.rounds) == (State.WAITING, None, 1)
    assert (job.not_before, job.reason) == (until, reason)


async def test_an_answered_job_waits_without_losing_its_answer(world: World) -> None:
    """A delivery that has to wait stays answered."""
    claim = await world.answered(await world.open())
    await world.jobs.wait(claim, after(world.clock.now(), 60), CHAIN_EXHAUSTED)
    job = await world.get(claim.job_id)
    assert (job.state, job.owner) == (State.ANSWERED, None)
    assert await world.jobs.claim(job.id, owner="worker-b") is None


async def test_parking_hands_the_job_to_people(world: World) -> None:
    """Parked means: no owner, a reason, and nothing due but the mails about it."""
    claim = await world.claim(await world.open())
    await world.jobs.park(claim, CHAIN_EXHAUSTED)
    job = await world.get(claim.job_id)
    assert (job.state, job.owner, job.not_before) == (State.PARKED, None, world.clock.now())
    assert (job.reason, job.parked_at) == (CHAIN_EXHAUSTED, world.clock.now())
    assert job.mails.keys() == {MailTo.DELAY, MailTo.REFUND_PROPOSAL}


async def test_a_delivered_job_rests_until_its_next_mail(world: World) -> None:
    """A failed send makes the job due later; the mail that went out is not owed again."""
    claim = await delivered(world)
    sent = MailDuty(state=MailState.SENT, tries=1, sent_at=world.clock.now(), provider_id="re_1")
    retry_at = after(world.clock.now(), 30)
    failed = MailDuty(state=MailState.PENDING, tries=1, not_before=retry_at, error="503")
    await world.jobs.settle_mail(claim, MailTo.CUSTOMER, sent)
    claim = await world.jobs.settle_mail(claim, MailTo.ADMIN, failed)
    await world.jobs.rest(claim)
    job = await world.get(claim.job_id)
    assert job.mails == {MailTo.CUSTOMER: sent, MailTo.ADMIN: failed}
    assert (job.owner, job.not_before) == (None, retry_at)
    world.clock.advance(30)
    again = await world.claim(job, "worker-b")
    assert again.job.state is State.DELIVERED


async def test_the_last_mail_lets_go_of_the_job(world: World) -> None:
    """In one write with what became of it; due again with the next mail that is owed."""
    claim = await delivered(world)
    retry_at = after(world.clock.now(), 30)
    waiting = MailDuty(tries=1, not_before=retry_at, error="503")
    await world.jobs.settle_mail(claim, MailTo.CUSTOMER, waiting)
    left = await world.jobs.settle_mail(
        claim, MailTo.ADMIN, MailDuty(state=MailState.SENT), rest=True
    )
    assert left.job == await world.get(claim.job_id)
    assert (left.job.owner, left.job.not_before) == (None, retry_at)

    world.clock.advance(30)
    claim = await world.claim(left.job, "worker-b")
    settled = MailDuty(state=MailState.FAILED)
    left = await world.jobs.settle_mail(claim, MailTo.CUSTOMER, settled, rest=True)
    assert (left.job.owner, left.job.not_before) == (None, None)


async def test_a_job_that_is_not_at_rest_is_due_at_once(world: World) -> None:
    """It was retried by hand while its mails were sent."""
    claim = await world.claim(await world.open())
    await world.jobs.rest(claim)

    job = await world.get(claim.job_id)
    assert (job.owner, job.not_before) == (None, world.clock.now())


async def test_a_delivered_job_without_mails_owes_nothing(world: World) -> None:
    """When every mail is settled the job is never due again."""
    claim = await delivered(world)
    for to in MailTo:
        claim = await world.jobs.settle_mail(claim, to, MailDuty(state=MailState.SENT))
    await world.jobs.rest(claim)
    job = await world.get(claim.job_id)
    assert (job.owner, job.not_before) == (None, None)


async def test_unknown_jobs_are_none(world: World) -> None:
    """Reading does not invent jobs."""
    assert await world.jobs.get("valuation:cs_unknown") is None


async def delivered(world: World) -> Claim:
    await world.put_order(Kind.VALUATION)
    return await world.jobs.deliver(await world.answered(await world.open()), DUTIES)
