"""The nightly letting go on a real ledger, as the clock does it."""

from contextlib import AsyncExitStack
from datetime import timedelta

from pydantic import SecretStr

from config.clock import SystemClock
from config.settings import Settings
from doorbell.names import ClockTask
from ledger.connection import Connection
from ledger.leases import SKIPPED, Leases
from ledger.names import AI_REQUESTS
from ledger.retention import EXPIRY
from schedules.chores import Tools, make_chores
from tests.integration.ledger.attempts import put, request

HORSE = {"rasse": "Hannoveraner"}
DAY = 86_400


def settings(connection: Connection) -> Settings:
    return Settings(
        mongodb_uri=SecretStr("mongodb://127.0.0.1:1/test"),
        mongodb_db=connection.name,
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
        openrouter_api_key=SecretStr("sk-or-v1-test"),
        retention_attempts_days=100,
    )


async def test_once_a_night_under_its_lease(connection: Connection) -> None:
    """All of an old heap in one night, larger than a batch; ages as in the settings."""
    clock = SystemClock()
    # Old enough to be slimmed, too young for MongoDB's own thread to come in between.
    at = (clock.now() - timedelta(days=95)).replace(tzinfo=None).isoformat()
    await put(connection, *(request(at, horse_data=HORSE) for _ in range(1201)))
    async with AsyncExitStack() as stack:
        chore = make_chores(Tools(settings(connection), connection, clock, stack))[
            ClockTask.RETENTION
        ]
        assert chore.since
        outcomes = [
            await Leases(connection, clock, holder=holder).run(
                ClockTask.RETENTION, every_s=0.001, since=chore.since(), work=chore.work
            )
            for holder in ("clock-a", "clock-b")
        ]

    assert outcomes == ["slimmed 1201 attempts", SKIPPED]
    assert await connection.latest(AI_REQUESTS).count_documents({"horse_data": {"$ne": None}}) == 0
    indexes = await connection.collection(AI_REQUESTS).index_information()
    assert indexes[EXPIRY]["expireAfterSeconds"] == 100 * DAY
