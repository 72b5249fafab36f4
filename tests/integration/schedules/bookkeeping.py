"""The reconciliation between a ledger on MongoDB and a rehearsed Stripe."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bson import ObjectId
from pydantic import SecretStr

from config.settings import Settings
from domain.reconciliation import Source, Standing
from ledger.connection import Connection
from ledger.names import ERROR_LOGS, JOBS, STRIPE_EVENTS
from ledger.reconciliation import ReconciliationBook
from payments.events import event_of
from producer.intake import Intake, Outcome
from sandbox.client import SandboxControl
from schedules.reconciliation_wiring import build_reconciliation, stripe_complaint
from tests.fakes.clock import FakeClock

Json = dict[str, Any]


@dataclass
class Books:
    """What Stripe holds, what we hold, and the one who compares."""

    connection: Connection
    control: SandboxControl
    clock: FakeClock
    intake: Intake
    redis_url: str
    key: str = "rk_test_rehearsal"

    def settings(self, **changes: Any) -> Settings:
        told: dict[str, Any] = {
            "mongodb_uri": SecretStr("mongodb://127.0.0.1:1/unused"),
            "redis_url": SecretStr(self.redis_url),
            "openrouter_api_key": SecretStr("sk-or-v1-rehearsal"),
            "stripe_api_key": SecretStr(self.key),
            "stripe_api_base": self.control.base_url,
            "stripe_livemode": False,
        }
        return Settings(**(told | changes))

    async def tick(self, *, request_s: float = 5.0, **changes: Any) -> str:
        """Tick once as a process does that has just been started."""
        async with AsyncExitStack() as stack:
            reconciliation = build_reconciliation(
                self.settings(**changes), self.connection, self.clock, stack, request_s=request_s
            )
            return await reconciliation.tick()

    async def pay(self, **fields: Any) -> Json:
        """Complete a session at Stripe of which nobody tells us."""
        order_id = str(ObjectId())
        return await self.control.create_session("valuation", order_id, **fields)

    async def pay_ago(self, **ago: float) -> Json:
        return await self.pay(created=self._epoch(**ago))

    async def happen(self, type_: str, session: Json, **fields: Any) -> Json:
        """Let Stripe make an event of which nobody tells us."""
        fields = {"created": self._epoch()} | fields
        return await self.control.create_event(type_, session["id"], **fields)

    async def hear(self, type_: str, session: Json, **fields: Any) -> Outcome:
        """Let the webhook bring an event."""
        return await self.intake.take_notice(event_of(await self.happen(type_, session, **fields)))

    async def jobs(self) -> dict[str, str]:
        """Return the state of every job by session."""
        jobs = await self.connection.latest(JOBS).find().to_list(None)
        return {job["session_id"]: job["state"] for job in jobs}

    async def job(self, session: Json) -> Json:
        found = await self.connection.latest(JOBS).find_one({"session_id": session["id"]})
        assert found is not None
        return found

    async def errors(self) -> list[Json]:
        return await self.connection.latest(ERROR_LOGS).find().to_list(None)

    async def events(self) -> int:
        return await self.connection.latest(STRIPE_EVENTS).count_documents({})

    async def standing(self, source: Source) -> Standing:
        return await ReconciliationBook(self.connection, self.clock).standing(source)

    async def complaint(self) -> str:
        return await stripe_complaint(self.connection, self.clock)

    async def asked(self, path: str) -> list[dict[str, list[str]]]:
        """Return the queries that Stripe's path has been asked with, in order."""
        asked = [urlsplit(entry["path"]) for entry in await self.control.journal("stripe")]
        return [parse_qs(url.query) for url in asked if url.path == path]

    def _epoch(self, **ago: float) -> int:
        return int((self.clock.now() - timedelta(**ago)).timestamp())
