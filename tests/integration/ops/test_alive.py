"""The health check as a supervisor runs it: a process of its own, asking a real ledger."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from config.clock import SystemClock
from doorbell.names import ClockTask
from ledger.connection import Connection
from ledger.leases import Leases
from ledger.workers import MongoPresence
from sandbox.stack import ROOT


@pytest.fixture
def env(mongo_uri: str, connection: Connection) -> dict[str, str]:
    return {
        **os.environ,
        "MONGODB_URI": mongo_uri,
        "MONGODB_DB": connection.name,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "OPENROUTER_API_KEY": "sk-or-v1-sandbox",
    }


async def check(process: str, env: dict[str, str]) -> tuple[int | None, str]:
    """Return the exit code and what was said."""
    asked = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.alive", process),
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await asked.communicate()
    return asked.returncode, said.decode()


async def test_a_worker_is_alive_while_its_heart_beats(
    env: dict[str, str], connection: Connection
) -> None:
    """Silent before the first beat, alive after it, silent again when it has left."""
    presence = MongoPresence(connection)
    owner = f"{socket.gethostname()}:7:ab"

    before = await check("worker", env)
    await presence.beat(owner, holding=[])
    beating = await check("worker", env)
    await presence.leave(owner)
    left = await check("worker", env)

    assert [code for code, _ in (before, beating, left)] == [1, 0, 1]
    assert owner in beating[1]


async def test_the_clock_is_alive_when_its_minute_was_done(
    env: dict[str, str], connection: Connection
) -> None:
    """A chore that only ever failed is no sign of life."""

    async def well() -> str:
        return "healthy"

    async def ill() -> str:
        raise ValueError("ill")

    leases = Leases(connection, SystemClock(), holder="clock")

    before = await check("beat", env)
    with pytest.raises(ValueError, match="ill"):
        await leases.run(ClockTask.HEALTH, every_s=0, work=ill)
    failed = await check("beat", env)
    await leases.run(ClockTask.HEALTH, every_s=0, work=well)
    done = await check("beat", env)

    assert [code for code, _ in (before, failed, done)] == [1, 1, 0]
    assert ClockTask.HEALTH in done[1]


async def test_without_mongodb_nothing_is_known_and_nobody_is_blamed(env: dict[str, str]) -> None:
    """A restart would lose the paid answers that a worker holds until MongoDB is back."""
    code, said = await check("worker", env | {"MONGODB_URI": "mongodb://127.0.0.1:1/x"})

    assert code == 0
    assert "unknown" in said


async def test_an_environment_that_does_not_add_up_is_told(env: dict[str, str]) -> None:
    """78 as for every process, with the fault by name."""
    code, said = await check("worker", env | {"OPENROUTER_API_KEY": ""})

    assert code == 78
    assert "OPENROUTER_API_KEY" in said
