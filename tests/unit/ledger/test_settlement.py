"""The pure decision about refunds and disputes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.job import Kind, MailDuty, MailTo, Money, PaymentFacts, Reason, ReasonCode, State
from ledger.documents import duplicate_of, new_job, plain
from ledger.settlement import lost_to, merged, settled
from tests.builders import NOW, ORDER_ID

STATUSES = ["needs_response", "under_review", "warning_needs_response", "won", "lost"]
MONEY = st.builds(
    Money,
    refunded=st.integers(0, 2000),
    fully_refunded=st.booleans(),
    disputes=st.dictionaries(st.sampled_from(["du_1", "du_2"]), st.sampled_from(STATUSES)),
)
REFUNDED = Money(refunded=1490, fully_refunded=True)
BY_HAND = Reason(code=ReasonCode.BY_HAND, detail="the customer asked")


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


@given(MONEY, MONEY)
def test_merging_takes_nothing_back(known: Money, news: Money) -> None:
    """Refunds only grow, known disputes stay known, closed ones stay closed."""
    both = merged(known, news)
    assert both.refunded == max(known.refunded, news.refunded)
    assert both.fully_refunded == (known.fully_refunded or news.fully_refunded)
    assert both.disputes.keys() == known.disputes.keys() | news.disputes.keys()
    for dispute, status in known.disputes.items():
        if status in {"won", "lost"}:
            assert both.disputes[dispute] in {"won", "lost"}


@given(MONEY, MONEY)
def test_merging_twice_is_merging_once(known: Money, news: Money) -> None:
    """Repeated notices add nothing."""
    once = merged(known, news)
    assert merged(once, news) == once


@given(MONEY, MONEY)
def test_the_view_that_heard_more_is_the_later_one(known: Money, news: Money) -> None:
    """Whichever is applied last: refunds that failed are not refunded again by a late writer."""
    earlier, later = known.model_copy(update={"heard": 1}), news.model_copy(update={"heard": 2})
    assert merged(earlier, later) == merged(later, earlier) == later


def test_a_failed_refund_brings_the_job_back() -> None:
    """The money stayed with us, so the order is owed again; the late refund changes nothing."""
    refunded = REFUNDED.model_copy(update={"heard": 1})
    cancelled = job() | settled(job(), refunded, NOW)
    back = cancelled | settled(cancelled, Money(heard=2), NOW)
    assert (back["state"], back["not_before"], back["holds_order"]) == ("queued", NOW, True)
    assert settled(back, refunded, NOW) == {}


@given(MONEY)
def test_settling_twice_changes_nothing_more(money: Money) -> None:
    """The decision is idempotent for a job in any course."""
    before = job()
    after = before | settled(before, money, NOW)
    assert settled(after, money, NOW) == {}


@pytest.mark.parametrize("state", [s for s in State if s not in (State.DELIVERED, State.CANCELLED)])
def test_every_undelivered_state_is_cancelled(state: State) -> None:
    """Refunded work ends, wherever it stands, and remembers where it stood."""
    changes = settled(job(state=state.value, owner="worker-a", fence=4), REFUNDED, NOW)
    assert changes["state"] == "cancelled"
    assert changes["cancelled_from"] == {
        "state": state.value,
        "reason": None,
        "holds_order": True,
    }
    assert (changes["owner"], changes["fence"], changes["not_before"]) == (None, 5, None)


def test_a_cancellation_by_hand_is_not_undone_by_money() -> None:
    """Only what money cancelled does money re-open."""
    cancelled = job(state="cancelled", reason=plain(BY_HAND))
    assert settled(cancelled, Money(disputes={"du_1": "won"}), NOW).keys() == {
        "money",
        "updated_at",
    }


def test_a_job_without_known_money_is_settled_too() -> None:
    """Documents of an earlier version may lack the field."""
    assert settled(job(money=None), REFUNDED, NOW)["state"] == "cancelled"


def test_a_lost_reopening_names_the_holder() -> None:
    """Parked, due for the shop's mail only, holding nothing; all else as the re-opening says."""
    holder = job(session_id="cs_2")
    reopening = {"state": "queued", "fence": 7, "owner": None, "updated_at": NOW}
    lost = lost_to(holder, job(), reopening)
    assert lost == {
        "state": "parked",
        "fence": 7,
        "owner": None,
        "reason": plain(duplicate_of(holder)),
        "not_before": NOW,
        "mails": plain({MailTo.PARKED: MailDuty()}),
        "parked_at": NOW,
        "updated_at": NOW,
        "holds_order": False,
    }
