"""Who is alive, by the heartbeats."""

from tests.integration.ledger.world import World


async def test_the_living_and_the_silent_are_told_apart(world: World) -> None:
    """Both are listed; only those heard of lately count as alive."""
    await world.presence.beat("worker-a", holding=["valuation:cs_1"])
    await world.silence("worker-a")
    await world.presence.beat("worker-b", holding=["$x", "valuation:cs_2"])
    silent, living = await world.presence.workers()
    assert (silent.owner, silent.alive, silent.holding) == ("worker-a", False, ("valuation:cs_1",))
    assert (living.owner, living.alive) == ("worker-b", True)
    assert living.holding == ("$x", "valuation:cs_2")
    assert await world.presence.live() == ["worker-b"]


async def test_a_beat_brings_a_silent_worker_back(world: World) -> None:
    """It is the same worker, since the same time, holding what it says now."""
    await world.presence.beat("worker-a", holding=["valuation:cs_1"])
    await world.silence("worker-a")
    [before] = await world.presence.workers()
    await world.presence.beat("worker-a", holding=[])
    [worker] = await world.presence.workers()
    assert (worker.alive, worker.holding, worker.since) == (True, (), before.since)


async def test_who_leaves_is_gone(world: World) -> None:
    """Leaving twice is no error."""
    await world.presence.beat("worker-a", holding=[])
    await world.presence.leave("worker-a")
    await world.presence.leave("worker-a")
    assert await world.presence.workers() == []
