"""The pure decision behind sending a mail again."""

from typing import Any

import pytest

from domain.job import MailDuty, MailState, MailTo
from ledger.documents import plain
from ledger.handwork import Effect, NotByHand
from ledger.mail_again import mailed
from tests.builders import NOW
from tests.unit.ledger.test_handwork import job


def delivered(duty: MailDuty | None, **changes: Any) -> dict[str, Any]:
    mails = {"customer": plain(duty)} if duty else {}
    return job(state="delivered", mails=mails, not_before=None, fence=3) | changes


def duty_after(duty: MailDuty | None, *, again: bool = False) -> MailDuty:
    effect, changes = mailed(delivered(duty), MailTo.CUSTOMER, again=again, now=NOW)
    assert (effect, changes["not_before"], changes["fence"]) == (Effect.MAIL_DUE, NOW, 4)
    return MailDuty.model_validate(changes["mails.customer"])


@pytest.mark.parametrize("state", [MailState.FAILED, MailState.OFF, MailState.PENDING])
def test_what_was_not_sent_is_due_at_once_under_its_old_key(state: MailState) -> None:
    """It may have gone out without our knowing; the provider then keeps the second one back."""
    fresh = duty_after(MailDuty(state=state, tries=9, error="resend: 422"))

    assert fresh == MailDuty(asked_at=NOW)


def test_what_was_sent_needs_to_be_asked_for_and_gets_a_key_of_its_own() -> None:
    """Each further mail is another edition."""
    sent = MailDuty(state=MailState.SENT, sent_at=NOW, edition=1)

    with pytest.raises(NotByHand, match="--again"):
        mailed(delivered(sent), MailTo.CUSTOMER, again=False, now=NOW)
    assert duty_after(sent, again=True).edition == 2


def test_a_mail_that_was_never_owed_can_be_sent() -> None:
    """The shop sent no mails when the order was delivered."""
    assert duty_after(None) == MailDuty(asked_at=NOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"state": "running"}, "by themselves"), ({"erased_at": NOW}, "erased")],
)
def test_refusals(changes: dict[str, Any], words: str) -> None:
    """Nothing goes out before the delivery or after an erasure."""
    with pytest.raises(NotByHand, match=words):
        mailed(delivered(MailDuty(), **changes), MailTo.CUSTOMER, again=True, now=NOW)


def test_a_mail_in_a_state_of_a_newer_build_is_left_to_it() -> None:
    """Whether it went out only that build can tell."""
    with pytest.raises(NotByHand, match="newer"):
        mailed(delivered(MailDuty(state=MailState("held"))), MailTo.CUSTOMER, again=True, now=NOW)


def test_a_job_in_work_is_left_to_its_worker() -> None:
    """It may be sending right now."""
    found = delivered(MailDuty(), owner="worker-a")

    assert mailed(found, MailTo.CUSTOMER, again=True, now=NOW) == (Effect.IN_WORK, {})
