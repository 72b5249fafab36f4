"""What remains of an erased job."""

from typing import Any

import pytest

from domain.job import Job, State
from ledger.documents import plain
from ledger.handwork import Effect, NotByHand
from ledger.settlement import settled
from ledger.tombstone import erased, is_owed
from tests.builders import NOW, ORDER_ID
from tests.integration.ledger.examples import DUTIES, REPORT, make_answer
from tests.unit.ledger.test_handwork import job

DISPUTED = {"code": "disputed", "field": None, "detail": "dp_1 is needs_response"}
REFUNDED = {"code": "refunded", "field": None, "detail": "1490 minor units refunded"}


def worked(state: State, **changes: Any) -> dict[str, Any]:
    words = {"answer": plain(make_answer()), "mails": plain(DUTIES), "fence": 4, "owner": "a"}
    return job(state=state.value, **words, not_before=NOW, holds_order=True) | changes


@pytest.mark.parametrize(
    ("state", "reason", "owed"),
    [
        (State.QUEUED, None, True),
        (State.RUNNING, None, True),
        (State.WAITING, None, True),
        (State.ANSWERED, None, True),
        (State.PARKED, None, True),
        (State.DELIVERED, None, False),
        (State.CANCELLED, REFUNDED, False),
        (State.CANCELLED, DISPUTED, True),
    ],
)
def test_who_paid_and_may_still_get_something_is_not_erased_in_passing(
    state: State, reason: dict[str, Any] | None, *, owed: bool
) -> None:
    """A dispute may be won; everything undelivered is owed."""
    found = worked(state, reason=reason)

    assert is_owed(found) == owed
    if owed:
        with pytest.raises(NotByHand, match="Refund"):
            erased(found, NOW, although_owed=False)
    assert erased(found, NOW, although_owed=True)[0] is Effect.ERASED


@pytest.mark.parametrize("state", list(State))
def test_nobody_works_on_a_tombstone(state: State) -> None:
    """No owner, a higher fence, never due, no mails, no words: and still a job."""
    before = worked(state)
    _, changes = erased(before, NOW, although_owed=True)
    after = before | dict(changes)

    assert (after["owner"], after["not_before"], after["mails"]) == (None, None, {})
    assert after["fence"] == before["fence"] + 1
    assert after["state"] in {State.DELIVERED.value, State.CANCELLED.value}
    assert REPORT not in str(after)
    assert Job.model_validate(after).erased_at == NOW


def test_a_delivered_job_keeps_its_order_and_its_figures() -> None:
    """A second payment still finds the order taken, and the day's revenue its model."""
    before = worked(State.DELIVERED)
    after = before | dict(erased(before, NOW, although_owed=False)[1])

    assert (after["holds_order"], after["order_id"]) == (True, ORDER_ID)
    assert after["answer"]["generation_id"] == "gen-1"
    assert after["answer"]["usage"]["cost_usd"] == pytest.approx(0.047)
    assert (after["answer"]["text"], after["answer"]["price_high"]) == ("", 0)


def test_an_order_that_nobody_gets_is_free_for_the_next_who_paid() -> None:
    """The one who was erased holds it no more."""
    before = worked(State.PARKED)
    after = before | dict(erased(before, NOW, although_owed=True)[1])

    assert after["holds_order"] is False
    assert after["reason"]["code"] == "erased"


def test_a_won_dispute_brings_nothing_back() -> None:
    """The job stays cancelled whatever Stripe says later; the money is noted."""
    origin = {"state": "answered", "reason": None, "holds_order": True}
    before = worked(State.CANCELLED, reason=DISPUTED, cancelled_from=origin)
    after = before | dict(erased(before, NOW, although_owed=True)[1])

    changes = settled(after, Job.model_validate(after).money.model_copy(
        update={"disputes": {"dp_1": "won"}}
    ), NOW)  # fmt: skip

    assert changes["money"]["disputes"] == {"dp_1": "won"}
    assert "state" not in changes


def test_once_is_enough() -> None:
    """The second time changes nothing."""
    assert erased(worked(State.DELIVERED, erased_at=NOW), NOW, although_owed=False) == (
        Effect.ALREADY_ERASED,
        {},
    )
