"""Which mails a parking and a delivery leave behind."""

import pytest

from domain.duties import BROKEN_PROMISES, after_delivery, after_parking, owed_in
from domain.job import MailDuty, MailState, MailTo, Reason, ReasonCode, State

SENT = MailDuty(state=MailState.SENT, tries=1)
EXHAUSTED = Reason(code=ReasonCode.CHAIN_EXHAUSTED)
INVALID = Reason(code=ReasonCode.INVALID_ORDER, field="alter")


@pytest.mark.parametrize("code", ReasonCode)
def test_what_a_parking_owes(code: ReasonCode) -> None:
    """A broken promise: a word to the customer and a proposal. Else a word to the shop."""
    owed = after_parking({}, Reason(code=code))

    if code is ReasonCode.BY_HAND:
        assert owed == {}
    elif code in BROKEN_PROMISES:
        assert owed == {MailTo.DELAY: MailDuty(), MailTo.REFUND_PROPOSAL: MailDuty()}
    else:
        assert owed == {MailTo.PARKED: MailDuty()}


def test_the_customer_is_told_of_a_delay_once_in_a_jobs_life() -> None:
    """The second parking proposes again, under a key of its own."""
    told = {MailTo.DELAY: SENT, MailTo.REFUND_PROPOSAL: SENT}

    again = after_parking(told, EXHAUSTED)

    assert again[MailTo.DELAY] == SENT
    assert again[MailTo.REFUND_PROPOSAL] == MailDuty(edition=1)


def test_what_was_not_sent_yet_is_no_second_occasion() -> None:
    """A retry between parking and mail leaves one mail, not two."""
    pending = {MailTo.PARKED: MailDuty(tries=3)}

    assert after_parking(pending, INVALID) == {MailTo.PARKED: MailDuty()}


def test_another_reason_makes_the_old_ones_mails_pointless() -> None:
    """Nobody is told of what is over; what was sent stays on record."""
    mails = {MailTo.DELAY: MailDuty(), MailTo.REFUND_PROPOSAL: SENT}

    assert after_parking(mails, INVALID) == {
        MailTo.REFUND_PROPOSAL: SENT,
        MailTo.PARKED: MailDuty(),
    }


def test_a_delivery_ends_all_excuses_and_repeats_no_mail() -> None:
    """The normal mails go out after a delay mail, and only once."""
    owed = {MailTo.CUSTOMER: MailDuty(), MailTo.ADMIN: MailDuty()}

    assert after_delivery({MailTo.DELAY: MailDuty()}, owed) == owed
    assert after_delivery({MailTo.DELAY: SENT}, owed) == {MailTo.DELAY: SENT} | owed
    assert after_delivery({MailTo.CUSTOMER: SENT}, owed)[MailTo.CUSTOMER] == SENT


@pytest.mark.parametrize("state", [State.QUEUED, State.WAITING, State.CANCELLED])
def test_nothing_is_sent_while_nobody_holds_the_job(state: State) -> None:
    """Cancelled orders are not excused for, waiting ones not reported."""
    assert owed_in(state) == ()
