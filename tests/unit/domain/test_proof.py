"""The one number, and how well the promise is kept."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from domain.figures import JobFigures
from domain.health import Status
from domain.job import State
from domain.proof import (
    MOST_FINDINGS,
    Fault,
    Finding,
    WaitsFor,
    conclude,
    paid_and_undelivered,
    standing,
    unknown_paid,
)
from tests.builders import NOW

PATIENCE = timedelta(minutes=30)


def jobs(state: State, *, minutes: float = 0, count: int = 1) -> JobFigures:
    return JobFigures(state=state, count=count, oldest=NOW - timedelta(minutes=minutes))


def finding(fault: Fault, *, minutes: float = 0, reference: str = "cs_1") -> Finding:
    return Finding(fault=fault, reference=reference, since=NOW - timedelta(minutes=minutes))


def test_the_number_counts_every_undelivered_state_and_what_nobody_works_for() -> None:
    """Delivered and cancelled are not owed; what the proof found without a job is."""
    heaps = [jobs(state, count=2, minutes=5) for state in State]
    proof = conclude([finding(Fault.PAID_WITHOUT_JOB, minutes=60)], NOW)

    sums = paid_and_undelivered(heaps, proof)

    counts = {who: owed.count for who, owed in sums.parts.items()}
    assert counts == {WaitsFor.MACHINE: 8, WaitsFor.HUMAN: 2, WaitsFor.NOBODY: 1}
    assert (sums.total.count, sums.total.oldest) == (11, NOW - timedelta(minutes=60))


def test_nothing_owed_has_no_age() -> None:
    """An empty shop, before the first proof."""
    total = paid_and_undelivered([], None).total

    assert (total.count, total.oldest) == (0, None)


@pytest.mark.parametrize(
    ("state", "minutes", "expected"),
    [
        (State.WAITING, 29, Status.HEALTHY),
        (State.WAITING, 31, Status.UNHEALTHY),
        (State.PARKED, 29, Status.HEALTHY),
        (State.PARKED, 31, Status.DEGRADED),
        (State.DELIVERED, 1000, Status.HEALTHY),
    ],
)
def test_when_owing_becomes_an_alert(state: State, minutes: float, expected: Status) -> None:
    """A machine that is late is grave, a human that is late is told once more."""
    proof = conclude([], NOW)
    sums = paid_and_undelivered([jobs(state, minutes=minutes)], proof)

    status, detail = standing(sums, proof, patience=PATIENCE, now=NOW)

    assert status is expected
    assert bool(detail) is (expected is not Status.HEALTHY)


@pytest.mark.parametrize(
    ("fault", "minutes", "expected"),
    [
        (Fault.PAID_WITHOUT_JOB, 31, Status.UNHEALTHY),
        (Fault.RESULT_GONE, 31, Status.UNHEALTHY),
        (Fault.DONE_WITHOUT_RESULT, 31, Status.UNHEALTHY),
        (Fault.MAIL_FAILED, 0, Status.DEGRADED),
        (Fault.MAIL_OVERDUE, 31, Status.DEGRADED),
        (Fault.UNACCEPTABLE_RESULT, 60, Status.DEGRADED),
        (Fault.UNACCEPTABLE_RESULT, 60 * 24 * 8, Status.HEALTHY),
        (Fault.RESULT_CHANGED, 31, Status.HEALTHY),
        (Fault.DONE_WITHOUT_JOB, 31, Status.HEALTHY),
    ],
)
def test_which_findings_are_an_alert(fault: Fault, minutes: float, expected: Status) -> None:
    """What is only odd, or long past, is listed and alarms nobody."""
    proof = conclude([finding(fault, minutes=minutes)], NOW)
    sums = paid_and_undelivered([], proof)

    assert standing(sums, proof, patience=PATIENCE, now=NOW)[0] is expected


def test_a_proof_names_each_finding_once_and_the_gravest_first() -> None:
    """Two events of one session are one lost order; the list is bounded, the counts are not."""
    many = [finding(Fault.DONE_WITHOUT_JOB, reference=f"cs_{n}") for n in range(MOST_FINDINGS + 50)]
    twice = [finding(Fault.PAID_WITHOUT_JOB), finding(Fault.PAID_WITHOUT_JOB, minutes=1)]

    proof = conclude([*many, *twice], NOW)

    assert len(proof.findings) == MOST_FINDINGS
    assert proof.findings[0].fault is Fault.PAID_WITHOUT_JOB
    assert proof.counts == {Fault.PAID_WITHOUT_JOB: 1, Fault.DONE_WITHOUT_JOB: MOST_FINDINGS + 50}


def test_what_stripe_knows_and_we_do_not() -> None:
    """A comparison with Stripe adds to the proof; without one nothing is added."""
    reconciled = SimpleNamespace(finished_at=NOW, unknown_paid=["cs_9"])

    assert [f.reference for f in unknown_paid(reconciled)] == ["cs_9"]
    assert unknown_paid(None) == []
