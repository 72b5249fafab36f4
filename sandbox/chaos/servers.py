"""MongoDB and Valkey with handles to break them."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Any, Final

import pymongo
import redis.asyncio as redis
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from sandbox.servers import EmbeddedMongo, EmbeddedServer, EmbeddedValkey

Json = dict[str, Any]

WORKER_APP: Final = "pferdewert-worker"
"""How workers introduce themselves to MongoDB; failpoints hit nobody else."""

_ANSWER_MS: Final = 1500


async def start_again(server: EmbeddedServer) -> None:
    """Start without holding up the event loop; must be called in the main thread's loop."""
    server.launch()
    await asyncio.to_thread(server.wait_until_ready)


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


class BreakableMongo(EmbeddedMongo):
    """A mongod that knows failpoints, with its data where we can keep it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.data = folder
        folder.mkdir(parents=True)

    def command(self) -> list[str | Path]:
        return [*super().command(), "--setParameter", "enableTestCommands=1"]

    async def step_down(self, seconds: float) -> None:
        """Leave the set without a primary; a set of one elects itself again afterwards."""
        # The connection may be closed before the answer.
        await self._admin({"replSetStepDown": max(1, round(seconds)), "force": True})

    async def fail(self, commands: list[str], mode: Json | str, **how: Any) -> None:
        """Set the failpoint `failCommand` for the workers' connections."""
        data = {"failCommands": commands, "appName": WORKER_APP, **how}
        await self._admin({"configureFailPoint": "failCommand", "mode": mode, "data": data})

    async def behave(self) -> None:
        await self._admin({"configureFailPoint": "failCommand", "mode": "off"})

    async def _admin(self, command: Json) -> None:
        address = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        client: AsyncMongoClient[Json] = AsyncMongoClient(address, timeoutMS=_ANSWER_MS)
        async with client:
            try:
                await client.admin.command(command)
            except PyMongoError:
                # Gone or frozen just now: another blow is under way, and failpoints die with it.
                return


class BreakableValkey(EmbeddedValkey):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.data = folder
        folder.mkdir(parents=True)

    def forget(self) -> None:
        """Remove what is on disk; only while it is down."""
        shutil.rmtree(self.data / "appendonlydir", ignore_errors=True)

    async def flush(self) -> None:
        async with redis.Redis.from_url(self.url) as client:
            await client.flushall()

    async def limit_memory(self, size: int) -> None:
        """Refuse every write once `size` bytes are in use; 0 is no limit."""
        async with redis.Redis.from_url(self.url) as client:
            await client.config_set("maxmemory", size)


def open_direct(mongo: EmbeddedMongo) -> "pymongo.MongoClient[Json]":
    """Return a client for reading the ledger afterwards."""
    return pymongo.MongoClient(mongo.url, tz_aware=True)
