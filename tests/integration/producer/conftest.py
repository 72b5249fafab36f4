"""The web process's application over a real MongoDB, in a database of its own per test."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from redis.asyncio import Redis

from config.clock import SystemClock
from config.settings import Settings
from domain.checkout import Price
from ledger.connection import Connection, connect
from ledger.migrations import migrate
from ledger.names import JOBS
from producer.app import create_app
from producer.breakers import Breakers
from producer.gate import Gate
from producer.intake import Intake
from producer.wiring import build_intake, build_parts
from tests.stripe_signing import SECRET, as_body, signature
from tests.unit.producer.fakes import ADMIN_TOKEN, HeardRings


@dataclass(frozen=True, slots=True)
class Shop:
    """A web process and the ledger behind it."""

    app: FastAPI
    intake: Intake
    connection: Connection
    bell: HeardRings

    async def post(self, event: dict[str, Any]) -> httpx.Response:
        body = as_body(event)
        headers = {"Stripe-Signature": signature(body, SystemClock().now().timestamp())}
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://producer") as client:
            return await client.post("/webhooks/stripe", content=body, headers=headers)

    async def ask(
        self, path: str, *, body: str | None = None, token: str | None = None
    ) -> httpx.Response:
        """Get a page, or post a body to it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        method = "GET" if body is None else "POST"
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://producer") as client:
            return await client.request(method, path, content=body, headers=headers)

    async def jobs(self) -> list[dict[str, Any]]:
        return await self.connection.latest(JOBS).find().sort("_id", 1).to_list(None)


def settings(uri: str, database: str) -> Settings:
    return Settings(
        mongodb_uri=SecretStr(uri),
        mongodb_db=database,
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
        openrouter_api_key=SecretStr("sk-or-v1-test"),
        stripe_webhook_secret=(SecretStr(SECRET),),
        stripe_livemode=True,
        valuation_prices=(Price(amount=1490, currency="EUR"),),
        certificate_prices=(Price(amount=4990, currency="EUR"),),
        admin_token=SecretStr(ADMIN_TOKEN),
    )


@pytest.fixture
def database() -> str:
    return f"test_{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def connection(mongo_uri: str, database: str) -> AsyncIterator[Connection]:
    connection = connect(mongo_uri, database, app_name="tests", op_timeout_s=20)
    await migrate(connection)
    yield connection
    await connection.client.drop_database(database)
    connection.close()


@pytest.fixture
def shop(mongo_uri: str, database: str, connection: Connection) -> Shop:
    gate, bell, clock = Gate(), HeardRings(), SystemClock()
    gate.open()
    told = settings(mongo_uri, database)
    parts = build_parts(
        told,
        connection=connection,
        ringer=bell,
        clock=clock,
        gate=gate,
        breakers=Breakers(Redis.from_url(told.redis_url.get_secret_value()), ["a/b"]),
    )
    intake = build_intake(told, connection=connection, ringer=bell, clock=clock)
    return Shop(create_app(parts), intake, connection, bell)
