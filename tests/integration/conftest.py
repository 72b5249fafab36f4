"""Real servers for the integration ring."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator

import pymongo
import pytest

from ledger.connection import Connection
from ledger.migrations import migrate
from sandbox.servers import EmbeddedMongo
from tests.integration.databases import dropped_after_use, emptied_after_use


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """Name a replica set: the one in TEST_MONGODB_URI, or a throw-away one of our own."""
    given = os.environ.get("TEST_MONGODB_URI")
    if given:
        yield given
        return
    with EmbeddedMongo() as mongo:
        yield mongo.url


@pytest.fixture(scope="session")
def shared_database(mongo_uri: str) -> Iterator[str]:
    """Name the database that the tests hand on to each other, empty."""
    name = f"test_shared_{uuid.uuid4().hex[:8]}"
    yield name
    client: pymongo.MongoClient[dict[str, object]]
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database(name)


@pytest.fixture
async def connection(mongo_uri: str, shared_database: str) -> AsyncIterator[Connection]:
    async with emptied_after_use(mongo_uri, shared_database) as connection:
        yield connection


@pytest.fixture
async def empty_connection(mongo_uri: str) -> AsyncIterator[Connection]:
    """Connect to a database nobody has migrated."""
    async with dropped_after_use(mongo_uri, f"test_{uuid.uuid4().hex[:12]}") as connection:
        yield connection


@pytest.fixture
async def own_connection(empty_connection: Connection) -> Connection:
    """Connect to a migrated database whose schema the test may change."""
    await migrate(empty_connection)
    return empty_connection
