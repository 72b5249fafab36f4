"""A Valkey and a database of the test's own, and clocks that end with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.connection import Connection
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
async def connection(own_connection: Connection) -> Connection:
    """The retention sets the ages of the TTL indexes."""
    return own_connection
