"""Whole processes of the clock: start, chores, trouble, end."""

import os
import signal
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis

from doorbell.names import CLOCK_QUEUE, KEY_PREFIX, QUEUE, ClockTask
from sandbox.processes import free_port
from sandbox.servers import EmbeddedMongo, EmbeddedValkey
from tests.integration.schedules.house import REHEARSED, House
from tests.integration.schedules.rehearsed import EVERY_S
from tests.integration.worker.rehearsal import eventually

pytestmark = pytest.mark.timeout(180)

AGGREGATE = {"_id": ClockTask.AGGREGATE.value}


def put_attempt(house: House, **ago: float) -> None:
    """Record an attempt of the past, as a worker does."""
    house.database.ai_requests.insert_one(
        {
            "session_id": "cs_1",
            "timestamp": datetime.now(UTC) - timedelta(**ago),
            "model_used": "google/gemini-2.5-pro",
            "success": True,
            "response_data": {"response_time_ms": 1200},
        }
    )


def aggregated(house: House) -> int:
    return house.database.model_performance.count_documents({})


def test_two_clocks_at_once(house: House) -> None:
    """Both tick at their start; one tick aggregates what was missed, the other finds it done."""
    put_attempt(house, days=3)
    clocks = [house.start(ready=False) for _ in range(2)]
    eventually("both ticks were looked at", lambda: house.idle_ticks() == 1)

    eventually("aggregated", lambda: house.outcomes("'aggregated 1'") == 1)
    assert aggregated(house) == 1
    assert house.database.leases.find_one(AGGREGATE, {"_id": 0, "runs": 1}) == {"runs": 1}
    assert house.database.workers.count_documents({}) == 0
    for clock in clocks:
        clock.terminate()
    assert [clock.wait(20) for clock in clocks] == [0, 0]


def test_ticks_reach_the_workers(house: House, valkey: EmbeddedValkey) -> None:
    """The sweep goes onto the workers' queue, where the clock leaves it."""
    house.start()
    with redis.Redis.from_url(valkey.url) as client:
        eventually("a sweep waits", lambda: client.llen(f"{KEY_PREFIX}{QUEUE}") == 1)


def test_no_aggregation_without_tracking(house: House) -> None:
    """ENABLE_PERFORMANCE_TRACKING=false: no tick, no chore, the rest goes on."""
    put_attempt(house, days=3)
    clock = house.start(ENABLE_PERFORMANCE_TRACKING="false")
    eventually("beat ticks", lambda: "pferdewert.sweep" in _queued(house.valkey))
    clock.terminate()

    assert clock.wait(20) == 0
    assert aggregated(house) == 0
    assert house.database.leases.count_documents(AGGREGATE) == 0


def test_once_per_period(house: House) -> None:
    """Two clocks tick twice a period; the chore runs once, never at two places at once."""
    for _ in range(2):
        house.start(REHEARSED)
    eventually("some periods passed", lambda: house.ended() >= 4)

    begun = [run["at"] for run in house.runs()]
    assert min(b - a for a, b in pairwise(begun)) >= timedelta(seconds=0.9 * EVERY_S)
    assert house.outcomes("skipped") > 0


def test_chore_of_a_killed_clock(house: House) -> None:
    """Kill -9 in the middle of a chore: the lease runs out and the other clock does it."""
    house.database.brakes.insert_one({})
    for _ in range(2):
        house.start(REHEARSED)
    eventually("begun", lambda: len(house.runs()) == 1)
    [first] = house.runs()
    [doomed] = [clock for clock in house.clocks if clock.pid == first["pid"]]
    doomed.kill()
    house.database.brakes.delete_many({})

    eventually("done by the other", lambda: house.ended() >= 1)
    assert not house.runs()[0].get("ended")
    assert house.runs()[1]["pid"] != first["pid"]


def test_sigterm_in_the_middle_of_a_chore(house: House) -> None:
    """The chore is handed back, due at once; the process ends with 0."""
    house.database.brakes.insert_one({})
    clock = house.start(REHEARSED)
    eventually("begun", lambda: len(house.runs()) == 1)
    clock.terminate()

    assert clock.wait(10) == 0
    lease: Any = house.database.leases.find_one(AGGREGATE)
    assert lease["until"] <= datetime.now(UTC).replace(tzinfo=None)
    assert lease.get("last_success") is None


def test_redis_restart(house: House, valkey: EmbeddedValkey) -> None:
    """Ticks of an outage are lost; afterwards the same process goes on."""
    clock = house.start(REHEARSED)
    eventually("it works", lambda: house.ended() >= 1)
    valkey.kill()
    eventually("a tick was lost", lambda: "tick_lost" in house.log(clock))
    before = house.ended()
    valkey.start()

    eventually("it works again", lambda: house.ended() > before)
    assert clock.poll() is None
    clock.terminate()
    assert clock.wait(20) == 0


def test_start_before_redis(house: House, valkey: EmbeddedValkey) -> None:
    """Without Redis it waits, and its first tick comes when Redis does."""
    valkey.stop()
    clock = house.start(REHEARSED, ready=False)
    eventually("beat waits", lambda: "beat_waits_for_redis" in house.log(clock))
    eventually("the consumer waits", lambda: "waiting_for_redis" in house.log(clock))
    valkey.start()

    eventually("it works", lambda: house.ended() >= 1)


def test_junk_in_the_queue(house: House, valkey: EmbeddedValkey) -> None:
    """What is no message is dropped; the same process goes on doing its chores."""
    clock = house.start(REHEARSED)
    with redis.Redis.from_url(valkey.url) as client:
        client.lpush(f"{KEY_PREFIX}{CLOCK_QUEUE}", "no JSON", "7", "{}")
    eventually("dropped", lambda: house.log(clock).count("queue_message_dropped") == 3)
    before = house.ended()

    eventually("it works on", lambda: house.ended() > before)
    assert clock.poll() is None


def test_sigterm_without_redis(house: House, valkey: EmbeddedValkey) -> None:
    """A process that waits for Redis can be asked to leave."""
    valkey.stop()
    clock = house.start(REHEARSED, ready=False)
    eventually("waits", lambda: "waiting_for_redis" in house.log(clock))
    clock.terminate()

    assert clock.wait(20) == 0


def test_sigterm_while_redis_is_frozen(house: House, valkey: EmbeddedValkey) -> None:
    """A Redis that neither answers nor hangs up cannot keep it from leaving."""
    clock = house.start(REHEARSED)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        clock.terminate()

        assert clock.wait(20) == 0
    finally:
        os.kill(valkey.pid, signal.SIGCONT)


def test_start_before_mongodb(house: House) -> None:
    """Without MongoDB it says what it waits for, and leaves when asked."""
    nowhere = f"mongodb://127.0.0.1:{free_port()}/?replicaSet=rs0"
    clock = house.start(ready=False, MONGODB_URI=nowhere)
    eventually("waits", lambda: "waiting_for_mongodb" in house.log(clock))
    clock.terminate()

    assert clock.wait(20) == 0


def test_mongodb_restart(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    """Chores fail while MongoDB is away and are done when it is back."""
    with EmbeddedMongo() as mongo:
        house = House(mongo.url, valkey, tmp_path)
        try:
            clock = house.start(REHEARSED)
            eventually("it works", lambda: house.ended() >= 1)
            mongo.stop()
            eventually("a chore failed", lambda: "chore_failed" in house.log(clock))
            mongo.start()
            before = house.ended()

            eventually("it works again", lambda: house.ended() > before)
            assert clock.poll() is None
        finally:
            house.close()


def test_wrong_environment(house: House) -> None:
    """Faulty settings end the process at once with their names, not with a stack."""
    clock = house.start(ready=False, DAILY_AGGREGATION_HOUR="24")

    assert clock.wait(20) == 78
    assert "DAILY_AGGREGATION_HOUR" in house.log(clock)


def _queued(valkey: EmbeddedValkey) -> str:
    with redis.Redis.from_url(valkey.url) as client:
        return str(client.lrange(f"{KEY_PREFIX}{QUEUE}", 0, -1))
