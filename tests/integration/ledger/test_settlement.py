"""Refunds and disputes against jobs in every state, and against workers at the same moment."""

import asyncio

import pytest

from domain.errors import LostClaim
from domain.job import Claim, Kind, MailTo, Money, Reason, ReasonCode, Stage, State
from ledger.names import JOBS
from tests.integration.ledger.examples import CHAIN_EXHAUSTED, DUTIES, REPORT
from tests.integration.ledger.world import World

REFUNDED = Money(refunded=1490, fully_refunded=True)
PARTLY = Money(refunded=500)
DISPUTED = Money(disputes={"du_1": "needs_response"})
WON = Money(disputes={"du_1": "won"})
LOST = Money(disputes={"du_1": "lost"})
INQUIRY = Money(disputes={"du_1": "warning_needs_response"})
PAYMENT_INTENT = "pi_1"


@pytest.mark.parametrize(
    ("money", "code"),
    [
        (REFUNDED, ReasonCode.REFUNDED),
        (DISPUTED, ReasonCode.DISPUTED),
        (LOST, ReasonCode.DISPUTED),
    ],
)
async def test_withdrawn_money_cancels_undelivered_work(
    world: World, money: Money, code: ReasonCode
) -> None:
    """The job ends, says why, and nobody can take it any more."""
    job = await world.open(payment_intent=PAYMENT_INTENT)
    [settled] = await world.paid.settle(PAYMENT_INTENT, money)
    assert settled == await world.get(job.id)
    assert (settled.state, settled.not_before, settled.money) == (State.CANCELLED, None, money)
    assert settled.reason is not None
    assert settled.reason.code is code
    assert await world.jobs.claim(job.id, owner="worker-a") is None


@pytest.mark.parametrize("money", [PARTLY, WON, INQUIRY, Money()])
async def test_money_that_stays_with_us_is_only_recorded(world: World, money: Money) -> None:
    """Partial refunds and inquiries do not stop the work."""
    claim = await world.claim(await world.open(payment_intent=PAYMENT_INTENT))
    [settled] = await world.paid.settle(PAYMENT_INTENT, money)
    assert (settled.state, settled.money, settled.owner) == (State.RUNNING, money, claim.owner)
    await world.jobs.reach(claim, Stage.ANALYZING)


async def test_a_running_job_is_taken_from_its_worker(world: World) -> None:
    """The worker's next write says so; even a journaled answer is not delivered."""
    await world.put_order(Kind.VALUATION)
    claim = await world.answered(await world.open(payment_intent=PAYMENT_INTENT))
    await world.paid.settle(PAYMENT_INTENT, REFUNDED)
    with pytest.raises(LostClaim):
        await world.jobs.deliver(claim, DUTIES)
    assert "bewertung" not in await world.order(Kind.VALUATION)


async def test_a_delivered_job_only_takes_note(world: World) -> None:
    """The result stays; the refund is on the record."""
    await world.put_order(Kind.VALUATION)
    claim = await world.answered(await world.open(payment_intent=PAYMENT_INTENT))
    await world.jobs.deliver(claim, DUTIES)
    [settled] = await world.paid.settle(PAYMENT_INTENT, REFUNDED)
    assert (settled.state, settled.money) == (State.DELIVERED, REFUNDED)
    assert (await world.order(Kind.VALUATION))["bewertung"] == REPORT


async def test_a_won_dispute_reopens_the_job(world: World) -> None:
    """It is queued, due at once, holds its order again, and old claims stay void."""
    claim = await world.claim(await world.open(payment_intent=PAYMENT_INTENT))
    await world.paid.settle(PAYMENT_INTENT, DISPUTED)
    [reopened] = await world.paid.settle(PAYMENT_INTENT, WON)
    assert (reopened.state, reopened.reason) == (State.QUEUED, None)
    assert reopened.not_before == world.clock.now()
    assert reopened.fence == claim.fence + 2
    assert (await world.open("cs_other")).state is State.PARKED
    with pytest.raises(LostClaim):
        await world.jobs.reach(claim, Stage.ANALYZING)


async def test_a_reopened_job_keeps_its_journaled_answer(world: World) -> None:
    """A won dispute does not pay the model again."""
    answered = await world.answered(await world.open(payment_intent=PAYMENT_INTENT))
    await world.paid.settle(PAYMENT_INTENT, DISPUTED)
    [reopened] = await world.paid.settle(PAYMENT_INTENT, WON)
    assert (reopened.state, reopened.answer) == (State.ANSWERED, answered.job.answer)


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_parked_job_comes_back_parked(world: World, is_held: bool) -> None:  # noqa: FBT001 - a table's column
    """With its old reason: the human's decision is still due."""
    mismatch = Reason(code=ReasonCode.AMOUNT_MISMATCH, detail="expected 1490, came 100")
    reason = None if is_held else mismatch
    job = await world.open(payment_intent=PAYMENT_INTENT, reason=reason)
    if is_held:
        await world.jobs.park(await world.claim(job), CHAIN_EXHAUSTED)
    await world.paid.settle(PAYMENT_INTENT, DISPUTED)
    [reopened] = await world.paid.settle(PAYMENT_INTENT, WON)
    assert (reopened.state, reopened.not_before) == (State.PARKED, world.clock.now())
    assert reopened.reason == (CHAIN_EXHAUSTED if is_held else mismatch)
    assert (await world.stored(job.id))["holds_order"] is is_held


async def test_news_in_any_order_end_the_same(world: World) -> None:
    """A late view of the past neither re-opens nor cancels."""
    await world.open(payment_intent=PAYMENT_INTENT)
    await world.paid.settle(PAYMENT_INTENT, WON)
    [job] = await world.paid.settle(PAYMENT_INTENT, DISPUTED)
    assert (job.state, job.money) == (State.QUEUED, WON)
    await world.paid.settle(PAYMENT_INTENT, REFUNDED)
    [job] = await world.paid.settle(PAYMENT_INTENT, PARTLY)
    assert job.state is State.CANCELLED
    assert job.money == REFUNDED.model_copy(update={"disputes": WON.disputes})


async def test_a_failed_refund_brings_the_job_back(world: World) -> None:
    """With its answer; whoever heard less comes too late to cancel it again."""
    answered = await world.answered(await world.open(payment_intent=PAYMENT_INTENT))
    refunded = REFUNDED.model_copy(update={"heard": 1})
    await world.paid.settle(PAYMENT_INTENT, refunded)
    await world.paid.settle(PAYMENT_INTENT, Money(heard=2))
    [job] = await world.paid.settle(PAYMENT_INTENT, refunded)
    assert (job.state, job.answer, job.reason) == (State.ANSWERED, answered.job.answer, None)
    assert job.money == Money(heard=2)


async def test_a_failed_refund_finds_its_order_taken(world: World) -> None:
    """The second payment works for it by now; a human gives one of the two back."""
    await world.open("cs_1", payment_intent=PAYMENT_INTENT)
    await world.open("cs_2")
    await world.paid.settle(PAYMENT_INTENT, REFUNDED.model_copy(update={"heard": 1}))
    [job] = await world.paid.settle(PAYMENT_INTENT, Money(heard=2))
    assert job.reason is not None
    assert (job.state, job.reason.code) == (State.PARKED, ReasonCode.DUPLICATE_PAYMENT)


async def test_a_repeat_leaves_the_job_untouched(world: World) -> None:
    """The same news twice are one change."""
    await world.open(payment_intent=PAYMENT_INTENT)
    first = await world.paid.settle(PAYMENT_INTENT, DISPUTED)
    world.clock.advance(5)
    assert await world.paid.settle(PAYMENT_INTENT, DISPUTED) == first


async def test_a_refund_after_a_dispute_says_refunded(world: World) -> None:
    """The reason follows the money while the job stays cancelled."""
    await world.open(payment_intent=PAYMENT_INTENT)
    await world.paid.settle(PAYMENT_INTENT, DISPUTED)
    [job] = await world.paid.settle(PAYMENT_INTENT, REFUNDED)
    assert job.reason is not None
    assert job.reason.code is ReasonCode.REFUNDED
    [job] = await world.paid.settle(PAYMENT_INTENT, WON)
    assert job.state is State.CANCELLED


async def test_an_unknown_payment_settles_nothing(world: World) -> None:
    """A refund may be heard of before its session."""
    assert await world.paid.settle("pi_unknown", REFUNDED) == []


async def test_the_second_payment_takes_over_when_the_first_is_refunded(world: World) -> None:
    """The customer did pay for the order: the oldest duplicate is worked now."""
    await world.open("cs_1", payment_intent=PAYMENT_INTENT)
    for session_id in ("cs_2", "cs_3"):
        world.clock.advance(1)
        await world.open(session_id)
    cancelled, promoted = await world.paid.settle(PAYMENT_INTENT, REFUNDED)
    assert (cancelled.session_id, cancelled.state) == ("cs_1", State.CANCELLED)
    assert (promoted.session_id, promoted.state) == ("cs_2", State.QUEUED)
    assert promoted.not_before == world.clock.now()
    assert (await world.get("valuation:cs_3")).state is State.PARKED


async def test_a_won_dispute_finds_its_order_taken(world: World) -> None:
    """The other session works for the order by now: one result, and a human for the rest."""
    await world.open("cs_1", payment_intent=PAYMENT_INTENT)
    await world.open("cs_2")
    await world.paid.settle(PAYMENT_INTENT, DISPUTED)
    [job] = await world.paid.settle(PAYMENT_INTENT, WON)
    assert job.state is State.PARKED
    assert set(job.mails) == {MailTo.PARKED}
    assert job.reason is not None
    assert job.reason.code is ReasonCode.DUPLICATE_PAYMENT
    assert "cs_2" in job.reason.detail


async def test_a_refunded_duplicate_does_not_take_over(world: World) -> None:
    """Money given back buys nothing, whichever refund comes first."""
    await world.open("cs_1", payment_intent=PAYMENT_INTENT)
    await world.open("cs_2", payment_intent="pi_2")
    await world.paid.settle("pi_2", REFUNDED)
    await world.paid.settle(PAYMENT_INTENT, REFUNDED)
    assert {job["state"] for job in await world.documents(JOBS)} == {"cancelled"}


async def test_a_refund_and_a_delivery_at_once_leave_one_winner(world: World) -> None:
    """Either delivered with the result, or cancelled without; for each of twenty orders."""
    claims = await asyncio.gather(*(answered_order(world, place) for place in range(20)))
    deliveries = [world.jobs.deliver(claim, DUTIES) for claim in claims]
    refunds = [world.paid.settle(f"pi_{claim.job.session_id}", REFUNDED) for claim in claims]
    calls = [call for pair in zip(deliveries, refunds, strict=True) for call in pair]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for claim, delivery in zip(claims, outcomes[::2], strict=True):
        job = await world.get(claim.job_id)
        order = await world.order(Kind.VALUATION, str(job.order_id))
        assert job.money == REFUNDED
        if isinstance(delivery, LostClaim):
            assert (job.state, "bewertung" in order) == (State.CANCELLED, False)
        else:
            assert not isinstance(delivery, BaseException)
            assert (job.state, order["bewertung"]) == (State.DELIVERED, REPORT)


async def test_a_refund_and_claims_at_once_never_leave_a_worker_at_work(world: World) -> None:
    """Whoever got the claim loses it; the job ends cancelled."""
    job = await world.open(payment_intent=PAYMENT_INTENT)
    claims = [world.jobs.claim(job.id, owner=f"worker-{number}") for number in range(10)]
    settles = [world.paid.settle(PAYMENT_INTENT, REFUNDED) for _ in range(10)]
    await asyncio.gather(*claims, *settles)
    after = await world.get(job.id)
    assert (after.state, after.owner, after.not_before) == (State.CANCELLED, None, None)


async def test_twenty_refunds_and_new_payments_at_once_leave_one_at_work(world: World) -> None:
    """However opening and cancelling interleave, the order ends with exactly one paid worker."""
    await world.open("cs_00")
    opened = [world.open(f"cs_{number:02}") for number in range(1, 11)]
    refunded = [world.paid.settle("pi_cs_00", REFUNDED) for _ in range(10)]
    await asyncio.gather(*(call for pair in zip(opened, refunded, strict=True) for call in pair))
    states = sorted(job["state"] for job in await world.documents(JOBS))
    assert states == ["cancelled"] + ["parked"] * 9 + ["queued"]


async def answered_order(world: World, place: int) -> Claim:
    order_id, session_id = f"{place:024x}", f"cs_{place:02}"
    await world.put_order(Kind.VALUATION, _id=order_id, stripeSessionId=session_id)
    return await world.answered(await world.open(session_id, order_id=order_id))
