"""Run migrations in order, each once, however many processes start at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from ledger.connection import Connection
from ledger.migrations import (
    m0001_jobs,
    m0002_records,
    m0003_site,
    m0004_performance,
    m0005_proof,
    m0006_retention,
    m0007_reconciliation,
)
from ledger.migrations.lease import LEASE_S, Lease
from ledger.migrations.schema import Migration
from ledger.names import SCHEMA_MIGRATIONS

log = structlog.get_logger(__name__)

ALL: Final[Sequence[Migration]] = (
    m0001_jobs.MIGRATION,
    m0002_records.MIGRATION,
    m0003_site.MIGRATION,
    m0004_performance.MIGRATION,
    m0005_proof.MIGRATION,
    m0006_retention.MIGRATION,
    m0007_reconciliation.MIGRATION,
)


@dataclass(frozen=True, slots=True)
class Step:
    """Where one migration stands. Not `complete` after `applied_at`: the data stood in the way."""

    name: str
    applied_at: datetime | None
    complete: bool


async def status(connection: Connection, *, migrations: Sequence[Migration] = ALL) -> list[Step]:
    """Raises Unavailable."""
    async with connection.answering():
        cursor = connection.latest(SCHEMA_MIGRATIONS).find({"applied_at": {"$ne": None}})
        done = {document["_id"]: document async for document in cursor}
    return [
        Step(m.name, done[m.name]["applied_at"], done[m.name]["complete"])
        if m.name in done
        else Step(m.name, None, complete=False)
        for m in migrations
    ]


async def migrate(
    connection: Connection, *, migrations: Sequence[Migration] = ALL, wait_s: float = 30.0
) -> list[str]:
    """Run what is pending and return the names of the steps that are complete by this call.

    When nothing is pending it costs one read. Raises Unavailable when MongoDB does not answer
    or another process has not finished its migration within `wait_s`.
    """
    if not await _pending(connection, migrations):
        return []
    lease = Lease(connection.collection(SCHEMA_MIGRATIONS))
    async with connection.answering(limit_s=wait_s + LEASE_S), lease.held(wait_s=wait_s):
        ran = []
        for migration in await _pending(connection, migrations):
            await lease.renew()
            if await _apply(connection, migration):
                ran.append(migration.name)
        return ran


async def roll_back(
    connection: Connection,
    *,
    steps: int = 1,
    migrations: Sequence[Migration] = ALL,
    wait_s: float = 30.0,
) -> list[str]:
    """Undo the newest `steps` applied migrations and return their names. Data stays."""
    lease = Lease(connection.collection(SCHEMA_MIGRATIONS))
    async with connection.answering(limit_s=wait_s + LEASE_S), lease.held(wait_s=wait_s):
        done = await status(connection, migrations=migrations)
        applied = {step.name for step in done if step.applied_at}
        newest = [m for m in reversed(migrations) if m.name in applied][:steps]
        for migration in newest:
            await lease.renew()
            await migration.down(connection.database)
            await connection.collection(SCHEMA_MIGRATIONS).delete_one({"_id": migration.name})
            log.info("migration_rolled_back", migration=migration.name)
        return [migration.name for migration in newest]


async def _pending(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    complete = {s.name for s in await status(connection, migrations=migrations) if s.complete}
    return [migration for migration in migrations if migration.name not in complete]


async def _apply(connection: Connection, migration: Migration) -> bool:
    is_complete = await migration.up(connection.database)
    await connection.collection(SCHEMA_MIGRATIONS).update_one(
        {"_id": migration.name},
        [{"$set": {"applied_at": "$$NOW", "complete": is_complete}}],
        upsert=True,
    )
    log.info("migration_applied", migration=migration.name, complete=is_complete)
    return is_complete
