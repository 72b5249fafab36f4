"""A new version replaces the old one process by process, while orders come in."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.builds import Rollout, later_build, replaced
from tests.acceptance.conftest import World

STREAMING = {"models": {"*": {"latency": 8}}}
"""Longer than the grace time: whoever leaves has answers half read."""

QUICK = {"models": {"*": {"latency": 0.5}}}


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


@pytest.fixture
async def rollout(world: World, tmp_path: Path) -> AsyncIterator[Rollout]:
    """Begins and ends with workers of the present build."""
    members = world.stack.members
    workers = {name: replace(members[name]) for name in members if "worker" in name}
    yield Rollout(world, later_build(tmp_path), workers)
    for name, member in workers.items():
        members[name].command, members[name].env = member.command, member.env
        await replaced(world, name)


BOTH = ("valuation", "certificate")


@pytest.mark.timeout(300)
async def test_two_builds_work_side_by_side(world: World, rollout: Rollout) -> None:
    """Upgraded in turn, rolled back, upgraded again, with orders in every phase.

    The elder workers deliver what they can read and leave the rest: nothing is parked, delivered
    or mailed twice, and what the later build owes goes out when it is back.
    """
    one, other = rollout.workers
    said_before = world.stack.log_path.stat().st_size
    await world.control.set_scenario(QUICK)

    await rollout.pay(*BOTH)
    await rollout.upgrade(one)
    await rollout.pay(*BOTH, *BOTH, *BOTH)
    await rollout.upgrade(other)
    await rollout.pay(*BOTH)
    await rollout.told()

    await world.control.set_scenario({"models": {"*": {"then": ["503"]}}})
    held = await rollout.pay("valuation")
    await rollout.roll_back(one)
    await rollout.reviewed(held)
    await rollout.roll_back(other)
    await world.control.set_scenario(QUICK)
    await rollout.an_hour_passes()
    await rollout.left_alone()
    assert await rollout.state_of(held) == "reviewing"
    assert (await world.shop.status(held))["state"] == "waiting"

    await rollout.pay(*BOTH)
    await rollout.upgrade(one)
    await rollout.upgrade(other)
    await rollout.told()
    await rollout.an_hour_passes()
    jobs = await rollout.ended()

    assert {job["state"] for job in jobs.values()} == {"delivered"}
    assert {"thanks" in job["mails"] for job in jobs.values()} == {True, False}
    for session, job in jobs.items():
        assert await world.mails_for(session, job["kind"]) == sorted(job["mails"])
        assert [a["success"] for a in await world.shop.attempts(session)].count(True) == 1
    said = world.stack.log_path.read_bytes()[said_before:].decode(errors="replace")
    assert "mails_of_newer_build_kept" in said
    assert "job_damaged" not in said
