"""What a supervisor is told about a process, from what the ledger knows of it."""

import pytest

from doorbell.names import ClockTask
from ledger.leases import ChoreAge, Fault
from ledger.workers import Worker
from ops.alive import judge_clock, judge_workers, main
from tests.builders import NOW


def worker(owner: str, *, alive: bool) -> Worker:
    return Worker(_id=owner, since=NOW, seen_at=NOW, alive=alive)


def chore(name: str, *, age_s: float | None, failed: bool = False) -> ChoreAge:
    fault = Fault(at=NOW, type="Unavailable") if failed else None
    return ChoreAge(_id=name, period_s=60, age_s=age_s, last_started=NOW, last_error=fault, runs=1)


@pytest.mark.parametrize(
    ("workers", "alive"),
    [
        ([], False),
        ([worker("here:7:ab", alive=True)], True),
        ([worker("here:7:ab", alive=False)], False),
        ([worker("there:7:ab", alive=True)], False),
        ([worker("here-too:7:ab", alive=True)], False),
        ([worker("here:7:ab", alive=False), worker("here:9:cd", alive=True)], True),
        ([worker("here:7:ab", alive=False), worker("there:9:cd", alive=True)], False),
    ],
)
def test_a_worker_is_judged_by_the_heartbeat_of_its_own_host(
    workers: list[Worker], *, alive: bool
) -> None:
    """Another host's heartbeat says nothing about this one; an earlier start is forgiven."""
    assert judge_workers(workers, "here").alive is alive


@pytest.mark.parametrize(
    ("chores", "alive"),
    [
        ([], False),
        ([chore(ClockTask.HEALTH, age_s=59)], True),
        ([chore(ClockTask.HEALTH, age_s=420)], True),
        ([chore(ClockTask.HEALTH, age_s=421)], False),
        ([chore(ClockTask.HEALTH, age_s=None)], True),
        ([chore(ClockTask.HEALTH, age_s=None, failed=True)], False),
        ([chore(ClockTask.AGGREGATE, age_s=1)], False),
        ([chore(ClockTask.HEALTH, age_s=1), chore(ClockTask.AGGREGATE, age_s=10**6)], True),
    ],
)
def test_the_clock_is_judged_by_the_chore_of_every_minute(
    chores: list[ChoreAge], *, alive: bool
) -> None:
    """The aggregation can be switched off and must not make the clock look dead."""
    assert judge_clock(chores).alive is alive


def test_a_verdict_says_who_was_looked_for() -> None:
    """`docker inspect` shows this line to whoever wonders."""
    assert "here" in judge_workers([], "here").why
    assert "here:7:ab" in judge_workers([worker("here:7:ab", alive=False)], "here").why
    assert "overdue" in judge_clock([chore(ClockTask.HEALTH, age_s=500)]).why


def test_only_processes_without_a_page_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """The web process and Flower answer over HTTP."""
    with pytest.raises(SystemExit) as wrong:
        main(["web"])

    assert wrong.value.code == 2
    assert "worker" in capsys.readouterr().err
