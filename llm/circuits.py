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
        key.removeprefix(KEY_PREFIX): _open_until(text)
        for key, text in zip(keys, stored, strict=True)
    }


def _open_until(stored: str | bytes | None) -> datetime | None:
    try:
        until = number(table(load(stored or "{}")).get("open_until"))
        return None if until is None else datetime.fromtimestamp(until, UTC)
    except (ValueError, OverflowError, OSError):
        return None
