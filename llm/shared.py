"""Redis on a short leash: shared state is a convenience, so it may never hold up an order."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.ports import Clock

log = structlog.get_logger(__name__)

BOUND_S: Final = 0.25
REST_S: Final = 5.0
# Fewer than any connection pool holds: an exhausted pool would look like a failing Redis.
MAX_AT_ONCE: Final = 16

Result = TypeVar("Result")


class RedisAway(Exception):  # noqa: N818 - it says where Redis is
    """Redis failed, was slow, or is being left alone after it did."""


class SharedState:
    """All operations on one Redis. After a failure it is left alone for `rest_s` seconds."""

    def __init__(
        self, redis: Redis, clock: Clock, *, bound_s: float = BOUND_S, rest_s: float = REST_S
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._bound_s = bound_s
        self._rest_s = rest_s
        self._rests_until = -math.inf
        self._places = asyncio.Semaphore(MAX_AT_ONCE)

    async def run(self, operation: Callable[[Redis], Awaitable[Result]]) -> Result:
        """Run one operation within the bound; raises RedisAway."""
        try:
            async with asyncio.timeout(self._bound_s), self._places:
                self._refuse_while_resting()
                return await operation(self._redis)
        except (RedisError, OSError) as error:
            self._rests_until = self._clock.monotonic() + self._rest_s
            log.warning("redis_left_alone", error=type(error).__name__, rest_s=self._rest_s)
            raise RedisAway from None

    def _refuse_while_resting(self) -> None:
        if self._clock.monotonic() < self._rests_until:
            raise RedisAway
