"""A Valkey and a database of the test's own, and clocks that end with it."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ledger.connection import Connection, connect
from ledger.migrations import migrate
from sandbox.servers import EmbeddedValkey
from tests.integration.schedules.house import House


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def house(mongo_uri: str, valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[House]:
    house = House(mongo_uri, valkey, tmp_path)
    yield house
    house.close()


@pytest.fixture
async def connection(mongo_uri: str) -> AsyncIterator[Connection]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    connection = connect(mongo_uri, name, app_name="tests", op_timeout_s=20)
    await migrate(connection)
    yield connection
    await connection.client.drop_database(name)
    connection.close()
