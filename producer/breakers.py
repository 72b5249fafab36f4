"""The breakers as they stand in Redis, read without touching them."""

import asyncio
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from llm.breaker import KEY_PREFIX
from llm.circuits import open_until

BOUND_S: Final = 1.0


class BreakerState(IntEnum):
    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breakers:
    """The breakers of the chain's models."""

    def __init__(self, redis: Redis, models: Sequence[str]) -> None:
        self._redis = redis
        self._models = tuple(dict.fromkeys(models))

    async def look(self) -> Mapping[str, BreakerState] | None:
        """Return each model's breaker; None when Redis does not answer."""
        try:
            async with asyncio.timeout(BOUND_S), self._redis.pipeline(transaction=False) as pipe:
                pipe.mget([KEY_PREFIX + model for model in self._models])
                pipe.time()
                circuits, (seconds, microseconds) = await pipe.execute()
        except (RedisError, OSError):
            return None
        now = seconds + microseconds / 1e6
        return {
            model: _state(circuit, now)
            for model, circuit in zip(self._models, circuits, strict=True)
        }

    async def close(self) -> None:
        await self._redis.aclose()


def _state(circuit: bytes | str | None, now: float) -> BreakerState:
    until = open_until(circuit)
    if until is None:
        return BreakerState.CLOSED
    return BreakerState.OPEN if now < until else BreakerState.HALF_OPEN
