"""Heartbeat, hands and the rescue loop."""

import asyncio
from collections.abc import Iterable

import pytest

from domain.errors import Unavailable
from domain.job import State
from tests.fakes.jobs import MemoryJobs
from tests.fakes_worker import JOB_ID, OWNER, World
from worker.hands import Hands
from worker.pulse import Pulse
from worker.rescue import BATCH, DueJobs, Rescue, SpareHands


class Unmarkable(MemoryJobs):
    """A delivery holds one of the documents."""

    async def mark_rung(self, job_ids: Iterable[str]) -> None:
        raise Unavailable(f"one of {job_ids} is locked")


class Watch:
    """A worker process without a loop: its heart, its hands and its rescue."""

    def __init__(
        self,
        world: World,
        owner: str = OWNER,
        *,
        capacity: int = 2,
        jobs: DueJobs | None = None,
    ) -> None:
        self.hands = Hands()
        self.worked: list[str] = []
        self.may_end = asyncio.Event()
        self.pulse = Pulse(world.ledger.presence, owner=owner, hands=self.hands, clock=world.clock)
        self.rescue = Rescue(
            jobs=jobs or world.ledger.jobs,
            bell=world.ringer,
            pulse=self.pulse,
            hands=self.hands,
            spare=SpareHands(self._work, self.hands, capacity=capacity),
            clock=world.clock,
            spread=lambda: 1.0,
        )

    async def _work(self, job_id: str) -> str:
        self.worked.append(job_id)
        await self.may_end.wait()
        return "done"

    async def look(self) -> str:
        """Look around once and let what that begins begin."""
        await self.pulse.beat()
        mood = await self.rescue.look()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return mood


async def test_due_job_is_rung_once_in_three_seconds() -> None:
    """Who opened it rang for it: it is rung again only after a pause, and then after another."""
    world = World()
    await world.pay()
    watch = Watch(world)
    for expected in (0, 0, 1, 1, 1, 2):
        world.clock.advance(1.1)
        await watch.pulse.beat()
        await watch.rescue.look()
        assert world.ringer.rung == [JOB_ID] * expected


async def test_a_locked_document_holds_up_nobody() -> None:
    """Its mark cannot be written now: all are rung, and those of the dead are taken over."""
    world = World()
    await world.pay()
    world.clock.advance(5)
    watch = Watch(world, jobs=Unmarkable(world.ledger.store, world.ledger.presence))

    assert await watch.look() == "ringing"
    assert world.ringer.rung == [JOB_ID]


@pytest.mark.parametrize(("waiting", "mood"), [(BATCH + 1, "queue_is_full"), (BATCH, "ringing")])
async def test_a_long_queue_is_not_rung(waiting: int, mood: str) -> None:
    """What waits in the queue is worked on without further rings; nothing is marked as rung."""
    world = World()
    await world.pay()
    world.clock.advance(5)
    world.ringer.waiting = waiting
    watch = Watch(world)

    assert await watch.look() == mood
    assert world.ringer.rung == ([JOB_ID] if mood == "ringing" else [])

    world.ringer.waiting, world.ringer.rung = 0, []
    assert await watch.look() == ("quiet" if mood == "ringing" else "ringing")


async def test_without_a_bell_due_jobs_are_worked_on_as_far_as_there_is_room() -> None:
    """A dead Redis stops nobody; each worker takes what Celery could have brought it."""
    world = World()
    jobs = {(await world.open(f"cs_test_{number}")).id for number in range(5)}
    world.clock.advance(5)
    world.ringer.waiting = None
    watch = Watch(world, capacity=2)

    assert [await watch.look() for _ in range(3)] == ["bell_is_down"] * 3

    assert (world.ringer.rung, len(watch.worked)) == ([], 2)
    assert set(watch.worked) == watch.hands.ids < jobs
    watch.may_end.set()
    await asyncio.gather(*watch.hands.tasks)
    watch.may_end.clear()
    for _ in range(4):
        world.clock.advance(1)
        await watch.look()
    assert len(watch.worked) == 4


async def test_jobs_of_a_dead_worker_do_not_wait_behind_the_queue() -> None:
    """The owner fell silent: its jobs are worked on at once, beside full hands."""
    world = World()
    orphans = {(await world.open(f"cs_test_{number}")).id for number in range(3)}
    await world.ledger.presence.beat("dead", holding=())
    for job_id in orphans:
        await world.ledger.jobs.claim(job_id, owner="dead")
    await world.open("cs_test_new")
    world.ringer.waiting = BATCH + 1
    watch = Watch(world, capacity=2)
    async with watch.hands.holding("valuation:cs_test_a"):
        assert await watch.look() == "queue_is_full"
        assert watch.worked == []

        for _ in range(4):
            world.clock.advance(1)
            await watch.look()

    assert set(watch.worked) == orphans
    assert len(watch.worked) == 3


async def test_no_more_orphans_than_hands_can_hold() -> None:
    """Twice what Celery may bring is what the connections are made for."""
    world = World()
    await world.ledger.presence.beat("dead", holding=())
    for number in range(9):
        job = await world.open(f"cs_test_{number}")
        await world.ledger.jobs.claim(job.id, owner="dead")
    watch = Watch(world, capacity=2)
    for _ in range(6):
        world.clock.advance(1)
        await watch.look()

    assert len(watch.worked) == 4


async def test_after_an_outage_the_living_are_given_time() -> None:
    """When our own heart stood still, everybody's did: judge nobody for 2.5 seconds."""
    world = World()
    await world.pay()
    watch = Watch(world)
    await watch.pulse.beat()
    world.ledger.store.is_down = True
    world.clock.advance(10)
    assert not await watch.pulse.beat()
    assert await watch.rescue.look() == "settling"
    world.ledger.store.is_down = False

    moods = []
    for _ in range(8):
        await watch.pulse.beat()
        moods.append(await watch.rescue.look())
        world.clock.advance(0.5)

    assert moods == ["settling"] * 5 + ["ringing", "quiet", "quiet"]


async def test_a_healthy_start_needs_no_settling() -> None:
    """A process that found MongoDB in order looks around at once."""
    world = World()
    watch = Watch(world)
    await watch.pulse.first()

    assert await watch.rescue.look() == "quiet"


async def test_short_hiccup_is_no_outage() -> None:
    """One missed beat within the patience changes nothing."""
    world = World()
    watch = Watch(world)
    await watch.pulse.beat()
    world.ledger.store.is_down = True
    world.clock.advance(0.5)
    await watch.pulse.beat()
    world.ledger.store.is_down = False
    world.clock.advance(0.5)
    await watch.pulse.beat()

    assert await watch.rescue.look() == "quiet"


async def test_forgotten_job_is_released() -> None:
    """The answer to a claim got lost: what we own and do not know of goes back."""
    world = World()
    await world.pay()
    watch = Watch(world)
    await watch.pulse.beat()
    await world.ledger.jobs.claim(JOB_ID, owner=OWNER)

    await watch.rescue.look()

    job = await world.job()
    assert (job.state, job.owner) == (State.QUEUED, None)


async def test_job_in_hand_is_not_forgotten() -> None:
    """What is being worked on here stays here."""
    world = World()
    await world.pay()
    watch = Watch(world)
    await watch.pulse.beat()
    async with watch.hands.holding(JOB_ID):
        await world.ledger.jobs.claim(JOB_ID, owner=OWNER)
        await watch.rescue.look()

        assert (await world.job()).owner == OWNER


async def test_no_claim_starts_while_the_ledger_compares() -> None:
    """A job taken in hand during the comparison waits until it is over."""
    hands, started = Hands(), asyncio.Event()

    async def work() -> None:
        async with hands.holding("late"):
            started.set()

    async with hands.standstill() as ids:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert ids == frozenset()
        assert not started.is_set()
    await task

    assert started.is_set()


async def test_leaving_is_announced() -> None:
    """After an orderly end nobody has to wait for the silence."""
    world = World()
    watch = Watch(world)
    await watch.pulse.beat()

    await watch.pulse.stop()

    assert await world.ledger.presence.live() == []
