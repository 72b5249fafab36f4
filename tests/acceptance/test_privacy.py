"""No customer text, mail address, name or key in logs, queue or Redis."""

import asyncio
import base64
import json
import re
from typing import Any

import redis.asyncio as redis

from sandbox.shop import DRESSAGE_HORSE
from tests.acceptance.conftest import World

SECRETS = {
    "besonderheiten": "Muttermal am Karpfenteich",
    "charakter": "nervös beim Schmied Zacharias",
    "standort": "81927 Bogenhausen-Geheimweg",
}
BUYER = {"email": "vertraulich@kundin.example", "name": "Walburga Geheimrat"}
KEYS = ("sk-or-v1-sandbox", "re_sandbox", "whsec_sandbox", "sk-ant-sandbox", "rk_test_sandbox")


async def test_logs_and_redis_hold_no_customer_data_and_no_keys(world: World) -> None:
    """A full run, good and bad, with everything that must not leak put into it."""
    await world.control.set_scenario(
        {"models": {"google/*": {"outcomes": ["apology", "500", "400_context"], "latency": 1}}}
    )
    good = await world.paid(horse=DRESSAGE_HORSE | SECRETS, **BUYER)
    bad = await world.paid(horse=DRESSAGE_HORSE | SECRETS | {"stockmass": "geheim"}, **BUYER)
    await world.asked()
    during = await redis_contents(world)
    await world.ended(good)
    await world.ended(bad)

    written = await asyncio.to_thread(world.stack.log_path.read_text, "utf-8", "replace")
    stored = during + await redis_contents(world)

    needles = [*SECRETS.values(), *BUYER.values(), *KEYS, "Walburga", "Entschuldigung"]
    assert good in written
    assert [needle for needle in needles if needle in written] == []
    assert [needle for needle in needles if needle in stored] == []


async def redis_contents(world: World) -> str:
    """Return everything Redis holds, as text, with the bodies of messages decoded."""
    url = world.stack.env["REDIS_URL"]
    async with redis.Redis.from_url(url, decode_responses=True) as client:
        found = [(key, await value_of(client, key)) async for key in client.scan_iter()]
    text = json.dumps(found, ensure_ascii=False, default=str)
    bodies = re.findall(r'body\\*": \\*"([A-Za-z0-9+/=]+)', text)
    return text + " ".join(base64.b64decode(body).decode(errors="replace") for body in bodies)


async def value_of(client: Any, key: str) -> Any:
    reads = {
        "string": lambda: client.get(key),
        "list": lambda: client.lrange(key, 0, -1),
        "hash": lambda: client.hgetall(key),
        "set": lambda: client.smembers(key),
        "zset": lambda: client.zrange(key, 0, -1),
    }
    read = reads.get(await client.type(key))
    return await read() if read else None
