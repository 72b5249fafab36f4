"""The command on real servers, with the sandbox for everything outside."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from config.clock import SystemClock
from domain.job import Kind, Opening, PaymentFacts, Reason
from ledger.connection import Connection
from ledger.paid import PaidSessions
from ops.cli import app
from sandbox.app import running
from sandbox.client import SandboxControl
from sandbox.scenario import Scenario
from sandbox.servers import EmbeddedValkey

QUICK: dict[str, Any] = {"models": {"*": {"latency": 0.02}}}


@dataclass
class Shop:
    """A ledger of its own for one test, and the environment that leads to it."""

    env: dict[str, str]
    connection: Connection
    control: SandboxControl

    async def call(self, *arguments: str, answer: str | None = None, **env: str) -> Result:
        """Run the command in a thread, since it brings its own event loop."""
        return await asyncio.to_thread(
            CliRunner().invoke, app, arguments, input=answer, env=self.env | env
        )

    async def told(self, *arguments: str, **env: str) -> dict[str, Any]:
        """Run the command with --json; return what it printed, and its exit code."""
        result = await self.call(*arguments, "--json", **env)
        report: dict[str, Any] = json.loads(result.stdout)
        return report | {"exit_code": result.exit_code}

    async def open(self, session_id: str, *, reason: Reason | None = None) -> str:
        payment = PaymentFacts(payment_intent=f"pi_{session_id}")
        opening = Opening(Kind.VALUATION, session_id, uuid.uuid4().hex[:24], payment, reason)
        job, _ = await PaidSessions(self.connection, SystemClock()).open(opening)
        return job.id


@pytest.fixture(scope="session")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
async def connection(own_connection: Connection) -> Connection:
    """The commands migrate up and down."""
    return own_connection


@pytest.fixture
async def shop(
    mongo_uri: str, valkey: EmbeddedValkey, connection: Connection
) -> AsyncIterator[Shop]:
    async with (
        running(Scenario.model_validate(QUICK)) as url,
        SandboxControl(url) as control,
    ):
        env = {
            "ENVIRONMENT": "development",
            "MONGODB_URI": mongo_uri,
            "MONGODB_DB": connection.name,
            "REDIS_URL": valkey.url,
            "OPENROUTER_BASE_URL": f"{url}/api/v1",
            "OPENROUTER_API_KEY": "sk-or-v1-sandbox",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "sk-ant-sandbox",
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": "sk-sandbox",
            "STRIPE_API_BASE": url,
            "STRIPE_API_KEY": "rk_test_sandbox",
            "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
            "STRIPE_LIVEMODE": "false",
            "MAIL_PROVIDER": "off",
        }
        # Only the real process sends log lines to standard error, away from the JSON.
        with structlog.testing.capture_logs():
            yield Shop(env, connection, control)
