"""A fresh database per test, and the ledger once in memory and once on MongoDB."""

import pytest

from tests.fakes.clock import FakeClock
from tests.integration.ledger.world import MemoryWorld, MongoWorld, World


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "mongo"])
def world(request: pytest.FixtureRequest, clock: FakeClock) -> World:
    if request.param == "memory":
        return MemoryWorld(clock)
    return MongoWorld(clock, request.getfixturevalue("connection"))
