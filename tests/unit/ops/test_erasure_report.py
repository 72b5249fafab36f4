"""What a receipt says."""

from datetime import timedelta

from domain.job import Job, Kind, MailDuty, MailTo, State
from ledger.erasure import Holdings, OrderHeld
from ops.reports.erasure import going, remains_of, report_of, warnings_of
from tests.builders import NOW, ORDER_ID, SESSION_ID

FULL = OrderHeld(collection="bewertungen", order_id=ORDER_ID, fields=("bewertung", "rasse"))
EMPTY = FULL.model_copy(update={"fields": ()})


def job(state: State = State.DELIVERED, **mails: MailDuty) -> Job:
    return Job(
        id=f"valuation:{SESSION_ID}",
        kind=Kind.VALUATION,
        session_id=SESSION_ID,
        state=state,
        mails={MailTo(to): duty for to, duty in mails.items()},
        created_at=NOW,
        updated_at=NOW,
    )


HELD = Holdings(
    session_id=SESSION_ID,
    jobs=(job(),),
    attempts=4,
    attempts_with_words=3,
    errors=2,
    events=1,
    orders=(FULL,),
)


def test_what_goes() -> None:
    """The site's order only when it was asked for."""
    assert going(HELD, with_order=False) == {"jobs": 1, "ai_requests": 3, "error_logs": 2}
    assert going(HELD, with_order=True)["bewertungen"] == 1


def test_what_the_site_still_holds_is_said_by_field() -> None:
    """Until it is emptied."""
    key = f"bewertungen {ORDER_ID}"
    emptied = HELD.model_copy(update={"orders": (EMPTY,)})

    assert "STILL HOLDS: bewertung, rasse" in remains_of(HELD, with_order=False)[key]
    assert "STILL HOLDS" not in remains_of(HELD, with_order=True)[key]
    assert "STILL HOLDS" not in remains_of(emptied, with_order=False)[key]


def test_what_is_not_there_does_not_remain() -> None:
    """Only the receipt itself."""
    assert set(remains_of(Holdings(session_id=SESSION_ID), with_order=False)) == {"erasures"}


def test_warnings() -> None:
    """Paid and not delivered, a mail that will not go out, an order of two sessions."""
    held = Holdings(
        session_id=SESSION_ID,
        jobs=(job(State.PARKED, customer=MailDuty()),),
        sharing=("valuation:cs_2",),
    )
    text = " ".join(warnings_of(held))

    assert "paid and gets nothing" in text
    assert "mail to the customer" in text
    assert "valuation:cs_2" in text
    assert list(warnings_of(HELD)) == []


def test_a_receipt_names_the_session_only_to_whoever_asked() -> None:
    """Its own name is a hash; a second run says when the first one was."""
    earlier = NOW - timedelta(days=3)
    report = report_of(
        HELD.model_copy(update={"erased_at": earlier}),
        erased={},
        with_order=False,
        by="root",
        host="box",
        at=NOW,
    )

    assert SESSION_ID not in report.receipt_id
    assert (report.already_erased_at, report.dry_run) == (earlier, False)
    assert "not reached" in report.outside["log files"]
