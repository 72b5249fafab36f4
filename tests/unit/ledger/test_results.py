"""What a delivery writes."""

from datetime import timedelta

import pytest

from domain.job import Job, Kind, MailDuty, MailState, State
from ledger.results import certificate_number, next_mail_at, result_fields
from tests.builders import NOW

SOON, LATER = NOW + timedelta(seconds=30), NOW + timedelta(minutes=5)


def test_a_job_without_an_answer_has_no_result() -> None:
    """Nothing is made up where nothing was journaled."""
    job = Job(
        id="valuation:cs_1",
        kind=Kind.VALUATION,
        session_id="cs_1",
        state=State.ANSWERED,
        created_at=NOW,
        updated_at=NOW,
    )
    with pytest.raises(ValueError, match="no journaled answer"):
        result_fields(job, None, NOW)


@pytest.mark.parametrize(("count", "number"), [(1, "000001"), (41, "000041"), (999_999, "999999")])
def test_certificate_numbers_have_six_digits(count: int, number: str) -> None:
    """As the site has always printed them."""
    assert certificate_number(2026, count) == f"CERT-2026-{number}"


@pytest.mark.parametrize(
    ("mails", "due"),
    [
        ([], None),
        ([MailDuty(state=MailState.SENT), MailDuty(state=MailState.OFF)], None),
        ([MailDuty(state=MailState.FAILED, not_before=SOON)], None),
        ([MailDuty()], NOW),
        ([MailDuty(not_before=LATER), MailDuty(not_before=SOON)], SOON),
        ([MailDuty(not_before=SOON), MailDuty(state=MailState.SENT)], SOON),
        ([MailDuty(state=MailState("held"), not_before=LATER)], LATER),
    ],
)
def test_the_next_mail_decides_when_a_job_is_due(mails: list[MailDuty], due: object) -> None:
    """Only pending mails count; one without a time is due now."""
    assert next_mail_at(mails, NOW) == due
