from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.job import Money, ReasonCode
from domain.payment import Notice, money_from, withdrawn
from tests.builders import NOW


def refund(amount_refunded: int, *, refunded: bool = False, after_s: int = 0) -> Notice:
    return Notice(
        id=f"evt_r{amount_refunded}{after_s}", type="charge.refunded", livemode=True,
        created=NOW + timedelta(seconds=after_s), object_id="ch_1", amount=1490,
        amount_refunded=amount_refunded, refunded=refunded,
    )  # fmt: skip


def returned(
    amount: int, *, object_id: str = "re_1", status: str = "failed", after_s: int = 5
) -> Notice:
    return Notice(
        id=f"evt_{object_id}{status}{after_s}", type="refund.updated", livemode=True,
        created=NOW + timedelta(seconds=after_s), object_id=object_id, amount=amount,
        refund_status=status,
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
        ([refund(1490, refunded=True), returned(1490)], None),
        ([refund(1490, refunded=True), returned(1490, status="canceled")], None),
        ([refund(1490, refunded=True), returned(1490, status="pending")], ReasonCode.REFUNDED),
        ([refund(1490, refunded=True), returned(1490), returned(1490, after_s=9)], None),
        ([refund(500), refund(1490, after_s=1), returned(990, object_id="re_2")], None),
        ([returned(1490)], None),
        (
            [refund(1490), returned(1490), refund(1490, refunded=True, after_s=9)],
            ReasonCode.REFUNDED,
        ),
        ([refund(1490), refund(1490, refunded=True, after_s=9), returned(1490, after_s=12)], None),
        ([dispute("needs_response"), dispute("won", after_s=3)], None),
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
            returned(700), returned(700, status="pending", after_s=2), refund(790, after_s=6),
            returned(790, object_id="re_2", after_s=8),
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


class Till:
    """Stripe's own books of one charge, kept the plain way, and the notices it would send."""

    def __init__(self) -> None:
        self.refunds: dict[str, int] = {}
        self.notices: list[Notice] = []
        self._now_s = 0

    @property
    def refunded(self) -> int:
        return sum(self.refunds.values())

    def refund(self, amount: int) -> None:
        amount = min(amount, 1490 - self.refunded)
        if amount:
            self._now_s += 1
            self.refunds[f"re_{self._now_s}"] = amount
            full = self.refunded == 1490
            self.notices.append(refund(self.refunded, refunded=full, after_s=self._now_s))

    def fail(self, place: int) -> None:
        if self.refunds:
            self._now_s += 1
            failed = sorted(self.refunds)[place % len(self.refunds)]
            amount = self.refunds.pop(failed)
            self.notices.append(returned(amount, object_id=failed, after_s=self._now_s))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("refund"), st.integers(1, 1490)),
            st.tuples(st.just("fail"), st.integers(0, 9)),
        ),
        max_size=12,
    ),
    st.randoms(),
)
def test_the_notices_add_up_to_the_books(steps: list[tuple[str, int]], random: object) -> None:
    """However refunds are made and fail, and in whatever order we hear of it."""
    till = Till()
    for what, number in steps:
        getattr(till, what)(number)
    random.shuffle(till.notices)  # type: ignore[attr-defined] # Hypothesis types it as object

    money = money_from(till.notices)

    assert money.refunded == till.refunded
    assert money.fully_refunded is (till.refunded == 1490)
