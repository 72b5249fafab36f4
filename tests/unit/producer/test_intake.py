"""From Stripe's events to jobs: sequences, repetitions, crashes and reviews."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from domain.checkout import CheckoutSession
from domain.errors import Unavailable
from domain.job import Kind, Money, ReasonCode, State
from payments.events import read_event
from producer.intake import Outcome
from tests.builders import ORDER_ID, SESSION_ID, order
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.stripe_events import (
    PAYMENT_INTENT,
    certificate_session,
    charge,
    dispute_event,
    event,
    refund_event,
    returned_refund_event,
    session,
)
from tests.stripe_signing import as_body
from tests.unit.producer.fakes import World, world

JOB_ID = f"valuation:{SESSION_ID}"
UNPAID = event(session(payment_status="unpaid"), id="evt_unpaid")
PAID = event(session())
ASYNC_OK = event(session(), "checkout.session.async_payment_succeeded")
ASYNC_FAILED = event(session(payment_status="unpaid"), "checkout.session.async_payment_failed")
EXPIRED = event(session(status="expired", payment_status="unpaid"), "checkout.session.expired")
REFUND_FAILED = returned_refund_event("refund.failed")
REFUND_WENT_THROUGH = returned_refund_event("refund.updated", status="succeeded")
DISPUTE_MOVED = dispute_event("needs_response", type="charge.dispute.funds_withdrawn")
FUNDS_REINSTATED = dispute_event("won", type="charge.dispute.funds_reinstated", id="evt_reinstated")


async def take(at: World, raw: dict[str, Any]) -> Outcome:
    return await at.intake.take_notice(read_event(as_body(raw)))


async def test_paid_session_becomes_a_job() -> None:
    """Paid: one queued job with the payment's facts, rung for, its event handled."""
    here = world()

    assert await take(here, PAID) is Outcome.ACCEPTED

    job = here.job()
    assert (job.id, job.order_id, job.state) == (JOB_ID, ORDER_ID, State.QUEUED)
    assert job.payment.payment_intent == PAYMENT_INTENT
    assert here.bell.job_ids == [JOB_ID]
    assert here.events()[PAID["id"]]["outcome"] == "accepted"


@pytest.mark.parametrize(
    ("sequence", "state"),
    [
        ([UNPAID], None),
        ([UNPAID, ASYNC_OK], State.QUEUED),
        ([ASYNC_OK, UNPAID], State.QUEUED),
        ([UNPAID, ASYNC_FAILED], None),
        ([PAID, UNPAID], State.QUEUED),
        ([PAID, ASYNC_FAILED], State.QUEUED),
        ([PAID, EXPIRED], State.QUEUED),
        ([EXPIRED], None),
        ([PAID, PAID], State.QUEUED),
        ([PAID, ASYNC_OK], State.QUEUED),
        ([PAID, refund_event(500)], State.QUEUED),
        ([PAID, refund_event(1490)], State.CANCELLED),
        ([PAID, refund_event(500), refund_event(1490)], State.CANCELLED),
        ([PAID, refund_event(1490), refund_event(500)], State.CANCELLED),
        ([refund_event(1490), PAID], State.CANCELLED),
        ([refund_event(500), PAID], State.QUEUED),
        ([dispute_event("needs_response"), PAID], State.CANCELLED),
        ([PAID, dispute_event("needs_response")], State.CANCELLED),
        ([PAID, dispute_event("warning_needs_response")], State.QUEUED),
        (
            [PAID, dispute_event("needs_response"), dispute_event("won", closed=True)],
            State.QUEUED,
        ),
        (
            [PAID, dispute_event("won", closed=True), dispute_event("needs_response")],
            State.QUEUED,
        ),
        (
            [PAID, dispute_event("needs_response"), dispute_event("lost", closed=True)],
            State.CANCELLED,
        ),
        ([PAID, refund_event(1490), PAID], State.CANCELLED),
        ([PAID, refund_event(1490), REFUND_FAILED], State.QUEUED),
        ([PAID, REFUND_FAILED, refund_event(1490)], State.QUEUED),
        ([refund_event(1490), REFUND_FAILED, PAID], State.QUEUED),
        ([PAID, refund_event(1490), REFUND_WENT_THROUGH], State.CANCELLED),
        (
            [PAID, refund_event(1490), REFUND_FAILED, dispute_event("lost", closed=True)],
            State.CANCELLED,
        ),
        ([PAID, DISPUTE_MOVED], State.CANCELLED),
        ([PAID, DISPUTE_MOVED, FUNDS_REINSTATED], State.QUEUED),
        ([PAID, FUNDS_REINSTATED, DISPUTE_MOVED], State.QUEUED),
    ],
)
async def test_sequences(sequence: Sequence[dict[str, Any]], state: State | None) -> None:
    """Whatever order events come in, they add up to the same job, and there is one at most."""
    here = world()

    for raw in sequence:
        await take(here, raw)

    assert [job.state for job in here.jobs()] == ([state] if state else [])


@pytest.mark.parametrize("sequence", list(itertools.permutations([PAID, ASYNC_OK, UNPAID])))
async def test_order_of_session_events_does_not_matter(
    sequence: Sequence[dict[str, Any]],
) -> None:
    """Different events about one session meet in one job."""
    here = world()

    for raw in sequence:
        await take(here, raw)

    assert here.job().state is State.QUEUED
    assert len(here.events()) == 3


async def test_partial_then_full_refund_is_recorded() -> None:
    """The highest refund counts and cancels only when it is the whole."""
    here = world()
    await take(here, PAID)

    assert await take(here, refund_event(500)) is Outcome.SETTLED
    assert here.job().money == Money(heard=1, refunded=500)
    await take(here, refund_event(1490))

    assert here.job().money == Money(heard=2, refunded=1490, fully_refunded=True)
    reason = here.job().reason
    assert reason is not None
    assert reason.code is ReasonCode.REFUNDED


async def test_won_dispute_rings_again() -> None:
    """A re-opened job is due at once."""
    here = world()
    await take(here, PAID)
    await take(here, dispute_event("needs_response"))
    here.bell.job_ids.clear()

    await take(here, dispute_event("won", closed=True))

    assert here.bell.job_ids == [JOB_ID]


async def test_refund_that_came_first_rings_nobody() -> None:
    """A job that is born withdrawn is not worked on."""
    here = world()

    assert await take(here, refund_event(1490)) is Outcome.NOTED
    assert await take(here, PAID) is Outcome.WITHDRAWN
    assert here.bell.job_ids == []


@pytest.mark.parametrize(
    "raw",
    [
        event(charge(1490, payment_intent=None), "charge.refunded"),
        event(charge(1490, payment_intent="pi_of_another_shop"), "charge.refunded"),
        event(charge(0, refunded=None), "charge.refunded"),
    ],
)
async def test_refund_of_something_else_is_noted(raw: dict[str, Any]) -> None:
    """Unknown and absent payment intents touch no job, zero totals least of all."""
    here = world()
    await take(here, event(session(payment_intent=None, amount_total=0)))

    assert await take(here, raw) is Outcome.NOTED
    assert here.job().state is State.QUEUED


async def test_zero_total_is_paid() -> None:
    """A full voucher has no payment intent and is delivered like any other."""
    here = world()
    free = session(payment_status="no_payment_required", amount_total=0, payment_intent=None)

    assert await take(here, event(free)) is Outcome.ACCEPTED


async def test_second_session_for_one_order_is_parked() -> None:
    """A customer who paid twice gets one valuation, and a human gets the other payment."""
    here = world()
    second = session(id=f"{SESSION_ID}2", payment_intent="pi_second")

    await take(here, PAID)
    assert await take(here, event(second)) is Outcome.REVIEW

    states = {job.session_id: job.state for job in here.jobs()}
    assert states == {SESSION_ID: State.QUEUED, f"{SESSION_ID}2": State.PARKED}
    assert here.bell.job_ids == [JOB_ID]


@pytest.mark.parametrize(
    ("changes", "event_changes", "code"),
    [
        ({"amount_subtotal": 1}, {}, ReasonCode.AMOUNT_MISMATCH),
        ({"currency": "usd"}, {}, ReasonCode.CURRENCY_MISMATCH),
        ({"livemode": False}, {"livemode": False}, ReasonCode.LIVEMODE_MISMATCH),
        ({}, {"livemode": False}, ReasonCode.LIVEMODE_MISMATCH),
        ({"mode": "subscription"}, {}, ReasonCode.UNSUPPORTED_MODE),
        ({"metadata": {"bewertungId": "x"}}, {}, ReasonCode.MALFORMED_REFERENCE),
        ({"metadata": {}}, {}, ReasonCode.MISSING_REFERENCE),
    ],
)
async def test_what_does_not_fit_is_parked(
    changes: dict[str, Any], event_changes: dict[str, Any], code: ReasonCode
) -> None:
    """Money that may be ours ends in front of a human, on every delivery the same."""
    here = world()
    raw = event(session(**changes), **event_changes)

    assert await take(here, raw) is Outcome.REVIEW
    assert await take(here, raw) is Outcome.REVIEW

    job = here.job()
    assert job.state is State.PARKED
    assert job.reason is not None
    assert job.reason.code is code
    assert here.bell.job_ids == []


@pytest.mark.parametrize(
    "raw",
    [
        event(session(metadata={"product": "poster"})),
        event(session(metadata={}, payment_link="plink_1")),
        event(session(metadata={}, amount_subtotal=3000)),
    ],
)
async def test_another_product_is_ignored(raw: dict[str, Any]) -> None:
    """No job for what is not ours; the inbox says so."""
    here = world()

    assert await take(here, raw) is Outcome.IGNORED
    assert here.jobs() == []
    assert here.events()[raw["id"]]["outcome"] == "ignored"


@pytest.mark.parametrize("type_", ["invoice.paid", "payment_intent.succeeded", "charge.succeeded"])
async def test_unwanted_types_are_not_even_stored(type_: str) -> None:
    """Acknowledged and forgotten."""
    here = world()

    assert await take(here, event({"object": "?"}, type_)) is Outcome.IGNORED
    assert here.events() == {}


async def test_session_known_by_its_order_alone() -> None:
    """Without metadata the order document that holds the session tells the product."""
    here = world()
    here.store.put_order(Kind.CERTIFICATE, order())

    await take(here, event(certificate_session(metadata={})))

    assert here.job().id == f"certificate:{SESSION_ID}"


async def test_order_that_appears_later_makes_no_second_job() -> None:
    """A guessed product sticks: one session, one job, for a human to correct."""
    here = world()
    raw = session(metadata={})
    await take(here, event(raw))
    here.store.put_order(Kind.CERTIFICATE, order())

    outcome = await take(here, event(raw, "checkout.session.async_payment_succeeded"))

    assert outcome is Outcome.REVIEW
    assert here.job().id == JOB_ID


async def test_order_row_missing_is_the_workers_concern() -> None:
    """The site inserts the order after the session: a paid session waits for nobody."""
    here = world()

    assert await take(here, PAID) is Outcome.ACCEPTED
    assert here.job().order_id == ORDER_ID


async def test_session_without_event_is_taken_the_same_way() -> None:
    """Reconciliation and replay meet the webhook in one job."""
    here = world()
    found = CheckoutSession.model_validate(session())

    first = await here.intake.take_session(found, event_livemode=None)
    await take(here, PAID)
    second = await here.intake.take_session(found, event_livemode=None)

    assert (first.outcome, first.created) == (Outcome.ACCEPTED, True)
    assert (second.outcome, second.created) == (Outcome.ACCEPTED, False)
    assert here.job().id == JOB_ID


async def test_many_at_once_make_one_job() -> None:
    """Redeliveries, twin events and a sweep at the same moment: one job."""
    here = world()
    found = CheckoutSession.model_validate(session())
    twins = [event(session(), id=f"evt_{number}") for number in range(10)]

    await asyncio.gather(
        *(take(here, raw) for raw in [PAID] * 10 + twins + [ASYNC_OK]),
        *(here.intake.take_session(found, event_livemode=None) for _ in range(5)),
    )

    assert here.job().state is State.QUEUED


class DyingStore(MemoryStore):
    """Answers `lives` times and then no more."""

    def __init__(self, lives: int) -> None:
        super().__init__(FakeClock())
        self._lives = lives

    def answer(self) -> None:
        self._lives -= 1
        if self._lives == -1:
            raise Unavailable("the memory store died")


@pytest.mark.parametrize("lives", range(5))
@pytest.mark.parametrize("sequence", [[PAID], [refund_event(500), PAID], [PAID, refund_event(500)]])
async def test_death_between_any_two_steps(lives: int, sequence: list[dict[str, Any]]) -> None:
    """Wherever the ledger fails, the redelivery completes the work, exactly once."""
    here = world(store=DyingStore(lives))

    for raw in sequence:
        try:
            await take(here, raw)
        except Unavailable:
            is_handled = here.events().get(raw["id"], {}).get("handled_at")
            assert not is_handled or here.jobs()
            await take(here, raw)

    assert here.job().state is State.QUEUED
    assert all(row["handled_at"] for row in here.events().values())
    assert JOB_ID in here.bell.job_ids
