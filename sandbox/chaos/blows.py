"""Carrying out one blow: each fault as a few lines against the running system."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pymongo.errors import PyMongoError

from sandbox.chaos.deaths import Death
from sandbox.chaos.hunting import Hunt
from sandbox.chaos.plan import Blow, Fault
from sandbox.chaos.scenarios import OUTAGES, under
from sandbox.chaos.servers import BreakableMongo, BreakableValkey, freeze, start_again, thaw
from sandbox.chaos.watching import LedgerWatch
from sandbox.client import SandboxControl
from sandbox.stack import Stack

Json = dict[str, Any]

_EXIT_S: Final = 60.0
_FULL_BYTES: Final = 1


class Gate(Protocol):
    """How customers are let loose; in every outage of Redis, too, so that webhooks meet it."""

    def rush(self) -> AbstractContextManager[None]: ...


@dataclass(slots=True)
class Battlefield:
    """Everything that can be broken, and the record of what was."""

    stack: Stack
    mongo: BreakableMongo
    valkey: BreakableValkey
    control: SandboxControl
    ledger: LedgerWatch
    hunt: Hunt
    database: Any
    gate: Gate
    seed: int
    deaths: list[Death] = field(default_factory=list)
    expected_exits: set[int] = field(default_factory=set)
    deploy_exits: list[int] = field(default_factory=list)
    outages: set[Fault] = field(default_factory=set)

    async def strike(self, blow: Blow) -> None:
        await _WAYS[blow.fault](self, blow)

    async def kill_worker(self, blow: Blow) -> None:
        name = f"worker-{blow.victim}"
        owner = await self.present(name)
        async with self.hunt.slowed(blow.step):
            await self.hunt.until(owner, blow.step)
            self.deaths.append(Death(blow.number, owner, time.time(), blow.step))
            await self._kill(name)

    async def _kill(self, name: str) -> None:
        """Return when the process is gone, so that nobody takes it for alive."""
        process = self.stack.members[name].process
        if process is not None and process.poll() is None:
            self.expected_exits.add(process.pid)
            os.killpg(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)

    async def present(self, name: str) -> str:
        """Return the owner id of a worker that beats; wait until it does."""
        async with asyncio.timeout(_EXIT_S):
            while True:
                process = self.stack.members[name].process
                if process is not None and process.poll() is None:
                    query = {"_id": {"$regex": f":{process.pid}:"}}
                    try:
                        found = await self.database["workers"].find_one(query, {"_id": 1})
                    except PyMongoError:
                        found = None
                    if found:
                        return str(found["_id"])
                await asyncio.sleep(0.1)

    async def deploy(self, _blow: Blow) -> None:
        """Replace the workers one after the other, as a rolling deploy does."""
        for name in [name for name in self.stack.members if name.startswith("worker")]:
            await self.present(name)
            process = self.stack.members[name].process
            if process is None or process.poll() is not None:
                continue
            self.expected_exits.add(process.pid)
            process.terminate()
            self.deploy_exits.append(await asyncio.to_thread(process.wait, _EXIT_S))

    async def kill_web(self, _blow: Blow) -> None:
        await self._kill("web")

    async def kill_beat(self, blow: Blow) -> None:
        await self._kill(f"beat-{blow.victim}")

    async def restart_redis(self, blow: Blow) -> None:
        self.valkey.kill()
        with self.gate.rush():
            await asyncio.sleep(blow.seconds)
        if blow.fault is Fault.REDIS_LOSS:
            self.valkey.forget()
        await start_again(self.valkey)

    async def flush_redis(self, _blow: Blow) -> None:
        await self.valkey.flush()

    async def freeze_redis(self, blow: Blow) -> None:
        with self.gate.rush():
            await _frozen(self.valkey.pid, blow.seconds)

    async def fill_redis(self, blow: Blow) -> None:
        await self.valkey.limit_memory(_FULL_BYTES)
        try:
            with self.gate.rush():
                await asyncio.sleep(blow.seconds)
        finally:
            await self.valkey.limit_memory(0)

    async def restart_mongo(self, blow: Blow) -> None:
        node = await self.mongo.primary()
        node.kill()
        await asyncio.sleep(blow.seconds)
        await start_again(node)
        await self.mongo.until_primary()

    async def step_down_mongo(self, blow: Blow) -> None:
        await self.mongo.step_down(blow.seconds)
        await self.mongo.until_primary()

    async def freeze_mongo(self, blow: Blow) -> None:
        await _frozen((await self.mongo.primary()).pid, blow.seconds)
        await self.mongo.until_primary()

    async def drop_connections(self, blow: Blow) -> None:
        """Close connections instead of answering: some writes arrive, no answer does."""
        commands = ["findAndModify", "commitTransaction", "update", "insert", "find"]
        ends = time.monotonic() + blow.seconds
        while time.monotonic() < ends:
            await self.mongo.fail(commands, {"times": 5}, closeConnection=True)
            await asyncio.sleep(0.3)
        await self.mongo.behave()

    async def break_providers(self, blow: Blow) -> None:
        self.outages.add(blow.fault)
        await self._play_outages()
        try:
            await asyncio.sleep(blow.seconds)
        finally:
            self.outages.discard(blow.fault)
            await self._play_outages()

    async def _play_outages(self) -> None:
        await self.control.set_scenario(under(self.outages, self.seed))

    async def rush(self, blow: Blow) -> None:
        with self.gate.rush():
            await asyncio.sleep(blow.seconds)


async def _frozen(pid: int, seconds: float) -> None:
    freeze(pid)
    try:
        await asyncio.sleep(seconds)
    finally:
        thaw(pid)


Way = Callable[[Battlefield, Blow], Coroutine[Any, Any, None]]

_WAYS: Final[dict[Fault, Way]] = {
    Fault.WORKER_KILL: Battlefield.kill_worker,
    Fault.WORKER_DEPLOY: Battlefield.deploy,
    Fault.WEB_KILL: Battlefield.kill_web,
    Fault.BEAT_KILL: Battlefield.kill_beat,
    Fault.REDIS_RESTART: Battlefield.restart_redis,
    Fault.REDIS_LOSS: Battlefield.restart_redis,
    Fault.REDIS_FLUSH: Battlefield.flush_redis,
    Fault.REDIS_FREEZE: Battlefield.freeze_redis,
    Fault.REDIS_FULL: Battlefield.fill_redis,
    Fault.MONGO_RESTART: Battlefield.restart_mongo,
    Fault.MONGO_STEP_DOWN: Battlefield.step_down_mongo,
    Fault.MONGO_FREEZE: Battlefield.freeze_mongo,
    Fault.MONGO_DROPS: Battlefield.drop_connections,
    Fault.CUSTOMERS_RUSH: Battlefield.rush,
    **dict.fromkeys(OUTAGES, Battlefield.break_providers),
}
