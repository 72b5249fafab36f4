"""The short leash on Redis."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from llm.shared import RedisAway, SharedState
from tests.fakes.clock import FakeClock


class Operation:
    """Fails as told, and counts how often it was tried."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.tries = 0

    async def __call__(self, redis: Redis) -> int:
        self.tries += 1
        if self.error is not None:
            raise self.error
        return redis.connection_pool.max_connections


def shared(clock: FakeClock, **changes: Any) -> SharedState:
    return SharedState(Redis(max_connections=7), clock, **changes)


async def test_a_result_is_passed_on() -> None:
    """Redis answers: nothing stands between."""
    assert await shared(FakeClock()).run(Operation(None)) == 7


@pytest.mark.parametrize(
    "error", [RedisConnectionError("refused"), ResponseError("LOADING"), OSError(), TimeoutError()]
)
async def test_after_a_failure_redis_is_left_alone(error: Exception) -> None:
    """For five seconds nobody tries; then somebody does."""
    clock, operation = FakeClock(), Operation(error)
    state = shared(clock)
    for _ in range(3):
        with pytest.raises(RedisAway):
            await state.run(operation)
    assert operation.tries == 1

    clock.advance(5.1)
    with pytest.raises(RedisAway):
        await state.run(operation)
    assert operation.tries == 2


async def test_a_silent_redis_is_given_up_on() -> None:
    """The bound holds for an operation that never ends."""

    async def never(_: Redis) -> None:
        await asyncio.Event().wait()

    with pytest.raises(RedisAway):
        await shared(FakeClock(), bound_s=0.001).run(never)


async def test_cancellation_is_no_failure_of_redis() -> None:
    """A stopping worker does not make its neighbours forget the shared state."""
    state = shared(FakeClock())

    async def cancelled(_: Redis) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await state.run(cancelled)
    assert await state.run(Operation(None)) == 7
