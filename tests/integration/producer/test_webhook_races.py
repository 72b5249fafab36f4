"""Stripe calls several times at once; the ledger has one job afterwards."""

import asyncio
import random

import pytest

from domain.checkout import CheckoutSession
from domain.job import State
from ledger.names import STRIPE_EVENTS
from tests.builders import SESSION_ID
from tests.integration.producer.conftest import Shop
from tests.stripe_events import PAYMENT_INTENT, event, refund_event, returned_refund_event, session

JOB_ID = f"valuation:{SESSION_ID}"


async def test_redeliveries_twins_and_sweep_meet_in_one_job(shop: Shop) -> None:
    """Ten copies of one event, ten different events and five sweeps: one job, all answered 200."""
    found = CheckoutSession.model_validate(session())
    twins = [event(session(), id=f"evt_{number}") for number in range(10)]

    answers, taken = await asyncio.gather(
        asyncio.gather(*(shop.post(raw) for raw in [event(session())] * 10 + twins)),
        asyncio.gather(*(shop.intake.take_session(found, event_livemode=None) for _ in range(5))),
    )

    assert [answer.status_code for answer in answers] == [200] * 20
    (job,) = await shop.jobs()
    assert (job["_id"], job["state"]) == (JOB_ID, State.QUEUED.value)
    assert {one.job.id for one in taken if one.job} == {JOB_ID}
    rows = await shop.connection.latest(STRIPE_EVENTS).find().to_list(None)
    assert len(rows) == 11
    assert sum(row["deliveries"] for row in rows) == 20
    assert all(row["outcome"] == "accepted" for row in rows)


@pytest.mark.parametrize("number", range(5))
async def test_refund_and_payment_at_once_end_cancelled(shop: Shop, number: int) -> None:
    """Whichever is written first, the other one sees it."""
    calls = [event(session())] * 2 + [refund_event(1490), refund_event(500)]
    random.Random(number).shuffle(calls)  # noqa: S311 - an order to try, no secret

    answers = await asyncio.gather(*(shop.post(raw) for raw in calls))

    assert [answer.status_code for answer in answers] == [200] * 4
    (job,) = await shop.jobs()
    assert job["state"] == State.CANCELLED.value
    assert job["money"]["refunded"] == 1490
    assert job["payment"]["payment_intent"] == PAYMENT_INTENT


@pytest.mark.parametrize("number", range(8))
async def test_a_refund_and_its_failure_at_once_end_owed(shop: Shop, number: int) -> None:
    """A writer who had not heard of the failure yet never has the last word."""
    calls = [event(session()), refund_event(1490), refund_event(1490)]
    calls += [returned_refund_event(type_) for type_ in ("refund.failed", "refund.updated")] * 2
    random.Random(number).shuffle(calls)  # noqa: S311 - an order to try, no secret

    answers = await asyncio.gather(*(shop.post(raw) for raw in calls))

    assert [answer.status_code for answer in answers] == [200] * len(calls)
    (job,) = await shop.jobs()
    assert (job["state"], job["holds_order"]) == (State.QUEUED.value, True)
    assert (job["money"]["heard"], job["money"]["refunded"]) == (3, 0)


async def test_two_sessions_for_one_order_at_once(shop: Shop) -> None:
    """One is worked for, the other one is parked as paid twice."""
    second = session(id=f"{SESSION_ID}2", payment_intent="pi_second")

    await asyncio.gather(*(shop.post(event(raw)) for raw in [session(), second] * 3))

    jobs = await shop.jobs()
    assert sorted(job["state"] for job in jobs) == [State.PARKED.value, State.QUEUED.value]
    (parked,) = [job for job in jobs if job["state"] == State.PARKED.value]
    assert parked["reason"]["code"] == "duplicate_payment"


async def test_a_paid_session_is_rung_for(shop: Shop) -> None:
    """The bell rings only after the job is durable."""
    await shop.post(event(session()))

    assert shop.bell.job_ids == [JOB_ID]
    assert len(await shop.jobs()) == 1
