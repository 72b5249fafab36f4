"""The Celery tasks."""

from collections.abc import Iterator

import pytest
from celery import Celery

from doorbell.app import make_celery
from doorbell.names import TaskName
from worker.tasks import MALFORMED, register


class Runtime:
    def __init__(self) -> None:
        self.worked: list[str] = []

    def work(self, job_id: str) -> str:
        self.worked.append(job_id)
        return "delivered"

    def chore(self, name: str) -> str:
        return f"did {name}"


@pytest.fixture
def runtime() -> Runtime:
    return Runtime()


@pytest.fixture
def app(runtime: Runtime) -> Iterator[Celery]:
    app = make_celery("redis://127.0.0.1:1/0", name="test")
    register(app, runtime)
    yield app
    app.close()


@pytest.mark.parametrize(
    "job_id",
    [
        "valuation:cs_live_a1",
        "certificate:cs_test_B2",
        "valuation:cs_live_order-17",
        "newer_kind:cs_live_a1",
    ],
)
def test_ring(app: Celery, runtime: Runtime, job_id: str) -> None:
    """A job id reaches the loop; the outcome is what Flower shows."""
    assert app.tasks[TaskName.WORK].run(job_id) == "delivered"
    assert runtime.worked == [job_id]


@pytest.mark.parametrize(
    "job_id", [None, 7, "", "cs_live_a1", "valuation:", "valuation:a b", "Refund:cs_1", ["x"], {}]
)
def test_malformed(app: Celery, runtime: Runtime, job_id: object) -> None:
    """Whatever else is in the queue is dropped with a line in the log."""
    assert app.tasks[TaskName.WORK].run(job_id) == MALFORMED
    assert runtime.worked == []


def test_messages_of_a_newer_build(app: Celery, runtime: Runtime) -> None:
    """What they say besides is passed over, and one without an id is dropped."""
    work, sweep = app.tasks[TaskName.WORK], app.tasks[TaskName.SWEEP]

    assert work("valuation:cs_1", "urgent", fence=3) == "delivered"
    assert work(job="valuation:cs_1") == MALFORMED
    assert runtime.worked == ["valuation:cs_1"]
    assert sweep("now", shard=2) == "did pferdewert.sweep"


def test_tick(app: Celery) -> None:
    """The clock's tick does its chore."""
    assert app.tasks[TaskName.SWEEP].run() == "did pferdewert.sweep"


def test_every_name_has_a_task(app: Celery) -> None:
    """An unknown name on the queue would be discarded by Celery: none may be missing."""
    assert set(TaskName) <= set(app.tasks)


def test_delivery_settings(app: Celery) -> None:
    """Late acknowledgement and no results are stated on every task."""
    for name in TaskName:
        assert app.tasks[name].acks_late is True
        assert app.tasks[name].ignore_result is True
