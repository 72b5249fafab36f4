"""A worker killed inside a delivery must not keep its documents locked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from domain.job import Claim, Kind
from ledger.connection import Connection
from ledger.names import JOBS, WORKERS
from ledger.transactions import Session, in_transaction
from ledger.workers import MongoPresence
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import DUTIES
from tests.integration.ledger.world import MongoWorld


@pytest.fixture
def shop(clock: FakeClock, connection: Connection) -> MongoWorld:
    return MongoWorld(clock, connection)


@asynccontextmanager
async def killed_in_a_delivery(
    connection: Connection, claim: Claim
) -> AsyncIterator[MongoPresence]:
    """Leave a transaction open that has written to the job, as a power cut would."""
    presence = MongoPresence(connection)
    presence.speak_for(claim.owner)
    locked = asyncio.Event()

    async def begin(session: Session) -> None:
        fields = {"$set": {"stage": "finalizing"}}
        jobs = connection.database[JOBS]
        await jobs.update_one({"_id": claim.job_id}, fields, session=session)
        locked.set()
        await asyncio.Event().wait()

    delivery = asyncio.create_task(in_transaction(connection, begin, limit_s=60))
    await locked.wait()
    yield presence
    delivery.cancel()
    await asyncio.wait([delivery])


async def test_what_the_dead_held_locked_is_freed(shop: MongoWorld, connection: Connection) -> None:
    """Its successor delivers at once instead of waiting for MongoDB to lose patience."""
    await shop.put_order(Kind.VALUATION)
    claim = await shop.answered(await shop.open(), "worker-dead")
    async with killed_in_a_delivery(connection, claim):
        await shop.silence("worker-dead")
        orphans = await shop.jobs.orphans(10)
        await shop.jobs.end_sessions(set(orphans.values()))

        again = await shop.claim(claim.job, "worker-b")
        delivered = await shop.jobs.deliver(again, DUTIES)
    assert orphans == {claim.job_id: "worker-dead"}
    assert delivered.job.answer == claim.job.answer


async def test_a_session_is_named_before_it_locks_anything(
    shop: MongoWorld, connection: Connection
) -> None:
    """Each once, and every beat says it again."""
    claim = await shop.answered(await shop.open(), "worker-a")
    async with killed_in_a_delivery(connection, claim) as presence:
        [before] = await shop.documents("workers")
        await presence.beat("worker-a", holding=[])
        [after] = await shop.documents("workers")
    assert len(before["sessions"]) == 1
    assert after["sessions"] == before["sessions"]


async def test_no_beat_takes_a_name_out_again(connection: Connection) -> None:
    """Beats and new sessions cross each other; whoever is named stays named."""
    presence = MongoPresence(connection)
    presence.speak_for("worker-a")
    await presence.beat("worker-a", holding=[])
    unnamed = []
    for number in range(30):
        session = {"id": number}
        naming = asyncio.ensure_future(connection.introduce(session))
        await asyncio.sleep(0)
        await asyncio.gather(naming, presence.beat("worker-a", holding=[]))
        worker = await connection.latest(WORKERS).find_one({"_id": "worker-a"})
        unnamed += [] if worker and session in worker["sessions"] else [session]
    assert unnamed == []


async def test_a_host_that_refuses_to_end_sessions_stops_no_rescue(
    shop: MongoWorld, connection: Connection
) -> None:
    """The orphans are named all the same, and the log says so once."""
    claim = await shop.answered(await shop.open(), "worker-dead")
    nonsense = {"$set": {"sessions": ["no session"]}}
    await connection.collection(WORKERS).update_one({"_id": "worker-dead"}, nonsense)
    await shop.silence("worker-dead")
    with capture_logs() as logs:
        for _ in range(2):
            await shop.jobs.end_sessions(["worker-dead"])
    assert list(await shop.jobs.orphans(10)) == [claim.job_id]
    assert [line["event"] for line in logs] == ["sessions_not_ended"]
