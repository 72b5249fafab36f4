"""A paid session becomes exactly one job, and an order is worked for exactly one session."""

import asyncio

import pytest

from domain.job import Kind, MailTo, Money, Opening, Reason, ReasonCode, State
from ledger.names import JOBS
from tests.builders import ORDER_ID, SESSION_ID
from tests.integration.ledger.examples import PAYMENT
from tests.integration.ledger.world import World

MISMATCH = Reason(code=ReasonCode.AMOUNT_MISMATCH, detail="expected 1490 EUR, came 100 EUR")


def opening(session_id: str = SESSION_ID, **changes: object) -> Opening:
    fields: dict[str, object] = {
        "kind": Kind.VALUATION,
        "session_id": session_id,
        "order_id": ORDER_ID,
        "payment": PAYMENT,
    }
    return Opening(**(fields | changes))  # type: ignore[arg-type] # the table's values are right


async def test_a_paid_session_is_queued_and_due_at_once(world: World) -> None:
    """The first call creates the job under the name of its intent."""
    job, created = await world.paid.open(opening())
    assert created
    assert job.id == f"valuation:{SESSION_ID}"
    assert job.state is State.QUEUED
    assert job.not_before == job.created_at == world.clock.now()
    assert job.payment == PAYMENT


async def test_a_repeat_changes_nothing(world: World) -> None:
    """A redelivered event finds the job and leaves it alone, whatever it carries."""
    first, _ = await world.paid.open(opening(reason=MISMATCH))
    world.clock.advance(60)
    again, created = await world.paid.open(opening(order_id="0" * 24))
    assert not created
    assert again == first


async def test_a_mismatch_is_born_parked_and_holds_no_order(world: World) -> None:
    """A payment that does not fit waits for a human and blocks nobody."""
    parked, _ = await world.paid.open(opening("cs_wrong", reason=MISMATCH))
    good, _ = await world.paid.open(opening("cs_right"))
    assert (parked.state, parked.reason) == (State.PARKED, MISMATCH)
    assert parked.mails.keys() == {MailTo.PARKED}
    assert good.state is State.QUEUED


async def test_withdrawn_money_is_born_cancelled(world: World) -> None:
    """The refund came first: no worker may find the job, not for a moment. It may come back."""
    refunded = Money(heard=1, refunded=1490, fully_refunded=True)
    returned = Money(heard=2)
    payment = PAYMENT.model_copy(update={"payment_intent": "pi_1"})
    job, created = await world.paid.open(opening(money=refunded, payment=payment))
    assert created
    assert (job.state, job.not_before) == (State.CANCELLED, None)
    assert await world.jobs.claim(job.id, owner="worker-a") is None

    (again,) = await world.paid.settle("pi_1", returned)

    assert again.state is State.QUEUED
    assert await world.jobs.claim(job.id, owner="worker-a") is not None


async def test_a_second_paid_session_for_an_order_is_parked(world: World) -> None:
    """The customer paid twice: one is worked, the other names it."""
    await world.open("cs_first")
    second = await world.open("cs_second")
    assert second.state is State.PARKED
    assert second.reason is not None
    assert second.reason.code is ReasonCode.DUPLICATE_PAYMENT
    assert "cs_first" in second.reason.detail


@pytest.mark.parametrize(
    ("kind", "order_id"),
    [(Kind.CERTIFICATE, ORDER_ID), (Kind.VALUATION, "0" * 24), (Kind.VALUATION, None)],
)
async def test_other_orders_are_free(world: World, kind: Kind, order_id: str | None) -> None:
    """The rule is about one order of one kind; unknown orders are no conflict."""
    await world.open("cs_first")
    await world.open("cs_unknown", order_id=None)
    other = await world.open("cs_second", kind=kind, order_id=order_id)
    assert other.state is State.QUEUED


async def test_one_session_opened_by_thirty_at_once_is_one_job(world: World) -> None:
    """Whoever comes second gets the job and never an error."""
    results = await asyncio.gather(*(world.paid.open(opening()) for _ in range(30)))
    assert [created for _, created in results].count(True) == 1
    assert {job.id for job, _ in results} == {f"valuation:{SESSION_ID}"}
    assert len(await world.documents(JOBS)) == 1


async def test_thirty_sessions_for_one_order_leave_one_at_work(world: World) -> None:
    """However they race, one holds the order and all others are parked under its name."""
    calls = [world.paid.open(opening(f"cs_{number:02}")) for number in range(15)]
    repeats = [world.paid.open(opening(f"cs_{number:02}")) for number in range(15)]
    results = await asyncio.gather(*calls, *repeats)
    assert [created for _, created in results].count(True) == 15
    jobs = await world.documents(JOBS)
    assert sorted(job["state"] for job in jobs) == ["parked"] * 14 + ["queued"]
    [holder] = [job for job in jobs if job["holds_order"]]
    assert {job["reason"]["detail"] for job in jobs if job["reason"]} == {
        f"the order is paid by session {holder['session_id']} already"
    }


async def test_a_session_has_one_job_whatever_it_is_taken_for(world: World) -> None:
    """A product that was guessed first stays the only one, and the session leads to it."""
    first = await world.open(kind=Kind.VALUATION)
    world.clock.advance(1)
    again = await world.paid.open(opening(kind=Kind.CERTIFICATE))
    assert again == (first, False)
    assert await world.paid.of_session(SESSION_ID) == first
    assert await world.paid.of_session("cs_unknown") is None
