"""The connection and its transactions against a real server."""

import asyncio
import contextvars
from typing import Any

import pymongo
import pytest
from pymongo.errors import OperationFailure

from domain.errors import Unavailable
from ledger.connection import Connection
from ledger.names import COUNTERS, JOBS
from ledger.transactions import Session, in_transaction


async def test_a_replica_set_is_fit(connection: Connection) -> None:
    """Ping and check pass quietly."""
    await connection.ping()
    await connection.check_replica_set()


async def test_a_slow_server_is_unavailable_in_bounded_time(connection: Connection) -> None:
    """The server gives up on time, and so do we."""
    await connection.collection(JOBS).insert_one({"_id": "valuation:cs_1"})
    with pytest.raises(Unavailable):
        async with connection.answering(limit_s=0.2):
            await connection.collection(JOBS).find_one({"$where": "sleep(20000) || true"})


async def test_whatever_hangs_outside_the_driver_is_bounded_too(connection: Connection) -> None:
    """A name look-up that never ends does not hold a request for ever."""
    with pytest.raises(Unavailable):
        async with connection.answering(limit_s=0.01):
            await asyncio.Event().wait()


async def test_our_own_faults_are_not_called_unavailable(connection: Connection) -> None:
    """Trying a wrong query again would be wrong again."""
    with pytest.raises(OperationFailure):
        async with connection.answering():
            await connection.collection(JOBS).find_one({"$nonsense": 1})


async def test_conflicting_transactions_all_get_through(connection: Connection) -> None:
    """Thirty increments of one document lose nothing."""
    counters = connection.database[COUNTERS]
    await counters.insert_one({"_id": "n", "name": "n", "seq": 0})

    async def increment(session: Session) -> None:
        seen: Any = await counters.find_one({"_id": "n"}, session=session)
        await counters.update_one({"_id": "n"}, {"$set": {"seq": seen["seq"] + 1}}, session=session)

    await asyncio.gather(*(in_transaction(connection, increment, limit_s=20) for _ in range(30)))
    assert await counters.find_one({"_id": "n"}) == {"_id": "n", "name": "n", "seq": 30}


async def test_a_transaction_out_of_time_leaves_no_locks(connection: Connection) -> None:
    """The server hears of the end although our own deadline has passed."""
    jobs = connection.database[JOBS]
    await jobs.insert_one({"_id": "valuation:cs_1"})

    async def touch(session: Session) -> None:
        await jobs.update_one({"_id": "valuation:cs_1"}, {"$inc": {"fence": 1}}, session=session)

    async def touch_and_fail(session: Session) -> None:
        await asyncio.create_task(touch(session), context=contextvars.Context())
        raise ValueError("out of time")

    with pymongo.timeout(1e-9), pytest.raises(ValueError, match="out of time"):
        await in_transaction(connection, touch_and_fail, limit_s=0)
    await in_transaction(connection, touch, limit_s=0)
    job: Any = await jobs.find_one({"_id": "valuation:cs_1"})
    assert job["fence"] == 1
