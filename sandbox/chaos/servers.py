"""MongoDB and Valkey with handles to break them."""

import asyncio
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any, Final, Self

import pymongo
import redis.asyncio as redis
from pymongo.errors import PyMongoError

from sandbox.servers import (
    START_TIMEOUT_S,
    EmbeddedMongo,
    EmbeddedServer,
    EmbeddedValkey,
    ServerError,
)

Json = dict[str, Any]

WORKER_APP: Final = "pferdewert-worker"
"""How workers introduce themselves to MongoDB; failpoints hit nobody else."""

_ANSWER_MS: Final = 1500
_ELECTION_MS: Final = 2000


async def start_again(server: EmbeddedServer) -> None:
    """Start without holding up the event loop; must be called in the main thread's loop."""
    server.launch()
    await asyncio.to_thread(server.wait_until_ready)


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


class Node(EmbeddedMongo):
    """One mongod that knows failpoints, with its data where we can keep it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.data = folder
        folder.mkdir(parents=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        return [
            *super().command(),
            "--setParameter", "enableTestCommands=1",
            "--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100",
        ]  # fmt: skip

    def is_ready(self) -> bool:
        return self.hello() is not None

    def hello(self) -> Json | None:
        """Return what the node says about itself; None when it says nothing."""
        return self.ask({"hello": 1})

    def ask(self, command: Json) -> Json | None:
        """Run an admin command; None when the node is gone, frozen or refuses."""
        uri = f"mongodb://{self.address}/?directConnection=true"
        client: pymongo.MongoClient[Json] = pymongo.MongoClient(uri, timeoutMS=_ANSWER_MS)
        try:
            with client:
                return dict(client.admin.command(command))
        except PyMongoError:
            return None


class BreakableMongo:
    """A replica set of one node or of three. Blows hit whichever is the primary."""

    def __init__(self, folder: Path, *, members: int = 1) -> None:
        self.nodes = [Node(folder / f"mongodb-{number + 1}") for number in range(members)]

    @property
    def url(self) -> str:
        hosts = ",".join(node.address for node in self.nodes)
        return f"mongodb://{hosts}/?replicaSet=rs0"

    def __enter__(self) -> Self:
        for node in self.nodes:
            node.start()
        members = [{"_id": i, "host": node.address} for i, node in enumerate(self.nodes)]
        settings = {"electionTimeoutMillis": _ELECTION_MS}
        config = {"_id": "rs0", "members": members, "settings": settings}
        self.nodes[0].ask({"replSetInitiate": config})
        self._wait_for_primary()
        return self

    def __exit__(self, *_exception: object) -> None:
        for node in self.nodes:
            node.close()

    async def primary(self) -> Node:
        """Return the node that takes writes, the first one while there is none."""
        return await asyncio.to_thread(self._primary) or self.nodes[0]

    async def until_primary(self) -> None:
        """Return when somebody takes writes again. Raises ServerError."""
        await asyncio.to_thread(self._wait_for_primary)

    async def step_down(self, seconds: float) -> None:
        """Make the primary leave its place; a set of one elects itself again afterwards."""
        node = await self.primary()
        command = {"replSetStepDown": max(1, round(seconds)), "force": True}
        await asyncio.to_thread(node.ask, command)

    async def fail(self, commands: list[str], mode: Json | str, **how: Any) -> None:
        """Set the failpoint `failCommand` for the workers' connections."""
        data = {"failCommands": commands, "appName": WORKER_APP, **how}
        await self._tell_all({"configureFailPoint": "failCommand", "mode": mode, "data": data})

    async def behave(self) -> None:
        await self._tell_all({"configureFailPoint": "failCommand", "mode": "off"})

    async def _tell_all(self, command: Json) -> None:
        """Tell every node; one that is down forgets its failpoints anyway."""
        await asyncio.gather(*(asyncio.to_thread(node.ask, command) for node in self.nodes))

    def _primary(self) -> Node | None:
        for node in self.nodes:
            if (node.hello() or {}).get("isWritablePrimary"):
                return node
        return None

    def _wait_for_primary(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._primary() is None:
            if time.monotonic() > deadline:
                raise ServerError("the replica set elects no primary")
            time.sleep(0.05)


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
