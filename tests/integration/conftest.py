"""Real servers for the integration ring."""

import os
from collections.abc import Iterator

import pytest

from sandbox.servers import EmbeddedMongo


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """Name a replica set: the one in TEST_MONGODB_URI, or a throw-away one of our own."""
    given = os.environ.get("TEST_MONGODB_URI")
    if given:
        yield given
        return
    with EmbeddedMongo() as mongo:
        yield mongo.url
