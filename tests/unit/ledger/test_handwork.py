"""The pure decisions behind starting a job again and stopping it."""

from datetime import timedelta
from typing import Any

import pytest

from domain.job import Kind, PaymentFacts, Reason, ReasonCode, State
from ledger.documents import new_job, plain
from ledger.handwork import Effect, NotByHand, parked, retried
from tests.builders import NOW, ORDER_ID

LATER = NOW + timedelta(days=3)
BY_HAND = Reason(code=ReasonCode.BY_HAND, detail="the customer will call")
INVALID = plain(Reason(code=ReasonCode.INVALID_ORDER, field="alter"))


def job(**changes: Any) -> dict[str, Any]:
    newborn = new_job(
        Kind.VALUATION,
        "cs_1",
        order_id=ORDER_ID,
        payment=PaymentFacts(),
        reason=None,
        now=NOW,
    )
    return newborn | changes


PARKED = {"state": "parked", "reason": INVALID, "not_before": None, "fence": 4, "rounds": 7}


def test_a_parked_job_is_due_again_with_a_fresh_clock() -> None:
    """Due now, no reason, no rounds, a new fence, and the order is its own."""
    effect, changes = retried(job(**PARKED, holds_order=False), None, LATER)

    assert effect is Effect.REOPENED
    assert changes == {
        "state": "queued",
        "reason": None,
        "not_before": LATER,
        "rounds": 0,
        "rounds_for": None,
        "deaths": 0,
        "reopened_at": LATER,
        "order_id": ORDER_ID,
        "holds_order": True,
        "owner": None,
        "fence": 5,
        "updated_at": LATER,
    }


def test_a_paid_answer_is_not_paid_for_again() -> None:
    """A job with a journaled answer goes back to delivering it."""
    _, changes = retried(job(**PARKED, answer={"text": "x"}), None, LATER)

    assert changes["state"] == "answered"


def test_a_job_without_an_order_is_given_one() -> None:
    """A session that named no usable order can be led to it by hand."""
    lost = job(**PARKED, order_id=None, holds_order=False)

    assert retried(lost, None, LATER)[1]["holds_order"] is False
    assert retried(lost, ORDER_ID, LATER)[1]["order_id"] == ORDER_ID
    assert retried(lost, ORDER_ID, LATER)[1]["holds_order"] is True


@pytest.mark.parametrize(
    ("changes", "effect"),
    [
        ({}, Effect.ALREADY_DUE),
        ({"state": "running", "owner": "host:1:a"}, Effect.IN_WORK),
        ({"state": "answered", "owner": "host:1:a"}, Effect.IN_WORK),
        ({"state": "waiting", "not_before": LATER + timedelta(hours=1)}, Effect.REOPENED),
        ({"state": "waiting", "not_before": NOW}, Effect.REOPENED),
        ({"state": "queued", "not_before": LATER + timedelta(hours=1)}, Effect.REOPENED),
    ],
)
def test_retrying_in_every_other_state(changes: dict[str, Any], effect: Effect) -> None:
    """What is due or in work stays untouched; what waits is due now."""
    did, written = retried(job(**changes), None, LATER)

    assert did is effect
    assert bool(written) is (effect is Effect.REOPENED)


def test_retrying_twice_is_retrying_once() -> None:
    """The second call finds the job due and changes nothing."""
    before = job(**PARKED)
    after = before | dict(retried(before, None, LATER)[1])

    assert retried(after, None, LATER) == (Effect.ALREADY_DUE, {})


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.WAITING, State.ANSWERED])
def test_every_undelivered_job_can_be_parked(state: State) -> None:
    """Whoever works on it loses the claim; the order stays reserved."""
    effect, changes = parked(job(state=state.value, owner="host:1:a", fence=2), BY_HAND, LATER)

    assert effect is Effect.PARKED
    assert (changes["state"], changes["owner"], changes["fence"]) == ("parked", None, 3)
    assert changes["reason"] == plain(BY_HAND)
    assert "holds_order" not in changes


def test_parking_a_parked_job_keeps_its_reason() -> None:
    """What the machine found out is worth more than a second opinion."""
    assert parked(job(**PARKED), BY_HAND, LATER) == (Effect.ALREADY_PARKED, {})


@pytest.mark.parametrize("state", [State.DELIVERED, State.CANCELLED])
def test_what_has_ended_is_refused(state: State) -> None:
    """Neither verb touches a delivered or a cancelled job, and says why."""
    ended = job(state=state.value, reason={"code": "refunded"})

    with pytest.raises(NotByHand, match=state.value):
        retried(ended, None, LATER)
    with pytest.raises(NotByHand, match=state.value):
        parked(ended, BY_HAND, LATER)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"_id": "valuation:cs_ä", **PARKED}, "No worker takes"),
        ({"state": "cancelled", "reason": {"code": "erased"}, "erased_at": NOW}, "is erased"),
    ],
)
def test_what_can_never_be_worked_is_not_started_again(changes: dict[str, Any], words: str) -> None:
    """It would look owed and nobody would take it."""
    with pytest.raises(NotByHand, match=words):
        retried(job(**changes), None, LATER)
