"""When MongoDB does not answer, every verb says so in the same way and in bounded time."""

from collections.abc import Awaitable, Callable, Iterator

import pytest
from structlog.testing import capture_logs

from domain.errors import Unavailable
from domain.job import Claim, Job, Kind, MailDuty, MailTo, Money, Opening, Stage, State
from ledger.connection import connect
from ledger.records import MongoRecords
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
    "mark_rung": lambda w: w.jobs.mark_rung([JOB.id]),
    "release_forgotten": lambda w: w.jobs.release_forgotten("worker-a", []),
    "backlog": lambda w: w.jobs.backlog(),
    "open": lambda w: w.paid.open(Opening(Kind.VALUATION, SESSION_ID, ORDER_ID, PAYMENT)),
    "settle": lambda w: w.paid.settle("pi_1", Money()),
    "of_session": lambda w: w.paid.of_session(SESSION_ID),
    "receive": lambda w: w.inbox.receive(make_notice()),
    "handled": lambda w: w.inbox.handled("evt_1", "done"),
    "about_payment": lambda w: w.inbox.about_payment("pi_1"),
    "unhandled": lambda w: w.inbox.unhandled(NOW, 10),
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


async def test_records_are_written_once_mongodb_is_back(mongo_uri: str) -> None:
    """A model that was paid during an outage stands in the figures all the same, once."""
    away = connect(f"mongodb://127.0.0.1:{free_port()}/test", app_name="tests", op_timeout_s=0.05)
    here = connect(mongo_uri, f"records_{free_port()}", app_name="tests")
    records = MongoRecords(away, FakeClock())
    await records.attempt(JOB, horse(), make_attempt())
    await records.error(job=JOB, error_type="a", code="b", message="c")

    records._connection = here
    await records.write_held()
    await records.write_held()

    counts = [
        await here.collection(name).count_documents({}) for name in ("ai_requests", "error_logs")
    ]
    assert counts == [1, 1]
    await here.client.drop_database(here.name)
    away.close()
    here.close()
