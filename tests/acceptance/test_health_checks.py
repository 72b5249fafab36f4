"""The very commands that Docker runs to ask the processes how they are, against running ones."""

import asyncio
import json
import subprocess
import sys
from typing import Final

import pytest

from sandbox.stack import ROOT
from tests.acceptance.conftest import World
from tests.unit.deployment_files import read, read_yaml

PUBLISHED: Final = "127.0.0.1:5555"


def command_of(process: str) -> list[str]:
    """Return what the image asks the web process, or what compose asks another."""
    if process == "web":
        check = read("Dockerfile").partition("HEALTHCHECK")[2].partition("CMD")[2]
        command: list[str] = json.loads(check.splitlines()[0])
        return command
    check = read_yaml("docker-compose.yml")["services"][process]["healthcheck"]["test"]
    return [str(word) for word in check[1:]]


async def ask(env: dict[str, str], command: list[str]) -> tuple[int | None, str]:
    """Run a health check in the system's environment; return its exit code and its words."""
    local = [word.replace(PUBLISHED, f"127.0.0.1:{env['FLOWER_PORT']}") for word in command]
    asked = await asyncio.create_subprocess_exec(
        *(sys.executable, *local[1:]),
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await asked.communicate()
    return asked.returncode, said.decode()


@pytest.mark.parametrize("process", ["web", "worker", "beat", "flower"])
async def test_a_running_process_is_found_healthy(world: World, process: str) -> None:
    """As soon as it works; the clock once its first minute is done."""
    command = command_of(process)

    async def healthy() -> bool:
        return (await ask(world.stack.env, command))[0] == 0

    await world.until(f"{process} is healthy", healthy)


async def test_a_check_fails_where_nothing_serves(world: World) -> None:
    """The checks over HTTP end with something else than 0 when nobody answers."""
    nobody = world.stack.env | {"PORT": "1", "FLOWER_PORT": "1"}

    codes = [(await ask(nobody, command_of(process)))[0] for process in ("web", "flower")]

    assert codes == [1, 1]
