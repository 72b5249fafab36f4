"""Any sequence of failures and crashes ends delivered once or in front of a human."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ChainExhausted, Unavailable
from domain.job import MailState, State
from domain.ports import Letter
from ledger.names import JOBS
from tests.fakes_worker import JOB_ID, REPORT, MemoryMailer, ScriptedChain, World, answer
from worker.story import Story


class Fault(StrEnum):
    """What may happen to one call across a port."""

    NONE = "none"
    REFUSED = "refused"
    ANSWER_LOST = "answer lost"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    BUG = "bug"
    DRAIN = "drain"


class Crash(BaseException):
    """kill -9: no handler of the story runs after it, no port answers it any more."""


@dataclass
class Process:
    """One incarnation of a worker; every port it uses goes through `cross`."""

    owner: str
    faults: Iterator[Fault]
    dead: bool = False
    task: asyncio.Task[str] | None = None
    log: list[tuple[str, Fault]] = field(default_factory=list)

    def port(self, real: object) -> Any:
        return _Port(self, real)

    async def cross(self, verb: str, act: Any) -> Any:
        await asyncio.sleep(0)
        if self.dead:
            raise Crash
        fault = next(self.faults, Fault.NONE)
        self.log.append((verb, fault))
        if fault is Fault.REFUSED:
            raise Unavailable(verb)
        if fault is Fault.BUG:
            raise RuntimeError(verb)
        if fault is Fault.DRAIN and self.task is not None:
            self.task.cancel()
        if fault is Fault.CRASH_BEFORE:
            self.die()
        result = await act()
        if fault is Fault.CRASH_AFTER:
            self.die()
        if fault is Fault.ANSWER_LOST:
            raise Unavailable(verb)
        return result

    def die(self) -> None:
        self.dead = True
        raise Crash


class _Port:
    """A port seen through the faults; verbs that are no coroutines pass untouched."""

    def __init__(self, process: Process, real: object) -> None:
        self._process = process
        self._real = real

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self._real, verb)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._process.cross(verb, lambda: method(*args, **kwargs))

        return call


@dataclass
class CountingMailer(MemoryMailer):
    """Counts what really leaves the provider."""

    left: Counter[str] = field(default_factory=Counter)

    async def send(self, letter: Letter) -> str:
        if letter.key not in self.sent:
            self.left[letter.key] += 1
        return await super().send(letter)


def story_of(world: World, process: Process) -> Story:
    """The real story, every port of it behind the faults."""
    plain = world.story
    jobs, records = process.port(plain.jobs), plain.records
    mails = replace(
        plain.mails,
        jobs=jobs,
        orders=process.port(plain.orders),
        buyers=process.port(plain.mails.buyers),
        mailer=process.port(plain.mails.mailer),
    )
    return replace(
        plain,
        jobs=jobs,
        orders=process.port(plain.orders),
        records=records,
        chain=process.port(plain.chain),
        mails=mails,
        endings=replace(plain.endings, jobs=jobs),
    )


async def ring(world: World, process: Process) -> None:
    """One message reaches one process, which may not survive it."""
    story = story_of(world, process)
    process.task = asyncio.create_task(story.work(JOB_ID, owner=process.owner))
    await asyncio.wait([process.task])
    if not process.task.cancelled() and not isinstance(process.task.exception(), Crash):
        process.task.result()


async def live_through(world: World, faults: list[Fault], *, rounds: int) -> None:
    """Two processes, restarted when they die, ring by ring until the job is at rest."""
    script = iter(faults)
    processes = [Process(owner=f"w{i}", faults=script) for i in range(2)]
    for count in range(rounds):
        for process in processes:
            await world.ledger.presence.beat(process.owner, holding=())
            # Nothing is in hand between two rounds, so everything still owned is forgotten.
            await world.ledger.jobs.release_forgotten(process.owner, ())
        due = await world.ledger.jobs.due(10, rung_before=world.clock.now())
        if due:
            await asyncio.gather(*(ring(world, process) for process in processes))
        elif (next_at := (await world.job()).not_before) is None:
            return
        elif next_at > world.clock.now():
            world.clock.advance((next_at - world.clock.now()).total_seconds() - 2)
        processes = [
            Process(owner=f"w{count}-{i}", faults=script) if process.dead else process
            for i, process in enumerate(processes)
        ]
        world.clock.advance(2)


CHAIN = st.lists(st.booleans(), max_size=4) | st.just([False] * 100)
FAULTS = st.lists(st.sampled_from(Fault), max_size=60) | st.lists(
    st.sampled_from([Fault.NONE, Fault.BUG, Fault.BUG]), min_size=20, max_size=60
)


@given(faults=FAULTS, chain=CHAIN)
def test_delivered_once_or_parked(faults: list[Fault], chain: list[bool]) -> None:
    """The result is written once, each mail leaves once, or a reason says who must look.

    Then the customer is told of a delay once, and the shop gets one proposal.
    """
    world = asyncio.run(_live(faults, chain))
    job = asyncio.run(world.job())
    result = asyncio.run(world.result())
    mailer = cast("CountingMailer", world.mailer)

    assert job.owner is None
    assert set(mailer.left.values()) == {1}
    assert {duty.state for duty in job.mails.values()} == {MailState.SENT}
    if job.state is State.DELIVERED:
        assert result == REPORT
        assert mailer.left.keys() == {f"{JOB_ID}:customer", f"{JOB_ID}:admin"}
    else:
        assert job.state is State.PARKED
        assert job.reason is not None
        assert result is None
        assert mailer.left.keys() == {f"{JOB_ID}:delay", f"{JOB_ID}:refund-proposal"}


@given(faults=st.lists(st.sampled_from([Fault.NONE, Fault.REFUSED, Fault.DRAIN]), max_size=40))
def test_outages_and_deploys_cost_no_second_answer(faults: list[Fault]) -> None:
    """Refusals of the ledger around a won answer and orderly ends never throw it away."""
    world = asyncio.run(_live([Fault.NONE] * 5 + faults, []))

    assert asyncio.run(world.job()).state is State.DELIVERED
    paid = len(world.chain.asked)
    assert paid <= 1 + faults.count(Fault.DRAIN) + faults.count(Fault.REFUSED)


async def _live(faults: list[Fault], chain: list[bool]) -> World:
    script = [answer() if good else ChainExhausted("down") for good in chain]
    world = World(chain=ScriptedChain(script), mailer=CountingMailer())
    await world.pay()
    await live_through(world, faults, rounds=1000)
    return world


def test_the_world_does_end() -> None:
    """The loop above is not what decides: an untouched run needs a handful of rounds."""
    world = asyncio.run(_live([], []))

    jobs = world.ledger.store.all(JOBS)
    assert [job["state"] for job in jobs] == [State.DELIVERED]
    assert world.clock.monotonic() < 10
