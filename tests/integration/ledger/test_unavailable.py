"""When MongoDB does not answer, every verb says so in the same way and in bounded time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from domain.errors import Unavailable
from domain.job import Claim, Job, Kind, MailDuty, MailTo, Money, Opening, Stage, State
from ledger.connection import Connection, connect
from ledger.names import AI_REQUESTS, ERROR_LOGS
from ledger.records import MOST_HELD, MongoRecords
from sandbox.processes import free_port
from tests.builders import NOW, ORDER_ID, SESSION_ID, horse
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import (
    CHAIN_EXHAUSTED,
    DUTIES,
    PAYMENT,
    make_answer,
    make_attempt,
    make_notice,
)
from tests.integration.ledger.world import MemoryWorld, MongoWorld, World

JOB = Job(
    id=f"valuation:{SESSION_ID}",
    kind=Kind.VALUATION,
    session_id=SESSION_ID,
    state=State.RUNNING,
    created_at=NOW,
    updated_at=NOW,
)
CLAIM = Claim(job=JOB, owner="worker-a", fence=1)

VERBS: dict[str, Callable[[World], Awaitable[object]]] = {
    "claim": lambda w: w.jobs.claim(JOB.id, owner="worker-a"),
    "link": lambda w: w.jobs.link(CLAIM, ORDER_ID),
    "reach": lambda w: w.jobs.reach(CLAIM, Stage.ANALYZING),
    "count_attempt": lambda w: w.jobs.count_attempt(CLAIM),
    "journal": lambda w: w.jobs.journal(CLAIM, make_answer()),
    "deliver": lambda w: w.jobs.deliver(CLAIM, DUTIES),
    "wait": lambda w: w.jobs.wait(CLAIM, NOW, CHAIN_EXHAUSTED),
    "park": lambda w: w.jobs.park(CLAIM, CHAIN_EXHAUSTED),
    "release": lambda w: w.jobs.release(CLAIM),
    "settle_mail": lambda w: w.jobs.settle_mail(CLAIM, MailTo.ADMIN, MailDuty()),
    "rest": lambda w: w.jobs.rest(CLAIM),
    "get": lambda w: w.jobs.get(JOB.id),
    "due": lambda w: w.jobs.due(10, rung_before=NOW),
    "orphans": lambda w: w.jobs.orphans(10),
    "end_sessions": lambda w: w.jobs.end_sessions(["w"]),
    "mark_rung": lambda w: w.jobs.mark_rung([JOB.id]),
    "release_forgotten": lambda w: w.jobs.release_forgotten("worker-a", []),
    "backlog": lambda w: w.jobs.backlog(),
    "open": lambda w: w.paid.open(Opening(Kind.VALUATION, SESSION_ID, ORDER_ID, PAYMENT)),
    "settle": lambda w: w.paid.settle("pi_1", Money()),
    "of_session": lambda w: w.paid.of_session(SESSION_ID),
    "receive": lambda w: w.inbox.receive(make_notice()),
    "handled": lambda w: w.inbox.handled("evt_1", "done"),
    "about_payment": lambda w: w.inbox.about_payment("pi_1"),
    "find": lambda w: w.orders.find(Kind.VALUATION, order_id=None, session_id=SESSION_ID),
    "exists": lambda w: w.orders.exists(SESSION_ID),
    "beat": lambda w: w.presence.beat("worker-a", holding=[]),
    "leave": lambda w: w.presence.leave("worker-a"),
    "live": lambda w: w.presence.live(),
}


@pytest.fixture(params=["memory", "mongo"])
def dead_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A ledger whose server is gone."""
    if request.param == "memory":
        yield MemoryWorld(FakeClock(), is_down=True)
        return
    connection = connect(
        f"mongodb://127.0.0.1:{free_port()}/test", app_name="tests", op_timeout_s=0.05
    )
    yield MongoWorld(FakeClock(), connection)
    connection.close()


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
async def test_every_verb_raises_unavailable(
    dead_world: World, verb: Callable[[World], Awaitable[object]]
) -> None:
    """One error for all the ways a server can be away."""
    with pytest.raises(Unavailable):
        await verb(dead_world)


async def test_records_never_raise_and_never_tell(dead_world: World) -> None:
    """The order goes on, and nothing of a record's text gets into the log."""
    with capture_logs() as logs:
        await dead_world.records.attempt(JOB, horse(), make_attempt(rejected_text="secret"))
        await dead_world.records.error(job=JOB, error_type="a", code="b", message="secret")
    assert "secret" not in str(logs)


class Unsteady(Connection):
    """MongoDB that can be away, or do as it is told and have its answers lost."""

    def __init__(self, here: Connection, *, is_away: bool = False, is_mute: bool = False) -> None:
        super().__init__(here.client, here.name, op_timeout_s=20)
        self.is_away = is_away
        self.is_mute = is_mute

    @asynccontextmanager
    async def answering(self, *, limit_s: float | None = None) -> AsyncIterator[None]:
        if self.is_away:
            raise Unavailable("away")
        async with super().answering(limit_s=limit_s):
            yield
        if self.is_mute:
            raise Unavailable("the answer got lost")


class Enough(Exception):  # noqa: N818 - ends a loop that has no end
    """The clock has been asked often enough."""


class OneTurn(FakeClock):
    """Lets a loop go round once."""

    async def sleep(self, seconds: float) -> None:
        if self.monotonic():
            raise Enough
        await super().sleep(seconds)


async def count_records(connection: Connection) -> list[int]:
    names = (AI_REQUESTS, ERROR_LOGS)
    return [await connection.collection(name).count_documents({}) for name in names]


@pytest.mark.parametrize("trouble", ["is_away", "is_mute"])
async def test_records_are_written_once_when_mongodb_is_back(
    connection: Connection, trouble: str
) -> None:
    """A model paid during an outage stands in the figures, and only once if its row did arrive."""
    unsteady = Unsteady(connection, **{trouble: True})
    records = MongoRecords(unsteady, OneTurn())
    await records.attempt(JOB, horse(), make_attempt())
    await records.error(job=JOB, error_type="a", code="b", message="c")
    await records.write_held()
    setattr(unsteady, trouble, False)

    with pytest.raises(Enough):
        await records.keep_up()

    assert await count_records(connection) == [1, 1]


async def test_the_next_record_takes_the_held_ones_along(connection: Connection) -> None:
    """Nobody waits for the loop; every row keeps the time at which it was made."""
    unsteady = Unsteady(connection, is_away=True)
    clock = FakeClock()
    records = MongoRecords(unsteady, clock)
    await records.error(job=None, error_type="first", code="b", message="c")
    clock.advance(60)
    unsteady.is_away = False
    await records.error(job=None, error_type="second", code="b", message="c")

    rows = await connection.collection(ERROR_LOGS).find().sort("_id", 1).to_list(None)
    assert [row["error_type"] for row in rows] == ["first", "second"]
    assert [row["timestamp"] for row in rows] == [NOW, clock.now()]


async def test_the_oldest_record_is_given_up_when_too_many_wait(connection: Connection) -> None:
    """Memory is bounded, and the loss is told."""
    unsteady = Unsteady(connection, is_away=True)
    records = MongoRecords(unsteady, FakeClock())
    with capture_logs() as logs:
        for number in range(MOST_HELD + 1):
            await records.error(job=None, error_type=str(number), code="b", message="c")
    assert [entry["event"] for entry in logs] == ["record_lost"]

    unsteady.is_away = False
    await records.write_held()
    assert await count_records(connection) == [0, MOST_HELD]
    assert not await connection.collection(ERROR_LOGS).count_documents({"error_type": "0"})


async def test_an_interrupted_write_loses_nothing(connection: Connection) -> None:
    """Whoever is cancelled while writing leaves the record for the next one."""
    unsteady = Unsteady(connection, is_away=True)
    records = MongoRecords(unsteady, FakeClock())
    await records.attempt(JOB, horse(), make_attempt())
    unsteady.is_away = False
    writing = asyncio.ensure_future(records.write_held())
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)

    await records.write_held()
    assert await count_records(connection) == [1, 0]
