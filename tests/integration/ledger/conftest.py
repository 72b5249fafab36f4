"""A fresh database per test, and the ledger once in memory and once on MongoDB."""

import uuid
from collections.abc import AsyncIterator

import pytest

from ledger.connection import Connection, connect
from ledger.migrations import migrate
from tests.fakes.clock import FakeClock
from tests.integration.ledger.world import MemoryWorld, MongoWorld, World


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def empty_connection(mongo_uri: str) -> AsyncIterator[Connection]:
    """Connect to a database nobody has migrated."""
    connection = connect(
        mongo_uri, f"test_{uuid.uuid4().hex[:12]}", app_name="tests", op_timeout_s=20
    )
    yield connection
    await connection.client.drop_database(connection.name)
    connection.close()


@pytest.fixture
async def connection(empty_connection: Connection) -> Connection:
    await migrate(empty_connection)
    return empty_connection


@pytest.fixture(params=["memory", "mongo"])
def world(request: pytest.FixtureRequest, clock: FakeClock) -> World:
    if request.param == "memory":
        return MemoryWorld(clock)
    return MongoWorld(clock, request.getfixturevalue("connection"))
