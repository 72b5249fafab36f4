from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.job import Money, ReasonCode
from domain.payment import Notice, money_from, withdrawn
from tests.builders import NOW


def refund(amount_refunded: int, *, refunded: bool = False) -> Notice:
    return Notice(
        id=f"evt_r{amount_refunded}", type="charge.refunded", created=NOW, livemode=True,
        object_id="ch_1", amount=1490, amount_refunded=amount_refunded, refunded=refunded,
    )  # fmt: skip


def dispute(
    status: str, *, closed: bool = False, after_s: int = 0, object_id: str = "dp_1"
) -> Notice:
    return Notice(
        id=f"evt_{object_id}{status}{closed}{after_s}", livemode=True, object_id=object_id,
        type="charge.dispute.closed" if closed else "charge.dispute.created",
        created=NOW + timedelta(seconds=after_s), dispute_status=status,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("notices", "code"),
    [
        ([], None),
        ([refund(500)], None),
        ([refund(1490)], ReasonCode.REFUNDED),
        ([refund(1490, refunded=True), refund(500)], ReasonCode.REFUNDED),
        ([dispute("needs_response")], ReasonCode.DISPUTED),
        ([dispute("warning_needs_response")], None),
        ([dispute("needs_response"), dispute("won", closed=True)], None),
        ([dispute("needs_response"), dispute("warning_closed", closed=True)], None),
        ([dispute("needs_response"), dispute("lost", closed=True)], ReasonCode.DISPUTED),
        ([dispute("won", closed=True), dispute("needs_response", after_s=9)], None),
        ([dispute("won", closed=True), refund(1490, refunded=True)], ReasonCode.REFUNDED),
        (
            [dispute("won", closed=True), dispute("lost", closed=True, object_id="dp_2")],
            ReasonCode.DISPUTED,
        ),
    ],
)
def test_money_is_withdrawn_by_full_refunds_and_real_disputes(
    notices: list[Notice], code: ReasonCode | None
) -> None:
    """Partial refunds, inquiries and won disputes leave the order owed."""
    reason = withdrawn(money_from(notices))

    assert code == (reason.code if reason else None)


NOTICES = st.lists(
    st.sampled_from(
        [
            refund(100), refund(700), refund(1490), refund(1490, refunded=True),
            dispute("needs_response"), dispute("under_review", after_s=5),
            dispute("won", closed=True, after_s=9), dispute("lost", closed=True, object_id="dp_2"),
            dispute("warning_needs_response", object_id="dp_3"),
        ]
    )
)  # fmt: skip


@given(NOTICES, st.randoms())
def test_order_and_repetition_do_not_matter(notices: list[Notice], random: object) -> None:
    """Stripe delivers at least once and in any order."""
    shuffled = notices + notices
    random.shuffle(shuffled)  # type: ignore[attr-defined] # Hypothesis types it as object

    assert money_from(notices) == money_from(shuffled)


def test_nothing_heard_is_nothing_withdrawn() -> None:
    """The usual case."""
    assert withdrawn(Money()) is None
