"""Histories folded from change events, and what a dead worker left behind."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.chaos.deaths import Call, Death, Outside, left_behind, spread
from sandbox.chaos.history import JobHistory, OrderHistory, tenures
from sandbox.chaos.plan import Step
from sandbox.chaos.watching import LedgerWatch

JOB = "valuation:cs_1"
ANN, BOB = "host:11:aaaa", "host:12:bbbb"
PENDING = {"customer": {"state": "pending"}, "admin": {"state": "pending"}}


def history(*writes: tuple[float, dict[str, Any]]) -> JobHistory:
    """Build a job's history from its birth at 0 and (time, updated fields)."""
    job = JobHistory(JOB)
    job.take({"operationType": "insert", "fullDocument": {"state": "queued", "fence": 0}}, 0.0)
    for at, fields in writes:
        update = {"updatedFields": deepcopy(fields)}
        job.take({"operationType": "update", "updateDescription": update}, at)
    return job


def claimed(at: float, owner: str, fence: int) -> tuple[float, dict[str, Any]]:
    return at, {"owner": owner, "fence": fence, "state": "running"}


CLAIM = claimed(1.0, ANN, 1)
PREPARING = (1.1, {"stage": "preparing"})
ANSWERED = (2.0, {"state": "answered", "answer": True})
DELIVERED = (2.1, {"state": "delivered", "mails": PENDING})
CUSTOMER_SENT = (2.3, {"mails.customer.state": "sent"})
ADMIN_SENT = (2.5, {"mails.admin": {"state": "sent"}})
TAKEN_OVER = claimed(9.0, BOB, 2)


@pytest.mark.parametrize(
    ("writes", "calls", "mailed", "step"),
    [
        ([CLAIM], [], {}, Step.CLAIMED),
        ([CLAIM], [Call(1.2, None, answered=False)], {}, Step.ASKED),
        ([CLAIM], [Call(1.2, 1.4, answered=True)], {}, Step.RECEIVED),
        ([CLAIM, PREPARING], [], {}, Step.PREPARED),
        ([CLAIM, PREPARING], [Call(0.5, 0.6, answered=True)], {}, Step.PREPARED),
        ([CLAIM, PREPARING], [Call(1.2, None, answered=False)], {}, Step.ASKED),
        ([CLAIM, PREPARING], [Call(1.2, 3.5, answered=True)], {}, Step.ASKED),
        ([CLAIM, PREPARING], [Call(1.2, 1.4, answered=False)], {}, Step.ASKED),
        ([CLAIM, PREPARING], [Call(1.2, 1.4, answered=True)], {}, Step.RECEIVED),
        ([CLAIM, PREPARING, ANSWERED], [], {}, Step.JOURNALED),
        ([CLAIM, ANSWERED, DELIVERED], [], {}, Step.DELIVERED),
        ([CLAIM, ANSWERED, DELIVERED], [], {f"{JOB}:customer": 2.2}, Step.MAILED),
        ([CLAIM, ANSWERED, DELIVERED], [], {f"{JOB}:customer": 3.1}, Step.DELIVERED),
        (
            [CLAIM, ANSWERED, DELIVERED, CUSTOMER_SENT],
            [],
            {f"{JOB}:customer": 2.2},
            Step.DELIVERED,
        ),
        ([CLAIM, ANSWERED, DELIVERED, CUSTOMER_SENT, ADMIN_SENT], [], {}, Step.MAILED),
    ],
)
def test_the_step_of_a_death_is_read_from_ledger_and_providers(
    writes: list[Any], calls: list[Call], mailed: dict[str, float], step: Step
) -> None:
    job = history(*writes, TAKEN_OVER)

    (left,) = left_behind([job], [Death(1, ANN, 3.0)], Outside({JOB: calls}, mailed))

    assert left.step is step
    assert left.took == 6.0


def test_a_write_that_lands_after_the_death_does_not_move_the_step() -> None:
    job = history(CLAIM, PREPARING, (3.2, {"state": "answered", "answer": True}), TAKEN_OVER)

    (left,) = left_behind([job], [Death(1, ANN, 3.0)], Outside())

    assert left.step is Step.PREPARED
    assert left.took == 6.0


def test_a_job_let_go_before_the_death_was_not_in_its_hands() -> None:
    job = history(CLAIM, (2.0, {"owner": None, "state": "queued"}), TAKEN_OVER)

    assert left_behind([job], [Death(1, ANN, 3.0)], Outside()) == []


def test_nobody_has_to_go_on_with_a_job_that_was_withdrawn() -> None:
    job = history(CLAIM, (4.0, {"owner": None, "fence": 2, "state": "cancelled"}))

    (left,) = left_behind([job], [Death(1, ANN, 3.0)], Outside())

    assert left.took is None


def test_the_same_owner_with_another_fence_is_another_tenure() -> None:
    job = history(CLAIM, (2.0, {"owner": None}), claimed(3.0, ANN, 2), TAKEN_OVER)

    assert [(t.owner, t.moments[0].fence) for t in tenures(job)] == [(ANN, 1), (ANN, 2), (BOB, 2)]


def test_a_delivered_job_is_settled_only_when_its_mails_are() -> None:
    before = history(CLAIM, ANSWERED, DELIVERED, CUSTOMER_SENT)
    after = history(CLAIM, ANSWERED, DELIVERED, CUSTOMER_SENT, ADMIN_SENT)

    assert not before.is_settled
    assert after.is_settled
    assert after.journaled_at == 2.0


def test_an_order_counts_its_updates_and_its_results() -> None:
    order = OrderHistory("1")
    order.take({"operationType": "insert"})
    for fields in ({"bewertung": True, "status": "fertig"}, {"status": "offen"}):
        order.take({"operationType": "update", "updateDescription": {"updatedFields": fields}})

    assert (order.updates, order.results, order.removed) == (2, 1, False)


async def test_whoever_lies_in_wait_hears_of_the_next_fitting_write() -> None:
    watch = LedgerWatch()
    change = {
        "operationType": "insert",
        "ns": {"coll": "jobs"},
        "documentKey": {"_id": JOB},
        "fullDocument": {"state": "parked"},
        "wallTime": datetime(2026, 1, 1, tzinfo=UTC),
    }
    watch.take(change)

    assert watch.ended == {JOB}
    assert await watch.settled(JOB, timeout_s=1)
    assert await watch.lurk(lambda job: job.now.state == "running", timeout_s=0) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {"count": 0}),
        ([2.0], {"count": 1, "mean": 2.0, "p50": 2.0, "p99": 2.0, "max": 2.0}),
        (range(1, 101), {"count": 100, "mean": 50.5, "p50": 50, "p99": 99, "max": 100}),
    ],
)
def test_percentiles_are_values_that_occurred(values: Any, expected: dict[str, float]) -> None:
    assert spread(values) == expected
