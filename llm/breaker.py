"""A breaker per model, shared by all workers; each worker has its own while Redis is away."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final

from redis.asyncio import Redis

from domain.ports import Clock
from llm.lenient import load, number, row, table
from llm.shared import RedisAway, SharedState

KEY_PREFIX: Final = "pw:breaker:"
_TRIES: Final = 3
_FORGET_AFTER_S: Final = 600
_COMPARE_AND_SET: Final = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """`failures` within `window_s`, no success between them, open the breaker for `open_s`."""

    failures: int = 5
    window_s: float = 60.0
    open_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """One breaker's state, times in epoch seconds. The empty circuit is closed.

    `open_until` in the past means half-open: one probe at a time, each good for `open_s`.
    """

    failures: tuple[float, ...] = ()
    open_until: float | None = None
    probe_until: float = 0.0

    def admitted(self, now: float, policy: BreakerPolicy) -> "Circuit | None":
        """Return the state after letting one call through, None when it must not pass."""
        if self.open_until is None:
            return self
        if now < self.open_until or now < self.probe_until:
            return None
        return replace(self, probe_until=now + policy.open_s)

    def failed(self, now: float, policy: BreakerPolicy) -> "Circuit":
        """Return the state after a failure; calls that began before the opening change nothing."""
        if self.open_until is not None:
            return self if now < self.open_until else Circuit(open_until=now + policy.open_s)
        recent = (*(at for at in self.failures if now - at < policy.window_s), now)
        if len(recent) >= policy.failures:
            return Circuit(open_until=now + policy.open_s)
        return Circuit(failures=recent)


Transition = Callable[[Circuit, float], Circuit | None]


class Breaker:
    """Never raises and never blocks for long: without Redis it decides by what it saw itself."""

    def __init__(
        self, shared: SharedState, clock: Clock, policy: BreakerPolicy | None = None
    ) -> None:
        self._shared = shared
        self._clock = clock
        self._policy = policy or BreakerPolicy()
        self._own: dict[str, Circuit] = {}

    async def admits(self, model: str) -> bool:
        """Say whether a call may pass; in the half-open state the first asker takes the probe."""
        return await self._change(model, lambda c, now: c.admitted(now, self._policy)) is not None

    async def failed(self, model: str) -> None:
        await self._change(model, lambda c, now: c.failed(now, self._policy))

    async def succeeded(self, model: str) -> None:
        self._own.pop(model, None)
        try:
            await self._shared.run(lambda redis: redis.delete(KEY_PREFIX + model))
        except RedisAway:
            return

    async def _change(self, model: str, transition: Transition) -> Circuit | None:
        try:
            return await self._shared.run(
                lambda redis: _change_shared(redis, KEY_PREFIX + model, transition)
            )
        except RedisAway:
            return self._change_own(model, transition)

    def _change_own(self, model: str, transition: Transition) -> Circuit | None:
        after = transition(self._own.get(model, Circuit()), self._clock.now().timestamp())
        if after is not None:
            self._own[model] = after
        return after


async def _change_shared(redis: Redis, key: str, transition: Transition) -> Circuit | None:
    """Apply a transition by compare-and-set, on Redis's own time.

    Whoever loses the race again and again gives way: enough others report the same.
    """
    for _ in range(_TRIES):
        async with redis.pipeline(transaction=False) as pipe:
            pipe.get(key)
            pipe.time()
            raw, (seconds, microseconds) = await pipe.execute()
        stored = _text(raw)
        before = _decode(stored)
        after = transition(before, seconds + microseconds / 1e6)
        if after is None or after == before:
            return after
        news = json.dumps(asdict(after))
        if await redis.eval(_COMPARE_AND_SET, 1, key, stored, news, _FORGET_AFTER_S):
            return after
    return None


def _text(raw: object) -> str:
    """The client may or may not decode replies; that is its owner's choice."""
    return raw.decode() if isinstance(raw, bytes) else str(raw or "")


def _decode(stored: str) -> Circuit:
    """Read a stored circuit; what cannot be read counts as closed."""
    try:
        fields = table(load(stored))
    except ValueError:
        return Circuit()
    times = (number(at) for at in row(fields.get("failures")))
    return Circuit(
        failures=tuple(at for at in times if at is not None),
        open_until=number(fields.get("open_until")),
        probe_until=number(fields.get("probe_until")) or 0.0,
    )
