"""A chore is done by one process at a time and once per period, whoever dies or comes late."""

import asyncio
from datetime import timedelta

import pytest

from config.clock import SystemClock
from domain.errors import LostClaim
from ledger.connection import Connection
from ledger.leases import DAY_S, SKIPPED, ChoreAge, Leases
from ledger.names import LEASES
from tests.builders import NOW

CHORE = "pferdewert.example"
HOUR_S = 3600.0


class Work:
    """Counts its runs; goes on until `may_end`, unless that is set already."""

    def __init__(self, *, ends: bool = True) -> None:
        self.runs = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        if ends:
            self.may_end.set()

    async def __call__(self) -> str:
        self.runs += 1
        self.begun.set()
        await self.may_end.wait()
        return "done"


def leases(connection: Connection, holder: str, *, lease_s: float = 60.0) -> Leases:
    return Leases(connection, SystemClock(), holder=holder, lease_s=lease_s)


async def shift(connection: Connection, field: str, seconds: float) -> None:
    """Make one of the lease's moments earlier."""
    earlier = {"$subtract": [f"${field}", round(seconds * 1000)]}
    await connection.collection(LEASES).update_one({"_id": CHORE}, [{"$set": {field: earlier}}])


async def only(leases: Leases) -> ChoreAge:
    [age] = await leases.ages()
    return age


async def test_twenty_ticks_at_once_are_one_run(connection: Connection) -> None:
    """Two beats, redelivered messages, impatient humans: one of them does it."""
    work = Work()
    everybody = [leases(connection, f"clock-{n}") for n in range(20)]
    outcomes = await asyncio.gather(
        *(one.run(CHORE, every_s=HOUR_S, work=work) for one in everybody)
    )
    assert (work.runs, sorted(outcomes)) == (1, ["done"] + [SKIPPED] * 19)


async def test_a_period_later_it_is_due_again(connection: Connection) -> None:
    """Also when the tick comes a little early."""
    work, clock = Work(), leases(connection, "clock-a")
    assert await clock.run(CHORE, every_s=HOUR_S, work=work) == "done"
    await shift(connection, "last_started", 0.8 * HOUR_S)
    assert await clock.run(CHORE, every_s=HOUR_S, work=work) == SKIPPED
    await shift(connection, "last_started", 0.15 * HOUR_S)
    assert await clock.run(CHORE, every_s=HOUR_S, work=work) == "done"


async def test_chores_do_not_wait_for_each_other(connection: Connection) -> None:
    """Each has a lease of its own."""
    clock, slow = leases(connection, "clock-a"), Work(ends=False)
    running = asyncio.create_task(clock.run(CHORE, every_s=HOUR_S, work=slow))
    await slow.begun.wait()
    assert await clock.run("pferdewert.other", every_s=HOUR_S, work=Work()) == "done"
    slow.may_end.set()
    assert await running == "done"


async def test_a_long_run_keeps_its_lease(connection: Connection) -> None:
    """Longer than the lease and than the period: it is renewed, and others keep off."""
    work, other = Work(ends=False), Work()
    running = asyncio.create_task(
        leases(connection, "clock-a", lease_s=0.6).run(CHORE, every_s=0.01, work=work)
    )
    await work.begun.wait()
    await renewals(connection, times=3)
    assert await leases(connection, "clock-b").run(CHORE, every_s=0.01, work=other) == SKIPPED
    work.may_end.set()
    assert (await running, other.runs) == ("done", 0)


async def test_a_dead_holder_is_replaced_when_its_lease_ends(connection: Connection) -> None:
    """Its period does not count: what it began is unfinished."""
    dead = leases(connection, "clock-a")
    assert await dead._take(CHORE, HOUR_S, None) is not None
    heir, work = leases(connection, "clock-b"), Work()
    assert await heir.run(CHORE, every_s=HOUR_S, work=work) == SKIPPED
    assert ((await only(heir)).holder or "").startswith("clock-a/")
    await shift(connection, "until", 61)
    assert (await only(heir)).holder is None
    assert await heir.run(CHORE, every_s=HOUR_S, work=work) == "done"
    assert (await only(heir)).runs == 2


async def test_leaving_hands_the_chore_back(connection: Connection) -> None:
    """A process that is asked to end leaves its chore due at once."""
    work, other = Work(ends=False), Work()
    leaving = asyncio.create_task(
        leases(connection, "clock-a").run(CHORE, every_s=HOUR_S, work=work)
    )
    await work.begun.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await leases(connection, "clock-b").run(CHORE, every_s=HOUR_S, work=other) == "done"


async def test_who_loses_the_lease_stops(connection: Connection) -> None:
    """A process that was frozen for too long finds its chore in other hands and drops it."""
    work = Work(ends=False)
    frozen = asyncio.create_task(
        leases(connection, "clock-a", lease_s=0.9).run(CHORE, every_s=HOUR_S, work=work)
    )
    await work.begun.wait()
    taken = {"$set": {"holder": "clock-b/1"}}
    await connection.collection(LEASES).update_one({"_id": CHORE}, taken)
    with pytest.raises(LostClaim):
        await frozen
    assert (await only(leases(connection, "x"))).holder == "clock-b/1"


async def test_a_failure_is_on_record_and_raised(connection: Connection) -> None:
    """Its type only: a text may quote customers. The chore is free for its next period."""

    async def fails() -> str:
        raise ValueError("the horse of Frau Muster")

    clock = leases(connection, "clock-a")
    with pytest.raises(ValueError, match="Muster"):
        await clock.run(CHORE, every_s=HOUR_S, work=fails)
    age = await only(clock)
    assert age.last_error is not None
    assert (age.last_error.type, age.last_success, age.holder) == ("ValueError", None, None)
    assert "Muster" not in str(await connection.latest(LEASES).find().to_list(None))
    await shift(connection, "last_started", HOUR_S)
    assert await clock.run(CHORE, every_s=HOUR_S, work=Work()) == "done"


async def test_ages(connection: Connection) -> None:
    """The age of the last success by chore, in seconds of MongoDB's clock."""
    clock = leases(connection, "clock-a")
    assert await clock.ages() == []
    await clock.run(CHORE, every_s=HOUR_S, work=Work())
    await shift(connection, "last_success", 600)
    age = await only(clock)
    assert age.age_s is not None
    assert 600 <= age.age_s < 660
    assert (age.name, age.period_s, age.runs, age.holder) == (CHORE, HOUR_S, 1, None)
    assert age.duration_ms is not None
    assert age.duration_ms >= 0


async def test_a_daily_chore_is_done_once_after_its_hour(connection: Connection) -> None:
    """Many ticks look, one run is done; the next hour that comes makes it due again."""
    clock, work = leases(connection, "clock-a"), Work()
    begun = NOW - timedelta(days=1)

    async def tick() -> str:
        return await clock.run(CHORE, every_s=0.001, work=work, since=begun)

    await clock.run(CHORE, every_s=0.001, work=work, since=begun)
    age = await only(clock)
    assert age.last_success is not None
    assert age.period_s == DAY_S
    begun = age.last_started - timedelta(minutes=1)
    assert [await tick() for _ in range(3)] == [SKIPPED] * 3
    begun = age.last_success + timedelta(milliseconds=1)
    assert await tick() == "done"


async def test_a_run_that_began_before_the_hour_does_not_count(connection: Connection) -> None:
    """It may have looked at the day before; success counts from its beginning."""
    clock = leases(connection, "clock-a")
    await clock.run(CHORE, every_s=0.001, work=Work(), since=NOW)
    age = await only(clock)
    await shift(connection, "success_began", 10)
    assert await clock.run(CHORE, every_s=0.001, work=Work(), since=age.last_started) == "done"


async def test_a_daily_chore_that_failed_is_tried_at_the_next_tick(connection: Connection) -> None:
    """A failure at the hour does not cost the day."""

    async def fails() -> str:
        raise RuntimeError

    clock = leases(connection, "clock-a")
    with pytest.raises(RuntimeError):
        await clock.run(CHORE, every_s=0.001, work=fails, since=NOW)
    assert await clock.run(CHORE, every_s=0.001, work=Work(), since=NOW) == "done"


async def renewals(connection: Connection, times: int) -> None:
    """Return when the lease has been renewed so often."""
    seen: set[object] = set()
    async with asyncio.timeout(30):
        while len(seen) <= times:
            found = await connection.latest(LEASES).find_one({"_id": CHORE})
            assert found is not None
            seen.add(found["until"])
            await asyncio.sleep(0.02)
