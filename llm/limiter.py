"""The pace of calls per key, shared by all workers; each keeps its own while Redis is away."""

import math
from dataclasses import dataclass
from typing import Final

from domain.ports import Clock
from llm.shared import RedisAway, SharedState

KEY_PREFIX: Final = "pw:limiter:"
MIN_INTERVAL_S: Final = 0.1
# One odd header must not close the shop.
MAX_PAUSE_S: Final = 60.0
_BEYOND: Final = -1
_TAKE_SLOT: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local slot = math.max(now + math.max(redis.call('PTTL', KEYS[2]), 0),
                      tonumber(redis.call('GET', KEYS[1]) or '0'))
if slot - now > tonumber(ARGV[2]) then return -1 end
local free = slot + ARGV[1]
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', free - now + 1000)
return slot - now
"""
_PAUSE: Final = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
end
return 1
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """One key's next free slot and the end of its pause, in one clock's seconds."""

    free_at: float = -math.inf
    paused_until: float = -math.inf

    def wait_s(self, now: float) -> float:
        return max(self.free_at - now, self.paused_until - now, 0.0)

    def taken(self, now: float, interval_s: float) -> "Pace":
        """Return the pace after the next slot was given away."""
        return Pace(now + self.wait_s(now) + interval_s, self.paused_until)

    def paused(self, now: float, seconds: float) -> "Pace":
        return Pace(self.free_at, max(self.paused_until, now + seconds))


class Limiter:
    """Keeps calls of one account `interval_s` apart and all of them off during a pause."""

    def __init__(
        self, shared: SharedState, clock: Clock, *, interval_s: float = MIN_INTERVAL_S
    ) -> None:
        self._shared = shared
        self._clock = clock
        self._interval_s = interval_s
        self._own: dict[str, Pace] = {}

    async def turn(self, account: str, *, max_wait_s: float) -> bool:
        """Wait for the account's next slot; False at once when it lies beyond `max_wait_s`."""
        try:
            wait_s = await self._take_shared(account, max_wait_s)
        except RedisAway:
            wait_s = self._take_own(account, max_wait_s)
        if wait_s is None:
            return False
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        return True

    async def pause(self, account: str, seconds: float) -> None:
        """Hold back every call of the account, here and in all other workers."""
        bounded = min(max(seconds, 0.0), MAX_PAUSE_S)
        now = self._clock.monotonic()
        self._own[account] = self._own.get(account, Pace()).paused(now, bounded)
        key, milliseconds = f"{KEY_PREFIX}{{{account}}}:pause", max(math.ceil(bounded * 1000), 1)
        try:
            await self._shared.run(lambda redis: redis.eval(_PAUSE, 1, key, milliseconds))
        except RedisAway:
            return

    async def _take_shared(self, account: str, max_wait_s: float) -> float | None:
        # The braces keep both keys on one node of a cluster.
        prefix = f"{KEY_PREFIX}{{{account}}}"
        interval, most = round(self._interval_s * 1000), math.floor(max(max_wait_s, 0.0) * 1000)
        milliseconds = await self._shared.run(
            lambda redis: redis.eval(
                _TAKE_SLOT, 2, f"{prefix}:next", f"{prefix}:pause", interval, most
            )
        )
        return None if int(milliseconds) == _BEYOND else int(milliseconds) / 1000

    def _take_own(self, account: str, max_wait_s: float) -> float | None:
        now, pace = self._clock.monotonic(), self._own.get(account, Pace())
        wait_s = pace.wait_s(now)
        if wait_s > max_wait_s:
            return None
        self._own[account] = pace.taken(now, self._interval_s)
        return wait_s
