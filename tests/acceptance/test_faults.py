"""What happens when parts die under the work. Nothing here may lose or double anything."""

import asyncio
import os
import signal

import redis.asyncio as redis

from sandbox.servers import EmbeddedMongo, EmbeddedValkey
from tests.acceptance.conftest import World

SLOW = {"models": {"*": {"latency": 4}}}


def valkey(world: World) -> EmbeddedValkey:
    return next(s for s in world.stack.servers if isinstance(s, EmbeddedValkey))


def mongo(world: World) -> EmbeddedMongo:
    return next(s for s in world.stack.servers if isinstance(s, EmbeddedMongo))


def worker_pids(world: World) -> dict[str, int]:
    members = world.stack.members.values()
    return {m.name: m.process.pid for m in members if "worker" in m.name and m.process}


async def owner_of(world: World, session_id: str) -> str:
    """Return the name of the worker process that holds the job."""
    job = await world.shop.job("valuation", session_id)
    return next(name for name, pid in worker_pids(world).items() if f":{pid}:" in job["owner"])


async def test_a_killed_worker_costs_one_model_call_and_nothing_else(world: World) -> None:
    """A kill -9 in mid-call: the other worker takes over; one result, one mail each."""
    await world.control.set_scenario(SLOW)
    session_id = await world.paid()
    await world.asked()

    world.stack.kill(await owner_of(world, session_id))

    job = await world.ended(session_id)
    assert job["state"] == "delivered"
    assert job["fence"] >= 2
    assert await world.mails_for(session_id) == ["admin", "customer"]


async def test_a_stopped_worker_hands_its_job_back(world: World) -> None:
    """SIGTERM with work that outlasts the grace time: exit 0, and another worker finishes."""
    await world.control.set_scenario(SLOW)
    session_id = await world.paid()
    await world.asked()
    process = world.stack.members[await owner_of(world, session_id)].process
    assert process is not None

    process.terminate()

    job = await world.ended(session_id)
    assert job["state"] == "delivered"
    assert await asyncio.to_thread(process.wait, 30) == 0
    assert await world.mails_for(session_id) == ["admin", "customer"]


async def test_orders_are_delivered_while_redis_is_down(world: World) -> None:
    """The webhook answers 200 without Redis, and the rescue loop works without a bell."""
    valkey(world).kill()
    try:
        session_id = await world.paid()
        job = await world.ended(session_id)
    finally:
        valkey(world).start()

    assert job["state"] == "delivered"
    assert await world.mails_for(session_id) == ["admin", "customer"]


async def test_busy_workers_survive_a_redis_restart(world: World) -> None:
    """The very same processes go on, finish their jobs and take new ones."""
    await world.control.set_scenario(SLOW)
    pids = worker_pids(world)
    sessions = [await world.paid() for _ in range(6)]
    await world.asked(6)

    valkey(world).kill()
    await asyncio.sleep(1)
    valkey(world).start()

    jobs = [await world.ended(session) for session in sessions]
    later = await world.ended(await world.paid())
    assert {job["state"] for job in (*jobs, later)} == {"delivered"}
    assert worker_pids(world) == pids


async def test_a_frozen_redis_holds_nothing_up(world: World) -> None:
    """SIGSTOP is worse than death: connections stay open and silent. Orders are delivered."""
    os.kill(valkey(world).pid, signal.SIGSTOP)
    try:
        session_id = await world.paid()
        job = await world.ended(session_id)
    finally:
        os.kill(valkey(world).pid, signal.SIGCONT)

    assert job["state"] == "delivered"


async def test_flushall_loses_nothing(world: World) -> None:
    """All rings vanish while jobs wait and run; the ledger still knows them."""
    await world.control.set_scenario(SLOW)
    sessions = await asyncio.gather(*(world.paid() for _ in range(10)))

    async with redis.Redis.from_url(valkey(world).url) as client:
        await client.flushall()

    jobs = [await world.ended(session) for session in sessions]
    assert {job["state"] for job in jobs} == {"delivered"}
    # Kombu binds Flower's reply queue once per process and does not notice that it is gone.
    world.stack.kill("flower")


async def test_mongodb_restarting_in_mid_job_loses_nothing(world: World) -> None:
    """The answer in hand is kept until MongoDB is back; an event in between gets 503."""
    await world.control.set_scenario(SLOW)
    sessions = [await world.paid() for _ in range(4)]
    await world.asked(4)
    event = await world.control.create_event("checkout.session.completed", sessions[0])

    mongo(world).kill()
    refused = await world.shop.post(event)
    mongo(world).start()

    jobs = [await world.ended(session) for session in sessions]
    assert refused.status_code == 503
    assert {job["state"] for job in jobs} == {"delivered"}
    for session in sessions:
        assert await world.mails_for(session) == ["admin", "customer"]


async def test_a_mail_outage_delays_mails_and_doubles_none(world: World) -> None:
    """The result is there at once; each mail follows when the provider recovers."""
    trouble = [{"name": "503", "times": 3}, "accepted_then_reset"]
    await world.control.set_scenario({"mail": {"outcomes": trouble}})

    session_id = await world.paid()

    await world.ended(session_id)
    assert await world.mails_for(session_id) == ["admin", "customer"]


async def test_when_every_provider_is_down_the_order_waits(world: World) -> None:
    """An outage of all stages delays the order; it never ends as an apology or a loss."""
    down = {"outcomes": [{"name": "503", "times": 60}], "latency": 0.02}
    await world.control.set_scenario({"models": {"*": down}})
    session_id = await world.paid()

    async def waiting() -> bool:
        return bool((await world.shop.job("valuation", session_id)).get("state") == "waiting")

    await world.until("the job waits for the providers", waiting)
    await world.control.set_scenario({})

    job = await world.ended(session_id)
    assert job["state"] == "delivered"
    assert job["rounds"] >= 1
