"""One run: bring the system up, play it, look at what is left, put it away."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pymongo import AsyncMongoClient

from sandbox.chaos.blows import Battlefield
from sandbox.chaos.conductor import Conductor, Crowd, Stalled
from sandbox.chaos.customers import Customers
from sandbox.chaos.hunting import Hunt
from sandbox.chaos.judging import Breach, judge
from sandbox.chaos.observing import caught_up, observe, refused_without_redis, unwatched
from sandbox.chaos.outside import Providers
from sandbox.chaos.plan import Blow
from sandbox.chaos.report import summary
from sandbox.chaos.scenarios import everyday
from sandbox.chaos.servers import BreakableMongo, BreakableValkey
from sandbox.chaos.stories import Story
from sandbox.chaos.watching import LedgerWatch
from sandbox.client import SandboxControl
from sandbox.shop import Shop, open_database
from sandbox.stack import WEBHOOK_SECRET, Stack

Json = dict[str, Any]

PROGRESS_S: Final = 3.0
MOST_S: Final = 7200.0
OPENING_S: Final = 20.0

SETTINGS: Final[Mapping[str, str]] = {
    "ENVIRONMENT": "staging",
    "OPENROUTER_TIMEOUT": "4",
    "OPENROUTER_RETRY_ATTEMPTS": "1",
    "OPENROUTER_RETRY_BACKOFF_BASE": "0.1",
    "OPENROUTER_RETRY_BACKOFF_MAX": "0.5",
    "OPENROUTER_MIN_INTERVAL_MS": "0",
    "WAIT_SCHEDULE_SECONDS": "1,2,5",
    "WORKER_GRACE_SECONDS": "2",
    "HEALTH_PING_AFTER_HOURS": "0",
    "LOG_LEVEL": "INFO",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How large a run is. `rate` in orders a second, `most_open` orders under way at most."""

    seed: int
    workers: int
    beats: int
    concurrency: int
    rate: float
    most_open: int
    stall_s: float
    members: int = 1
    keep: bool = False


@dataclass(slots=True)
class Run:
    """`say` gets a line for whatever happens; `folder` holds data and logs while it lasts."""

    options: Options
    stories: Sequence[Story]
    plan: Sequence[Blow]
    say: Callable[[str], None]
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="pferdewert-chaos-")))

    def play(self) -> Json:
        """Return the summary. Raises StackError, ServerError. Leaves no process behind."""
        began = time.monotonic()
        with self._system() as (stack, mongo, valkey):
            told = asyncio.run(self._play(stack, mongo, valkey, began))
        if told["breaches"] or self.options.keep:
            told["folder"] = str(self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        return told

    @contextlib.contextmanager
    def _system(self) -> Iterator[tuple[Stack, BreakableMongo, BreakableValkey]]:
        mongo = BreakableMongo(self.folder, members=self.options.members)
        valkey = BreakableValkey(self.folder / "valkey")
        with mongo, valkey, (self.folder / "processes.log").open("ab") as output:
            settings = {
                **SETTINGS,
                "WORKER_CONCURRENCY": str(self.options.concurrency),
                "MONGODB_URI": mongo.url,
                "MONGODB_DB": "pferdewert",
                "REDIS_URL": valkey.url,
            }
            stack = Stack(
                settings=settings,
                workers=self.options.workers,
                copies={"beat": self.options.beats, "flower": 0},
                output=output,
                announce=self.say,
            )
            with stack.running():
                yield stack, mongo, valkey

    async def _play(
        self, stack: Stack, mongo: BreakableMongo, valkey: BreakableValkey, began: float
    ) -> Json:
        client, database = open_database(stack.mongodb_uri, stack.database)
        async with client, _http() as http:
            control = SandboxControl(stack.sandbox_url, http)
            await control.set_scenario(everyday(self.options.seed))
            ledger, providers = LedgerWatch(), Providers(control)
            crowd = Crowd(self.options.rate, self.options.most_open)
            shop = Shop(database, control, http, web_url=stack.web_url, secret=WEBHOOK_SECRET)
            customers = Customers(shop, control, ledger, give_up_at=time.monotonic() + MOST_S)
            ground = Battlefield(
                stack=stack,
                mongo=mongo,
                valkey=valkey,
                control=control,
                ledger=ledger,
                hunt=Hunt(mongo, control, ledger, providers, customers.marks),
                database=database,
                gate=crowd,
                seed=self.options.seed,
            )
            conductor = Conductor(ground, customers, crowd, self.say, self.options.stall_s)
            async with self._watched(client, stack.database, ledger, providers, conductor):
                stalled = await self._conduct(conductor)
            observed = await observe(database, customers, ledger, providers)
        breaches = [
            *stalled,
            *judge(observed),
            *refused_without_redis(observed.sales, conductor.windows),
            *unwatched(observed),
            *self._order_of_blows(conductor),
        ]
        return summary(
            observed=observed,
            conductor=conductor,
            breaches=breaches,
            options={"seed": self.options.seed, "seconds": time.monotonic() - began},
        )

    async def _conduct(self, conductor: Conductor) -> list[Breach]:
        stalled: list[Breach] = []
        try:
            async with asyncio.timeout(MOST_S):
                await conductor.play(self.stories, self.plan)
        except* (Stalled, TimeoutError) as group:
            why = "; ".join(str(error) or "time is up" for error in group.exceptions)
            stalled.append(Breach("work goes on after every fault", "run", why))
        return stalled

    def _order_of_blows(self, conductor: Conductor) -> list[Breach]:
        if conductor.struck == list(self.plan):
            return []
        detail = f"{len(conductor.struck)} of {len(self.plan)} blows fell"
        return [Breach("the plan was carried out", "run", detail)]

    @contextlib.asynccontextmanager
    async def _watched(
        self,
        client: AsyncMongoClient[Json],
        database: str,
        ledger: LedgerWatch,
        providers: Providers,
        conductor: Conductor,
    ) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(ledger.follow(client, database)),
            asyncio.create_task(providers.follow()),
            asyncio.create_task(self._tell_progress(ledger, conductor)),
        ]
        try:
            await asyncio.wait_for(ledger.opened.wait(), OPENING_S)
            yield
            await caught_up(client, database, ledger)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell_progress(self, ledger: LedgerWatch, conductor: Conductor) -> None:
        owed, began = sum(story.jobs for story in self.stories), time.monotonic()
        while True:
            await asyncio.sleep(PROGRESS_S)
            alive = sum(not member.is_dead() for member in conductor.ground.stack.members.values())
            self.say(
                f"{time.monotonic() - began:6.0f} s  {len(ledger.jobs):6} jobs taken, "
                f"{len(ledger.ended):6} of {owed} ended, {len(conductor.struck):4} of "
                f"{len(self.plan)} blows, {alive} processes alive"
            )


def _http() -> httpx.AsyncClient:
    """Return a client that stays quick with hundreds of requests under way."""

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=500))

    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session), timeout=httpx.Timeout(20), trust_env=False
    )
