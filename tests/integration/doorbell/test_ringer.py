"""Ringing a real Valkey: there, away, frozen."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
import redis

from doorbell.app import make_celery
from doorbell.names import KEY_PREFIX, QUEUE
from doorbell.ringer import CeleryRinger
from sandbox.processes import free_port
from sandbox.servers import EmbeddedValkey

JOB_ID = "valuation:cs_live_1"


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def ringer(valkey: EmbeddedValkey) -> Iterator[CeleryRinger]:
    ringer = CeleryRinger(make_celery(valkey.url, name="test"))
    yield ringer
    ringer.close()


async def until(ringer: CeleryRinger, count: int) -> None:
    """Wait until so many rings have been decided."""
    async with asyncio.timeout(10):
        while ringer.published + ringer.failed + ringer.dropped < count:  # noqa: ASYNC110 - counters of a thread
            await asyncio.sleep(0.01)


async def test_rings_are_counted_in_the_queue(ringer: CeleryRinger, valkey: EmbeddedValkey) -> None:
    """Published ids wait under the prefixed key, and `depth` sees them."""
    assert await ringer.depth() == 0
    for _ in range(3):
        ringer.ring(JOB_ID)
    await until(ringer, 3)

    assert await ringer.depth() == 3
    with redis.Redis.from_url(valkey.url) as client:
        message = client.lindex(f"{KEY_PREFIX}{QUEUE}", 0)
    assert JOB_ID.encode() in bytes(message)  # in argsrepr, for Flower


async def test_refused() -> None:
    """Nobody listens: counted as failed, nothing raised, nothing measured."""
    ringer = CeleryRinger(make_celery(f"redis://127.0.0.1:{free_port()}/0", name="test"))
    ringer.ring(JOB_ID)
    await until(ringer, 1)

    assert (ringer.published, ringer.failed) == (0, 1)
    assert await ringer.depth() is None
    ringer.close()


async def test_frozen(ringer: CeleryRinger, valkey: EmbeddedValkey) -> None:
    """A frozen server costs one bounded failure; further rings are dropped, depth is unknown."""
    ringer.ring(JOB_ID)
    await until(ringer, 1)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        ringer.ring(JOB_ID)
        async with asyncio.timeout(5):
            assert await ringer.depth() is None
        await until(ringer, 2)
        ringer.ring(JOB_ID)
        assert (ringer.published, ringer.failed, ringer.dropped) == (1, 1, 1)
    finally:
        os.kill(valkey.pid, signal.SIGCONT)


async def test_back_again(valkey: EmbeddedValkey) -> None:
    """After the quiet time the same ringer publishes over a new connection."""
    time = 0.0
    ringer = CeleryRinger(make_celery(valkey.url, name="test"), monotonic=lambda: time)
    ringer.ring(JOB_ID)
    await until(ringer, 1)
    valkey.stop()
    ringer.ring(JOB_ID)
    await until(ringer, 2)
    valkey.start()
    ringer.ring(JOB_ID)
    assert (ringer.published, ringer.failed, ringer.dropped) == (1, 1, 1)

    time = 1.1
    ringer.ring(JOB_ID)
    await until(ringer, 4)
    assert ringer.published == 2
    ringer.close()


async def test_backlog_is_bounded(valkey: EmbeddedValkey) -> None:
    """Rings beyond the backlog are dropped, so that a slow server costs no memory."""
    ringer = CeleryRinger(make_celery(valkey.url, name="test"), backlog=5)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            ringer.ring(JOB_ID)
        assert ringer.dropped >= 15
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    ringer.close()


async def test_closed(ringer: CeleryRinger) -> None:
    """After the end nothing is published and nothing raised."""
    ringer.close()
    ringer.ring(JOB_ID)

    assert ringer.published == 0
    assert await ringer.depth() is None
