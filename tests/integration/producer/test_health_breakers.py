"""The breakers of the chain, as the web process sees them in Redis."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from config.clock import SystemClock
from llm.breaker import KEY_PREFIX, Breaker, BreakerPolicy
from llm.shared import SharedState
from producer.breakers import Breakers, BreakerState
from sandbox.processes import free_port
from sandbox.servers import EmbeddedValkey


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey.url) as client:
        await client.flushall()
        yield client


async def test_breakers_are_read_as_the_chain_wrote_them(redis: Redis) -> None:
    """Open after a failure, half-open when its time is over, closed without a word."""
    clock = SystemClock()
    shared = SharedState(redis, clock)
    await Breaker(shared, clock, BreakerPolicy(failures=1, open_s=3600)).failed("open")
    await Breaker(shared, clock, BreakerPolicy(failures=1, open_s=-1)).failed("half")
    await Breaker(shared, clock, BreakerPolicy(failures=5)).failed("counting")
    await redis.set(f"{KEY_PREFIX}garbled", "{")

    found = await Breakers(redis, ["open", "half", "counting", "garbled", "never", "open"]).look()

    assert found == {
        "open": BreakerState.OPEN,
        "half": BreakerState.HALF_OPEN,
        "counting": BreakerState.CLOSED,
        "garbled": BreakerState.CLOSED,
        "never": BreakerState.CLOSED,
    }


async def test_looking_changes_nothing(redis: Redis) -> None:
    """A scrape must not take the one probe of a half-open breaker."""
    clock = SystemClock()
    breaker = Breaker(SharedState(redis, clock), clock, BreakerPolicy(failures=1, open_s=-1))
    await breaker.failed("half")
    before = await redis.get(f"{KEY_PREFIX}half")

    await Breakers(redis, ["half"]).look()

    assert await redis.get(f"{KEY_PREFIX}half") == before


async def test_redis_away() -> None:
    """None, soon, and no exception."""
    async with Redis(port=free_port(), socket_connect_timeout=1) as nobody:
        assert await Breakers(nobody, ["a"]).look() is None
