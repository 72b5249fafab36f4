"""A new version replaces the old one process by process, while orders come in."""

import asyncio

from sandbox.stack import Member
from tests.acceptance.conftest import World

STREAMING = {"models": {"*": {"latency": 8}}}
"""Longer than the grace time: whoever leaves has answers half read."""


async def replaced(world: World, name: str) -> int:
    """End one process as a supervisor does and start its successor; return the exit code."""
    member: Member = world.stack.members[name]
    process = member.process
    assert process is not None
    process.terminate()
    code = await asyncio.to_thread(process.wait, 30)
    world.stack.restart_the_dead()
    return code


async def test_a_rolling_deploy_loses_and_doubles_nothing(world: World) -> None:
    """Workers, web and clock are replaced in turn, with answers half read and orders arriving."""
    await world.control.set_scenario(STREAMING)
    sessions = [await world.paid() for _ in range(4)]
    await world.asked(4)
    workers = [name for name in world.stack.members if "worker" in name]

    codes = {}
    for name in (*workers, "web", "beat"):
        codes[name] = await replaced(world, name)
        await world.serving()
        sessions.append(await world.paid())

    jobs = [await world.ended(session) for session in sessions]
    assert set(codes.values()) == {0}, codes
    assert {job["state"] for job in jobs} == {"delivered"}
    assert any(job["fence"] > 1 for job in jobs)
    for session in sessions:
        assert await world.mails_for(session) == ["admin", "customer"]


async def test_work_that_ends_within_the_grace_time_is_finished(world: World) -> None:
    """An answer that is nearly read is not thrown away and paid again."""
    await world.control.set_scenario({"models": {"*": {"latency": 1.5}}})
    session_id = await world.paid()
    await world.asked()
    workers = [name for name in world.stack.members if "worker" in name]

    await asyncio.gather(*(replaced(world, name) for name in workers))

    job = await world.ended(session_id)
    assert (job["state"], job["fence"]) == ("delivered", 1)
    assert len(await world.control.journal("chat")) == 1
