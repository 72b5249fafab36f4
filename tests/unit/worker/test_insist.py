"""Holding on to paid answers through outages and cancellations."""

import asyncio

import pytest

from domain.errors import LostClaim, Unavailable
from tests.fakes.clock import FakeClock
from worker.insist import finish, insist


class Door:
    """Fails as told, then opens."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.knocks = 0

    async def knock(self) -> str:
        self.knocks += 1
        if self.failures:
            raise self.failures.pop(0)
        return "open"


async def test_outage_is_waited_out() -> None:
    """An act is repeated until its server is back."""
    door = Door(Unavailable(), Unavailable(), Unavailable())

    assert await insist(door.knock, clock=FakeClock(), limit_s=60) == "open"
    assert door.knocks == 4


async def test_patience_is_bounded() -> None:
    """After the limit the outage is raised, not before."""
    clock, door = FakeClock(), Door(*[Unavailable()] * 1000)

    with pytest.raises(Unavailable):
        await insist(door.knock, clock=clock, limit_s=60)

    assert 55 <= clock.monotonic() <= 60


async def test_other_errors_are_not_repeated() -> None:
    """A lost claim is final."""
    door = Door(LostClaim())

    with pytest.raises(LostClaim):
        await insist(door.knock, clock=FakeClock(), limit_s=60)

    assert door.knocks == 1


async def test_cancellation_waits_for_the_write() -> None:
    """Work under `finish` completes although its caller is cancelled, which then is cancelled."""
    begun, go, written = asyncio.Event(), asyncio.Event(), []

    async def write() -> None:
        begun.set()
        await go.wait()
        written.append("answer")

    task = asyncio.create_task(finish(write()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert written == ["answer"]


async def test_second_cancellation_does_not_wait() -> None:
    """Whoever insists on ending the process gets it."""
    begun = asyncio.Event()

    async def write_for_ever() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(finish(write_for_ever()))
    await begun.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await task
