"""One real system for this ring: real processes, real servers, and a sandbox outside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from sandbox.client import SandboxControl
from sandbox.shop import DRESSAGE_HORSE, SHOW_JUMPER, Shop, open_database
from sandbox.stack import WEBHOOK_SECRET, Stack

Json = dict[str, Any]

PATIENCE_S = 60.0
FINAL = {"delivered", "parked", "cancelled"}
HORSES = {"valuation": DRESSAGE_HORSE, "certificate": SHOW_JUMPER}


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole system with two workers; tests that break it must leave it running."""
    settings = {
        "WAIT_SCHEDULE_SECONDS": "1,1,2",
        "OPENROUTER_TIMEOUT": "20",
        "OPENROUTER_RETRY_BACKOFF_BASE": "0.1",
        "OPENROUTER_RETRY_BACKOFF_MAX": "0.5",
        "OPENROUTER_MIN_INTERVAL_MS": "0",
        "WORKER_GRACE_SECONDS": "2",
        "ENVIRONMENT": "staging",
    }
    with Stack(settings=settings, workers=2).running() as running:
        yield running


@dataclass
class World:
    """One test's hands on the system."""

    stack: Stack
    shop: Shop
    control: SandboxControl
    database: Any

    async def paid(self, kind: str = "valuation", horse: Json | None = None, **fields: Any) -> str:
        """Insert and pay an order, deliver its webhook, return the session id."""
        session_id = await self.shop.pay(kind, horse or HORSES[kind], **fields)
        response = await self.shop.notify("checkout.session.completed", session_id)
        assert response.status_code == 200, response.text
        return session_id

    async def until(
        self,
        what: str,
        happened: Callable[[], Awaitable[bool]],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Wait for a fact of the outside world; fail with the processes' last words."""
        try:
            async with asyncio.timeout(patience_s):
                while not await happened():  # noqa: ASYNC110 - the fact is in another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"never happened: {what}\n{self.stack.last_words()}")

    async def ended(self, session_id: str, kind: str = "valuation") -> Json:
        """Return the job once it is final and its mails are settled."""

        async def over() -> bool:
            job = await self.shop.job(kind, session_id)
            settled = all(mail["state"] != "pending" for mail in (job.get("mails") or {}).values())
            return job.get("state") in FINAL and settled

        await self.until(f"{kind} {session_id} ends", over)
        return await self.shop.job(kind, session_id)

    async def asked(self, at_least: int = 1) -> None:
        """Wait until the sandbox has seen that many model calls begin."""

        async def seen() -> bool:
            return len(await self.control.journal("chat")) >= at_least

        await self.until(f"{at_least} model calls", seen)

    async def serving(self) -> None:
        """Wait until the web process takes events."""

        async def ready() -> bool:
            try:
                return await self.shop.is_ready()
            except httpx.HTTPError:
                return False

        await self.until("the web process serves", ready)

    async def mails_for(self, session_id: str, kind: str = "valuation") -> list[str]:
        """Return the idempotency keys of the recorded mails of one job, sorted."""
        prefix = f"{kind}:{session_id}:"
        keys = [str(mail["idempotency_key"]) for mail in await self.control.mails()]
        return sorted(key.removeprefix(prefix) for key in keys if key.startswith(prefix))


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    client, database = open_database(stack.mongodb_uri, stack.database)
    async with (
        client,
        httpx.AsyncClient(timeout=10, trust_env=False) as http,
        SandboxControl(stack.sandbox_url) as control,
    ):
        await control.reset()
        shop = Shop(database, control, http, web_url=stack.web_url, secret=WEBHOOK_SECRET)
        yield World(stack, shop, control, database)
        stack.restart_the_dead()
