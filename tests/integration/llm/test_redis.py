"""Breaker and limiter against a real Valkey, several workers at once, and no Valkey at all."""

import asyncio
import os
import signal
from collections.abc import Iterator
from itertools import pairwise

import pytest
from redis.asyncio import ConnectionPool, Redis

from llm.breaker import KEY_PREFIX, Breaker, BreakerPolicy
from llm.limiter import Limiter
from llm.shared import RedisAway, SharedState
from tests.fakes.clock import FakeClock
from tests.integration.llm.conftest import RealClock, Valkey

POLICY = BreakerPolicy(failures=3, window_s=60, open_s=30)
MODEL = "google/gemini-2.5-pro"


def breaker(redis: Redis, policy: BreakerPolicy = POLICY) -> Breaker:
    clock = RealClock()
    return Breaker(SharedState(redis, clock), clock, policy)


@pytest.fixture
def frozen(valkey: Valkey) -> Iterator[None]:
    """Hold the server still: connections are accepted and nothing is ever said."""
    os.kill(valkey.process.pid, signal.SIGSTOP)
    yield
    os.kill(valkey.process.pid, signal.SIGCONT)


async def test_empty_redis_is_closed(redis: Redis) -> None:
    """A flushed Redis lets everything pass and holds nothing."""
    assert await breaker(redis).admits(MODEL)
    assert await redis.keys() == []


async def test_all_workers_share_a_breaker(redis: Redis) -> None:
    """What one has seen three times, the other does not try."""
    one, other = breaker(redis), breaker(redis)
    await one.failed(MODEL)
    await other.failed(MODEL)
    assert await other.admits(MODEL)
    await one.failed(MODEL)
    assert not await other.admits(MODEL)
    assert await other.admits("openai/gpt-4o")


async def test_failures_at_the_same_moment_are_all_counted(redis: Redis) -> None:
    """Compare-and-set loses none of a few."""
    await asyncio.gather(*(breaker(redis).failed(MODEL) for _ in range(3)))
    assert not await breaker(redis).admits(MODEL)


async def test_only_one_worker_gets_the_probe(redis: Redis) -> None:
    """Half-open: of ten askers one passes, and its success opens the way for all."""
    policy = BreakerPolicy(failures=1, open_s=0.2)
    workers = [breaker(redis, policy) for _ in range(10)]
    await workers[0].failed(MODEL)
    assert not await workers[1].admits(MODEL)
    await asyncio.sleep(0.25)

    admitted = await asyncio.gather(*(worker.admits(MODEL) for worker in workers))

    assert sum(admitted) == 1
    await workers[0].succeeded(MODEL)
    assert all([await worker.admits(MODEL) for worker in workers])


@pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"open_until": "x", "failures": 3}', "null"])
async def test_rubbish_in_redis_counts_as_closed(redis: Redis, rubbish: str) -> None:
    """Nobody is shut out by what cannot be read."""
    await redis.set(KEY_PREFIX + MODEL, rubbish)
    assert await breaker(redis).admits(MODEL)


async def test_a_client_that_decodes_works_as_well(valkey: Valkey, redis: Redis) -> None:
    """Text or bytes is the client's owner's choice."""
    await redis.ping()
    async with Redis(host="127.0.0.1", port=valkey.port, decode_responses=True) as decoding:
        for _ in range(3):
            await breaker(decoding).failed(MODEL)
        assert not await breaker(decoding).admits(MODEL)


class SleepLog(RealClock):
    """Notes the waits instead of waiting."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_all_workers_share_a_pace(redis: Redis) -> None:
    """Ten calls at once by ten workers are given ten slots, a second apart."""
    clocks = [SleepLog() for _ in range(10)]
    limiters = [Limiter(SharedState(redis, clock), clock, interval_s=1) for clock in clocks]

    turns = await asyncio.gather(*(one.turn("openrouter", max_wait_s=60) for one in limiters))

    assert all(turns)
    waits = sorted(wait for clock in clocks for wait in clock.slept)
    gaps = [round(later - earlier) for earlier, later in pairwise(waits)]
    assert len(waits) == 9
    assert gaps == [1] * 8


async def test_a_slot_out_of_reach_is_left_to_others(redis: Redis) -> None:
    """No waiting beyond what the caller allows."""
    clock = SleepLog()
    limiter = Limiter(SharedState(redis, clock), clock, interval_s=30)
    assert await limiter.turn("openrouter", max_wait_s=0)
    assert not await limiter.turn("openrouter", max_wait_s=20)
    assert await limiter.turn("openrouter", max_wait_s=40)
    assert clock.slept[0] == pytest.approx(30, abs=5)


async def test_a_pause_holds_for_every_worker(redis: Redis) -> None:
    """One was told to slow down, all do; a shorter pause does not shorten it."""
    clock = SleepLog()
    one = Limiter(SharedState(redis, clock), clock, interval_s=0)
    other = Limiter(SharedState(redis, clock), clock, interval_s=0)
    await one.pause("openrouter", 40)
    await one.pause("openrouter", 10)
    assert not await other.turn("openrouter", max_wait_s=20)
    assert await other.turn("anthropic", max_wait_s=0)


@pytest.mark.usefixtures("redis", "frozen")
async def test_a_frozen_redis_holds_up_nobody(valkey: Valkey) -> None:
    """After one bounded wait each process decides alone, for breaker and limiter alike."""
    clock = FakeClock()
    async with Redis(host="127.0.0.1", port=valkey.port) as client:
        state = SharedState(client, clock)
        local = Breaker(state, clock, POLICY)
        for _ in range(3):
            await local.failed(MODEL)
        assert not await local.admits(MODEL)
        assert await Limiter(state, clock).turn("openrouter", max_wait_s=0)
        with pytest.raises(RedisAway):
            await state.run(lambda redis: redis.ping())


async def test_redis_is_used_again_when_it_is_back(valkey: Valkey) -> None:
    """A freeze in mid-conversation leaves no half-read reply behind."""
    clock = FakeClock()
    async with Redis(host="127.0.0.1", port=valkey.port) as client:
        await client.flushall()
        state = SharedState(client, clock)
        for _ in range(3):
            os.kill(valkey.process.pid, signal.SIGSTOP)
            with pytest.raises(RedisAway):
                await state.run(lambda redis: redis.incr("n"))
            os.kill(valkey.process.pid, signal.SIGCONT)
            clock.advance(6)
            assert await state.run(lambda redis: redis.echo("still me")) == b"still me"
            clock.advance(6)


async def test_a_crowd_does_not_look_like_a_failing_redis(valkey: Valkey) -> None:
    """More orders at once than the client has connections: they queue for a moment."""
    pool = ConnectionPool(host="127.0.0.1", port=valkey.port, max_connections=20)
    async with Redis(connection_pool=pool) as client:
        state = SharedState(client, RealClock(), bound_s=5)
        pongs = await asyncio.gather(*(state.run(lambda redis: redis.ping()) for _ in range(200)))
    await pool.disconnect()
    assert all(pongs)


async def test_no_redis_at_all() -> None:
    """A refused connection is no different."""
    clock = FakeClock()
    async with Redis(host="127.0.0.1", port=1) as client:
        assert await Breaker(SharedState(client, clock), clock).admits(MODEL)
