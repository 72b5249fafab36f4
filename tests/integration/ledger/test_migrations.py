"""The schema is there once, however many processes start, and dirty data stops nobody."""

import asyncio
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError, WriteError
from structlog.testing import capture_logs

from domain.errors import Unavailable
from domain.job import Kind
from ledger.connection import Connection, Database
from ledger.migrations import migrate, roll_back, status
from ledger.migrations.lease import Lease
from ledger.migrations.runner import ALL
from ledger.migrations.schema import Migration, index, serves
from ledger.names import AI_REQUESTS, JOBS, MODEL_PERFORMANCE, ORDERS, SCHEMA_MIGRATIONS
from tests.builders import NOW

NAMES = [migration.name for migration in ALL]
SITE = "0003_site"
VALUATIONS = ORDERS[Kind.VALUATION]


async def test_migrating_an_empty_database_runs_every_step_once(
    empty_connection: Connection,
) -> None:
    """The second start finds nothing to do."""
    assert await migrate(empty_connection) == NAMES
    assert await migrate(empty_connection) == []
    assert all(step.complete for step in await status(empty_connection))


async def test_six_processes_starting_at_once_run_every_step_once(
    empty_connection: Connection,
) -> None:
    """One migrates, the others wait for it and go on."""
    results = await asyncio.gather(*(migrate(empty_connection) for _ in range(6)))
    assert sorted(results) == [[], [], [], [], [], NAMES]


async def test_a_start_does_not_wait_for_ever(empty_connection: Connection) -> None:
    """Behind a stuck migration a process gives up, to be started again."""
    lease = Lease(empty_connection.collection(SCHEMA_MIGRATIONS))
    async with lease.held(wait_s=5):
        with pytest.raises(Unavailable, match="migrating"):
            await migrate(empty_connection, wait_s=0.05)
    assert await migrate(empty_connection) == NAMES


async def test_a_lease_of_a_dead_process_ends(empty_connection: Connection) -> None:
    """A crash half-way blocks the others no longer than the lease."""
    migrations = empty_connection.collection(SCHEMA_MIGRATIONS)
    await Lease(migrations)._acquire(1)
    past = {"$subtract": ["$$NOW", 1]}
    await migrations.update_one({"_id": "lock"}, [{"$set": {"until": past}}])
    assert await migrate(empty_connection) == NAMES


async def test_going_down_and_up_again(connection: Connection) -> None:
    """Every step can be undone and repeated; documents stay."""
    await connection.collection(VALUATIONS).insert_one({"stripeSessionId": "cs_1"})
    assert await roll_back(connection, steps=len(NAMES) - 1) == NAMES[:0:-1]
    undone = [False] * (len(NAMES) - 1)
    assert [step.complete for step in await status(connection)] == [True, *undone]
    assert set(await connection.collection(VALUATIONS).index_information()) == {"_id_"}
    await connection.collection(AI_REQUESTS).insert_one({"session_id": 5})
    assert await roll_back(connection, steps=5) == NAMES[:1]
    assert await migrate(connection) == NAMES
    assert await connection.collection(VALUATIONS).count_documents({}) == 1


async def test_a_failing_step_is_tried_again(empty_connection: Connection) -> None:
    """What was done before it stays done; the lock is free."""
    failures = [RuntimeError("power cut")]

    async def up(_database: Database) -> bool:
        if failures:
            raise failures.pop()
        return True

    async def down(_database: Database) -> None: ...

    steps = [ALL[0], Migration("0002_example", up, down)]
    with pytest.raises(RuntimeError):
        await migrate(empty_connection, migrations=steps)
    assert await migrate(empty_connection, migrations=steps) == ["0002_example"]


async def test_unique_keys_guard_clean_data(connection: Connection) -> None:
    """Two orders with one session cannot be written; orders without one can."""
    orders = connection.collection(VALUATIONS)
    await orders.insert_many([{"stripeSessionId": "cs_1"}, {"stripeSessionId": None}, {}, {}])
    with pytest.raises(DuplicateKeyError):
        await orders.insert_one({"stripeSessionId": "cs_1"})


async def test_duplicates_get_a_plain_index_until_they_are_gone(
    empty_connection: Connection,
) -> None:
    """The start goes on with a warning; a later start makes the index unique."""
    orders = empty_connection.collection(VALUATIONS)
    await orders.insert_many([{"stripeSessionId": f"cs_{n // 2}"} for n in range(6)])
    with capture_logs() as logs:
        assert await migrate(empty_connection) == [name for name in NAMES if name != SITE]
    [warning] = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (warning["collection"], warning["field"]) == (VALUATIONS, "stripeSessionId")
    assert warning["duplicates"] == 3
    assert set(await orders.index_information()) == {"_id_", "stripeSessionId_plain"}
    [site] = [step for step in await status(empty_connection) if step.name == SITE]
    assert (site.complete, site.applied_at is None) == (False, False)

    await orders.delete_many({})
    assert await migrate(empty_connection) == [SITE]
    assert set(await orders.index_information()) == {"_id_", "stripeSessionId_unique"}


GOOD_REQUEST = {"session_id": "cs_1", "timestamp": NOW, "model_used": "m", "success": True}
GOOD_METRICS = {"total_requests": 3, "successful_requests": 2.0, "avg_user_rating": None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model_tier": None},
        {"model_tier": "emergency", "anything": "else"},
        {"response_data": {"response_time_ms": 48_000.5, "token_usage": {"input_tokens": None}}},
    ],
)
async def test_good_requests_pass_the_validator(
    connection: Connection, changes: dict[str, Any]
) -> None:
    """Nulls and any width of number are fine."""
    await connection.collection(AI_REQUESTS).insert_one(GOOD_REQUEST | changes)


@pytest.mark.parametrize(
    ("collection", "document"),
    [
        (AI_REQUESTS, {}),
        (AI_REQUESTS, GOOD_REQUEST | {"model_tier": "best"}),
        (AI_REQUESTS, GOOD_REQUEST | {"response_data": {"response_time_ms": -1}}),
        (AI_REQUESTS, GOOD_REQUEST | {"response_data": {"token_usage": {"total_tokens": -1}}}),
        (MODEL_PERFORMANCE, {"model_id": "m", "date": NOW}),
        (MODEL_PERFORMANCE, {"model_id": "m", "date": "2026-11-20", "metrics": GOOD_METRICS}),
        (
            MODEL_PERFORMANCE,
            {"model_id": "m", "date": NOW, "metrics": GOOD_METRICS | {"total_requests": -1}},
        ),
    ],
)
async def test_bad_documents_are_refused(
    connection: Connection, collection: str, document: dict[str, Any]
) -> None:
    """What the owner's validators ask for is asked by the server."""
    with pytest.raises(WriteError):
        await connection.collection(collection).insert_one(dict(document))


async def test_one_document_per_model_and_day(connection: Connection) -> None:
    """The aggregation may run twice."""
    performance = connection.collection(MODEL_PERFORMANCE)
    document = {"model_id": "m", "date": NOW, "metrics": GOOD_METRICS}
    await performance.insert_one(dict(document))
    with pytest.raises(DuplicateKeyError):
        await performance.insert_one(dict(document))


async def test_indexes_under_other_names_serve_as_well(empty_connection: Connection) -> None:
    """The owner's own index list, or a hand-made index, must never close the shop."""
    requests = empty_connection.collection(AI_REQUESTS)
    await requests.create_index([("timestamp", -1), ("model_used", 1)])
    await requests.create_index([("session_id", 1), ("timestamp", -1)], name="x")
    await empty_connection.collection(VALUATIONS).create_index("stripeSessionId")

    assert await migrate(empty_connection) == NAMES
    await migrate(empty_connection)

    names = set(await requests.index_information())
    assert {"timestamp_-1_model_used_1", "x"} <= names


async def test_a_plain_index_over_duplicates_stops_nobody(empty_connection: Connection) -> None:
    """The site's index stays, the step stays open, everything else is there."""
    orders = empty_connection.collection(VALUATIONS)
    await orders.insert_many([{"stripeSessionId": "cs_1"}, {"stripeSessionId": "cs_1"}])
    await orders.create_index("stripeSessionId")

    await migrate(empty_connection)

    complete = {step.name: step.complete for step in await status(empty_connection)}
    assert not complete.pop(SITE)
    assert all(complete.values())
    assert "stripeSessionId_1" in await orders.index_information()


@pytest.mark.parametrize("keys", [[("stripeSessionId", 1)], [("kaufdatum", 1)]])
async def test_an_index_of_the_site_in_the_way_stays(
    empty_connection: Connection, keys: list[tuple[str, int]]
) -> None:
    """It is named in a warning, look-ups are fast all the same, and later starts try again."""
    orders = empty_connection.collection(VALUATIONS)
    await orders.create_index(keys, name="stripeSessionId_unique")
    with capture_logs() as logs:
        assert await migrate(empty_connection) == [name for name in NAMES if name != SITE]
    [warning] = [entry for entry in logs if entry["log_level"] == "warning"]
    assert warning["event"] == "index_in_the_way"
    assert (warning["collection"], warning["name"]) == (VALUATIONS, "stripeSessionId_unique")
    found = await orders.index_information()
    assert found["stripeSessionId_unique"]["key"] == keys
    assert [("stripeSessionId", 1)] in [entry["key"] for entry in found.values()]

    await orders.drop_index("stripeSessionId_unique")
    assert await migrate(empty_connection) == [SITE]
    assert (await orders.index_information())["stripeSessionId_unique"]["unique"]


async def test_our_name_on_other_keys_hides_no_index(empty_connection: Connection) -> None:
    """An index that merely bears the name of ours does not do its work."""
    requests = empty_connection.collection(AI_REQUESTS)
    await requests.create_index("session_id", name="recent")
    assert await migrate(empty_connection) == NAMES
    assert (await requests.index_information())["recent"]["key"] == [
        ("timestamp", -1),
        ("model_used", 1),
    ]


@pytest.mark.parametrize("options", [{}, {"unique": True}])
async def test_the_rule_of_one_paid_session_has_its_very_index(
    empty_connection: Connection, options: dict[str, Any]
) -> None:
    """A stricter one would refuse the duplicates that are to be parked; others on the keys stay."""
    keys = [("kind", 1), ("order_id", 1)]
    jobs = empty_connection.collection(JOBS)
    await jobs.create_index(keys, name="one_paid_session_per_order", **options)
    await jobs.create_index(keys, name="beside", sparse=True)
    assert await migrate(empty_connection) == NAMES
    found = await jobs.index_information()
    rule = found["one_paid_session_per_order"]
    assert (rule["unique"], rule["partialFilterExpression"]) == (True, {"holds_order": True})
    assert "beside" in found


WANTED = index("w", "a", unique=True, partialFilterExpression={"a": {"$gt": ""}}).document


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "other"}, True),
        ({"partialFilterExpression": None}, True),
        ({"partialFilterExpression": {"b": 1}}, False),
        ({"unique": False}, False),
        ({"sparse": True}, False),
        ({"hidden": True}, False),
        ({"expireAfterSeconds": 0}, False),
        ({"collation": {"locale": "de"}}, False),
        ({"key": {"b": 1}}, False),
        ({"key": {"a": -1}}, False),
    ],
)
def test_what_serves_as_well(changes: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a table
    """Equal or stricter, and about all the documents the wanted one is about."""
    assert serves(dict(WANTED) | changes, WANTED) is expected


async def test_our_own_index_that_promises_less_is_replaced(empty_connection: Connection) -> None:
    """One paid session per order rests on a unique index; a plain one on its keys must go."""
    jobs = empty_connection.collection("jobs")
    await jobs.create_index(
        [("kind", 1), ("order_id", 1)],
        name="plain",
        partialFilterExpression={"holds_order": True},
    )

    await migrate(empty_connection)

    keys = [("kind", 1), ("order_id", 1)]
    information = (await jobs.index_information()).values()
    assert any(found["key"] == keys and found.get("unique") for found in information)
