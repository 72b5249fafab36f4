"""The whole check against real servers and the rehearsal's providers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from config.settings import Settings
from domain.health import HealthReport, Status
from ledger.connection import Connection, connect
from ledger.health import HealthBook
from ledger.migrations import migrate
from ledger.switches import Switches
from ledger.workers import MongoPresence
from sandbox.app import running
from sandbox.client import SandboxControl
from sandbox.scenario import Scenario
from sandbox.servers import EmbeddedValkey
from schedules.health import HealthParts, check_health
from schedules.health_wiring import build_health
from tests.fakes.clock import FakeClock

QUICK: dict[str, Any] = {"models": {"*": {"latency": 0.01}}}
HOURS_6 = timedelta(hours=6).total_seconds()


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
async def sandbox() -> AsyncIterator[str]:
    async with running(Scenario.model_validate(QUICK)) as url:
        yield url


@pytest.fixture
async def connection(mongo_uri: str, request: pytest.FixtureRequest) -> AsyncIterator[Connection]:
    name = f"test_health_{abs(hash(request.node.name)) % 10**8}"
    connection = connect(mongo_uri, name, app_name="tests", op_timeout_s=20)
    await migrate(connection)
    yield connection
    await connection.client.drop_database(name)
    connection.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def parts(
    mongo_uri: str, valkey: EmbeddedValkey, sandbox: str, connection: Connection, clock: FakeClock
) -> AsyncIterator[HealthParts]:
    settings = Settings(
        mongodb_uri=SecretStr(mongo_uri),
        mongodb_db=connection.name,
        redis_url=SecretStr(valkey.url),
        openrouter_api_key=SecretStr("sk-or-v1-rehearsal-abcd"),
        openrouter_base_url=f"{sandbox}/api/v1",
        anthropic_api_key=SecretStr("sk-ant-rehearsal"),
        anthropic_base_url=sandbox,
    )
    async with AsyncExitStack() as stack:
        yield build_health(settings, connection, clock, stack)


def statuses(report: HealthReport) -> dict[str, str]:
    return {state.name: state.status.value for state in report.components}


async def check_some(parts: HealthParts, clock: FakeClock, *, every_s: float) -> HealthReport:
    """Check three times and return the last report."""
    reports = []
    for _ in range(3):
        reports.append(await check_health(parts))
        clock.advance(every_s)
    return reports[-1]


async def test_a_start_without_customers(parts: HealthParts, connection: Connection) -> None:
    """Servers and free questions tell at once; models nobody has asked are unknown."""
    await MongoPresence(connection, live_within_s=60).beat("worker-a", holding=[])

    report = await check_health(parts)

    assert statuses(report) == {
        "model:primary": "unknown",
        "model:secondary": "unknown",
        "model:tertiary": "unknown",
        "direct:anthropic": "healthy",
        "direct:openai": "disabled",
        "mongodb": "healthy",
        "redis": "healthy",
        "beat": "healthy",
        "workers": "healthy",
        "stripe": "disabled",
    }
    assert report.status is Status.HEALTHY
    assert set(await HealthBook(connection).recall()) == set(statuses(report))


async def test_idle_models_are_asked_and_answer(parts: HealthParts, clock: FakeClock) -> None:
    """One word from each model of the chain, a reasoning one included."""
    await check_health(parts)
    clock.advance(HOURS_6)

    found = statuses(await check_health(parts))

    assert {name: found[name] for name in found if name.startswith("model:")} == {
        "model:primary": "healthy",
        "model:secondary": "healthy",
        "model:tertiary": "healthy",
    }


async def test_a_dead_primary_is_noticed_and_its_return(
    parts: HealthParts, clock: FakeClock, sandbox: str, connection: Connection
) -> None:
    """Unhealthy after the third question, degraded overall, and well again by itself."""
    await check_health(parts)
    clock.advance(HOURS_6)
    async with SandboxControl(sandbox) as control:
        dead = {"google/gemini-2.5-pro": {"then": [{"outcome": "503"}]}}
        await control.set_scenario({"models": QUICK["models"] | dead})
        report = await check_some(parts, clock, every_s=300)
        assert statuses(report)["model:primary"] == "unhealthy"
        assert report.status is Status.DEGRADED
        told = (await HealthBook(connection).recall())["model:primary"]
        assert told.alerted is Status.UNHEALTHY

        await control.set_scenario(QUICK)
        report = await check_health(parts)

    assert statuses(report)["model:primary"] == "healthy"
    assert (await HealthBook(connection).recall())["model:primary"].alerted is None


async def test_direct_only(parts: HealthParts, connection: Connection) -> None:
    """After the emergency switch OpenRouter is off the board."""
    await Switches(connection).turn_direct_only(on=True, by="test")

    found = statuses(await check_health(parts))

    assert (found["model:primary"], found["direct:anthropic"]) == ("disabled", "healthy")


async def test_no_worker(parts: HealthParts, clock: FakeClock) -> None:
    """Three minutes without any worker are an alert."""
    report = await check_some(parts, clock, every_s=60)

    assert statuses(report)["workers"] == "unhealthy"
    assert report.status is Status.DEGRADED
