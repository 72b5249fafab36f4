"""A Valkey of the test's own, and clocks that end with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
