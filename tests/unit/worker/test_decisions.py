"""From an error to what happens with its job."""

from datetime import timedelta

import pytest

from domain.errors import AlreadyAnswered, ChainExhausted, InvalidOrder, LostClaim, Unavailable
from domain.job import Job, Kind, ReasonCode, State
from tests.builders import NOW, SESSION_ID
from tests.fakes_worker import JOB_ID, PATIENCE
from worker.decisions import (
    Deadly,
    Drop,
    DuplicatePayment,
    ForeignResult,
    HandBack,
    OrderMissing,
    Park,
    Postpone,
    ending_of,
)


def job(
    state: State = State.RUNNING,
    *,
    rounds: int = 0,
    rounds_for: ReasonCode | None = None,
    age: timedelta = timedelta(),
) -> Job:
    born = NOW - age
    return Job(
        id=JOB_ID,
        kind=Kind.VALUATION,
        session_id=SESSION_ID,
        state=state,
        rounds=rounds,
        rounds_for=rounds_for,
        created_at=born,
        updated_at=born,
    )


@pytest.mark.parametrize(
    ("error", "code", "field"),
    [
        (InvalidOrder("stockmass", "no height"), ReasonCode.INVALID_ORDER, "stockmass"),
        (DuplicatePayment("other"), ReasonCode.DUPLICATE_PAYMENT, None),
        (ForeignResult("there"), ReasonCode.FOREIGN_RESULT, None),
        (AlreadyAnswered("there"), ReasonCode.FOREIGN_RESULT, None),
        (Deadly("11 workers died"), ReasonCode.INTERNAL_ERROR, None),
    ],
)
def test_hopeless(error: Exception, code: ReasonCode, field: str | None) -> None:
    """What trying again cannot mend is parked at once, with the site's field."""
    ending = ending_of(error, job(), now=NOW, patience=PATIENCE)

    assert isinstance(ending, Park)
    assert (ending.reason.code, ending.reason.field) == (code, field)


@pytest.mark.parametrize(
    ("error", "rounds", "code", "seconds"),
    [
        (ChainExhausted("all down"), 0, ReasonCode.CHAIN_EXHAUSTED, 60),
        (ChainExhausted("all down"), 4, ReasonCode.CHAIN_EXHAUSTED, 1800),
        (OrderMissing("none"), 0, ReasonCode.ORDER_MISSING, 2),
        (OrderMissing("none"), 9, ReasonCode.ORDER_MISSING, 300),
        (TimeoutError(), 0, ReasonCode.INTERNAL_ERROR, 5),
        (KeyError("a customer's words"), 1, ReasonCode.INTERNAL_ERROR, 30),
    ],
)
def test_passing(error: Exception, rounds: int, code: ReasonCode, seconds: int) -> None:
    """What may pass is tried again on its own schedule."""
    ending = ending_of(error, job(rounds=rounds, rounds_for=code), now=NOW, patience=PATIENCE)

    assert isinstance(ending, Postpone)
    assert (ending.reason.code, ending.until) == (code, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("error", "job", "code"),
    [
        (ChainExhausted("x"), job(age=timedelta(hours=24)), ReasonCode.CHAIN_EXHAUSTED),
        (OrderMissing("x"), job(age=timedelta(hours=25)), ReasonCode.ORDER_MISSING),
        (
            ValueError("x"),
            job(rounds=5, rounds_for=ReasonCode.INTERNAL_ERROR),
            ReasonCode.INTERNAL_ERROR,
        ),
    ],
)
def test_patience_ends(error: Exception, job: Job, code: ReasonCode) -> None:
    """After the give-up age, or too many surprises, a human must look."""
    ending = ending_of(error, job, now=NOW, patience=PATIENCE)

    assert isinstance(ending, Park)
    assert ending.reason.code is code


def test_each_reason_has_its_own_schedule() -> None:
    """Nine waits for a late order do not make the first exhausted chain wait for an hour."""
    waited = job(rounds=9, rounds_for=ReasonCode.ORDER_MISSING)

    ending = ending_of(ChainExhausted("down"), waited, now=NOW, patience=PATIENCE)

    assert isinstance(ending, Postpone)
    assert ending.until == NOW + timedelta(seconds=60)


def test_a_surprise_keeps_its_text_to_itself() -> None:
    """The text of a foreign exception may quote the customer; only its type is kept."""
    ending = ending_of(KeyError("Anna Muster"), job(), now=NOW, patience=PATIENCE)

    assert isinstance(ending, Postpone)
    assert ending.reason.detail == "KeyError"


@pytest.mark.parametrize(
    ("error", "state", "expected"),
    [
        (LostClaim(), State.RUNNING, Drop()),
        (Unavailable(), State.RUNNING, HandBack()),
        (ValueError(), State.DELIVERED, HandBack()),
        (InvalidOrder("rasse", "blank"), State.DELIVERED, HandBack()),
    ],
)
def test_not_the_jobs_fault(error: Exception, state: State, expected: Drop | HandBack) -> None:
    """A lost claim is dropped, an outage hands back, and a delivered job is never parked."""
    assert ending_of(error, job(state), now=NOW, patience=PATIENCE) == expected
