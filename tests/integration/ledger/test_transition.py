"""Connections that were opened while MongoDB started: nothing may get stuck on them."""

from typing import Any

import pytest

from domain.errors import Unavailable
from domain.job import Kind
from ledger.connection import Connection
from ledger.names import JOBS
from ledger.transactions import Session, in_transaction
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import DUTIES
from tests.integration.ledger.world import MongoWorld


@pytest.fixture
def shop(clock: FakeClock, own_connection: Connection) -> MongoWorld:
    return MongoWorld(clock, own_connection)


def meet_mid_start(connection: Connection) -> None:
    """Make every open connection look as if the server had not been ready when it was opened."""
    topology: Any = connection.client.delegate._topology
    for server in topology._servers.values():
        for opened in server.pool.conns:
            opened.supports_sessions = False


async def test_a_delivery_fails_once_and_then_goes_through(
    shop: MongoWorld, own_connection: Connection
) -> None:
    """The driver would offer the same bad connection for ever."""
    await shop.put_order(Kind.VALUATION)
    claim = await shop.answered(await shop.open(), "worker-a")
    meet_mid_start(own_connection)

    with pytest.raises(Unavailable):
        await shop.jobs.deliver(claim, DUTIES)
    delivered = await shop.jobs.deliver(claim, DUTIES)

    assert delivered.job.delivered_at is not None


@pytest.mark.parametrize("fails_in_the_body", [True, False])
async def test_no_transaction_is_left_open(
    shop: MongoWorld, own_connection: Connection, *, fails_in_the_body: bool
) -> None:
    """Half of it was written already; whether the next write or the commit fails, locks end."""
    job = await shop.open()

    async def write(session: Session) -> None:
        jobs = own_connection.database[JOBS]
        await jobs.update_one({"_id": job.id}, {"$set": {"stage": "a"}}, session=session)
        meet_mid_start(own_connection)
        if fails_in_the_body:
            await jobs.update_one({"_id": job.id}, {"$set": {"stage": "b"}}, session=session)

    if fails_in_the_body:
        with pytest.raises(Unavailable):
            async with own_connection.answering():
                await in_transaction(own_connection, write, limit_s=4)
    else:
        await in_transaction(own_connection, write, limit_s=4)
    async with own_connection.answering(limit_s=2):
        await own_connection.collection(JOBS).update_one({"_id": job.id}, {"$set": {"stage": "c"}})
