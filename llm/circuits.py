"""The breakers as Redis holds them, for people who look."""

from datetime import UTC, datetime

from redis.asyncio import Redis

from llm.breaker import KEY_PREFIX
from llm.lenient import load, number, table


async def breakers_open_until(redis: Redis) -> dict[str, datetime | None]:
    """Return by model until when its breaker is open, None for a closed one with failures.

    `redis` must decode its keys. Raises RedisError.
    """
    keys = [key async for key in redis.scan_iter(match=f"{KEY_PREFIX}*")]
    stored = await redis.mget(keys) if keys else []
    return {
        key.removeprefix(KEY_PREFIX): _moment(open_until(circuit))
        for key, circuit in zip(keys, stored, strict=True)
    }


def open_until(circuit: str | bytes | None) -> float | None:
    """Return the epoch second until which a stored breaker is open.

    What is absent or cannot be read counts as closed, as it does for the chain.
    """
    try:
        return number(table(load(circuit or "{}")).get("open_until"))
    except ValueError:
        return None


def _moment(epoch_s: float | None) -> datetime | None:
    try:
        return None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC)
    except (ValueError, OverflowError, OSError):
        return None
