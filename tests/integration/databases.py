"""Databases for tests: making all indexes anew for each would take longer than the tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ledger.connection import Connection, connect
from ledger.migrations import migrate
from ledger.names import SCHEMA_MIGRATIONS


@asynccontextmanager
async def opened(mongo_uri: str, name: str) -> AsyncIterator[Connection]:
    """Connect with patience for a busy machine."""
    connection = connect(mongo_uri, name, app_name="tests", op_timeout_s=20)
    try:
        yield connection
    finally:
        connection.close()


@asynccontextmanager
async def emptied_after_use(mongo_uri: str, name: str) -> AsyncIterator[Connection]:
    """Hand out a migrated database; whoever changes its schema needs one of its own."""
    async with opened(mongo_uri, name) as connection:
        await migrate(connection)
        yield connection
        for collection in await connection.database.list_collection_names():
            if collection != SCHEMA_MIGRATIONS:
                await connection.collection(collection).delete_many({})


@asynccontextmanager
async def dropped_after_use(mongo_uri: str, name: str) -> AsyncIterator[Connection]:
    """Hand out a database nobody has migrated."""
    async with opened(mongo_uri, name) as connection:
        yield connection
        await connection.client.drop_database(name)
