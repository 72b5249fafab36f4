"""The job loop beside Celery's threads."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from config.clock import SystemClock
from tests.fakes_worker import RecordingRinger
from worker.hands import IN_HAND, Hands
from worker.pulse import Pulse
from worker.runtime import HANDED_BACK, REFUSED, Desk, Runtime, new_owner


class Presence:
    """Remembers who came and went."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def beat(self, _owner: str, *, holding: object) -> None:  # noqa: ARG002 - the port's signature
        self.events.append("beat")

    async def leave(self, _owner: str) -> None:
        self.events.append("leave")


class Process:
    """A runtime whose jobs do what the test says, called from threads as Celery does."""

    def __init__(self, *, grace_s: float = 60.0) -> None:
        self.presence, self.ringer = Presence(), RecordingRinger()
        self.started, self.go = threading.Event(), threading.Event()
        self.deaths: list[str] = []
        self.threads = ThreadPoolExecutor(4)
        self.runtime = Runtime(
            self.open, grace_s=grace_s, on_death=lambda: self.deaths.append("loop")
        )

    @asynccontextmanager
    async def open(self, hands: Hands) -> AsyncIterator[Desk]:
        pulse = Pulse(self.presence, owner="w", hands=hands, clock=SystemClock())
        chores: dict[str, Callable[[], Coroutine[Any, Any, str]]] = {
            "sweep": self.sweep,
            "bug": self.bug,
        }
        yield Desk(work=self.job, background=(), chores=chores, pulse=pulse, ringer=self.ringer)

    async def job(self, job_id: str) -> str:
        self.started.set()
        if job_id == "slow":
            while not self.go.is_set():  # noqa: ASYNC110 - set by the test's thread
                await asyncio.sleep(0.001)
        return f"did {job_id}"

    async def sweep(self) -> str:
        return "quiet"

    async def bug(self) -> str:
        raise KeyError("customer")

    def work(self, job_id: str) -> Future[str]:
        return self.threads.submit(self.runtime.work, job_id)

    def work_slowly(self) -> Future[str]:
        running = self.work("slow")
        assert self.started.wait(10)
        return running


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process()
    yield process
    process.go.set()
    process.runtime.hurry()
    process.runtime.close()
    process.threads.shutdown()


def test_first_heartbeat_comes_before_any_job(process: Process) -> None:
    """When `start` returns, others can see us; then jobs run and say how they ended."""
    process.runtime.start()

    assert process.presence.events[0] == "beat"
    assert process.runtime.work("a") == "did a"


def test_same_job_twice(process: Process) -> None:
    """A redelivered message of a running job is answered at once."""
    process.runtime.start()
    first = process.work_slowly()

    assert process.runtime.work("slow") == IN_HAND
    process.go.set()
    assert first.result(10) == "did slow"


def test_drain_lets_running_jobs_finish(process: Process) -> None:
    """Running jobs end well, new ones are refused and rung for others, then we say good-bye."""
    process.runtime.start()
    running = process.work_slowly()
    process.runtime.drain()

    assert process.runtime.work("new") == REFUSED
    assert process.ringer.rung == ["new"]
    process.go.set()
    assert running.result(10) == "did slow"
    process.runtime.close()
    assert process.presence.events[-1] == "leave"


@pytest.mark.parametrize("hurry", [False, True])
def test_drain_hands_back(*, hurry: bool) -> None:
    """After the grace time, or a second signal, running jobs are cancelled."""
    process = Process(grace_s=60.0 if hurry else 0.05)
    process.runtime.start()
    running = process.work_slowly()
    process.runtime.drain()
    if hurry:
        process.runtime.hurry()

    assert running.result(10) == HANDED_BACK
    process.runtime.close()
    process.threads.shutdown()


def test_after_the_end_nothing_is_taken(process: Process) -> None:
    """A message that arrives too late is refused, not lost in a closed loop."""
    process.runtime.start()
    process.runtime.close()

    assert process.runtime.work("late") == REFUSED
    assert process.runtime.chore("sweep") == REFUSED
    process.runtime.wait_until_ended()


def test_before_the_start_nothing_is_taken() -> None:
    """Work before the start is refused; leaving before the start does no harm."""
    process = Process()
    process.runtime.drain()

    assert process.runtime.work("early") == REFUSED


def test_chores(process: Process) -> None:
    """The clock's chores say how it went; a failing one is no exception for Celery."""
    process.runtime.start()

    assert process.runtime.chore("sweep") == "quiet"
    assert process.runtime.chore("bug") == "failed: KeyError"


def test_what_prevents_the_start_is_raised() -> None:
    """A ledger that cannot be used ends the process with its own words."""

    def broken(_hands: Hands) -> AbstractAsyncContextManager[Desk]:
        raise ValueError("no replica set")

    runtime = Runtime(broken, grace_s=1, on_death=lambda: None)

    with pytest.raises(ValueError, match="no replica set"):
        runtime.start()


def test_a_dead_loop_is_reported() -> None:
    """A process whose loop ended unasked is of no use and says so."""
    process = Process()

    @asynccontextmanager
    async def closing_badly(hands: Hands) -> AsyncIterator[Desk]:
        async with process.open(hands) as desk:
            yield desk
        raise OSError("pool is gone")

    runtime = Runtime(closing_badly, grace_s=1, on_death=lambda: process.deaths.append("loop"))
    runtime.start()
    runtime.close()

    assert process.deaths == ["loop"]


def test_owners_are_unique() -> None:
    """Two starts of one process are two owners."""
    assert new_owner() != new_owner()
