"""The run itself: customers come in, blows fall at their marks, the dead are started again."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sandbox.chaos.blows import Battlefield
from sandbox.chaos.customers import Customers
from sandbox.chaos.plan import INSTANT, Blow
from sandbox.chaos.stories import Story
from sandbox.chaos.windows import Window

LOOK_EVERY_S: Final = 0.1
RESTART_AFTER_S: Final = 1.0
BLOW_PATIENCE_S: Final = 120.0
_RUSH: Final = 2


class Stalled(RuntimeError):  # noqa: N818 - reads as the sentence it is
    """Nothing has moved for a long time; the message says what was waited for."""


@dataclass(slots=True)
class Crowd:
    """How fast customers come: `rate` a second, at most `most_open` orders under way.

    Nobody comes long before the blow that is next, so that every blow meets work. In a rush
    twice as many orders may be under way.
    """

    rate: float
    most_open: int
    rushes: int = 0
    next_mark: float = 0.0

    @contextmanager
    def rush(self) -> Iterator[None]:
        self.rushes += 1
        try:
            yield
        finally:
            self.rushes -= 1

    def has_room(self, *, begun: int, ended: int) -> bool:
        """Say whether one more may come in after `begun` jobs of which `ended` are over."""
        most = self.most_open * (_RUSH if self.rushes else 1)
        return begun - ended < most and begun < self.next_mark + most


@dataclass(slots=True)
class Conductor:
    """Runs stories and blows to their end. `say` gets a line for each thing of note."""

    ground: Battlefield
    customers: Customers
    crowd: Crowd
    say: Callable[[str], None]
    stall_s: float
    struck: list[Blow] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    unplanned_exits: list[tuple[str, int]] = field(default_factory=list)
    _begun_jobs: int = 0

    async def play(self, stories: Sequence[Story], plan: Sequence[Blow]) -> None:
        """Return when all customers are served and all blows are over. Raises Stalled."""
        nurse = asyncio.create_task(self._start_the_dead_again())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._let_in(stories))
                group.create_task(self._strike_all(plan))
            await self._until_settled(sum(story.jobs for story in stories))
        finally:
            nurse.cancel()

    async def _let_in(self, stories: Sequence[Story]) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, story in enumerate(stories):
                while not self.crowd.has_room(begun=self._begun_jobs, ended=len(self._ended)):
                    await asyncio.sleep(LOOK_EVERY_S)
                    began += LOOK_EVERY_S
                self._begun_jobs += story.jobs
                group.create_task(self.customers.play(story))
                ahead = began + number / self.crowd.rate - time.monotonic()
                await asyncio.sleep(max(0.0, ahead))

    @property
    def _ended(self) -> set[str]:
        return self.ground.ledger.ended

    async def _strike_all(self, plan: Sequence[Blow]) -> None:
        """Begin the blows in their order; one on a target that is still down waits for it."""
        busy: dict[str, asyncio.Task[None]] = {}
        for blow in plan:
            self.crowd.next_mark = blow.mark
            await self._until_mark(blow.mark)
            if before := busy.get(blow.fault.target):
                await before
            self.struck.append(blow)
            self.say(f"blow {blow}")
            busy[blow.fault.target] = asyncio.create_task(self._strike(blow))
            if blow.fault in INSTANT:
                with self.crowd.rush():
                    await busy[blow.fault.target]
        self.crowd.next_mark = math.inf
        await asyncio.gather(*busy.values())

    async def _until_mark(self, mark: int) -> None:
        ledger, last, since = self.ground.ledger, -1, time.monotonic()
        while len(self._ended) < mark:
            if ledger.changes != last:
                last, since = ledger.changes, time.monotonic()
            if time.monotonic() - since > self.stall_s:
                raise Stalled(f"{len(self._ended)} of {mark} jobs ended, nothing moves any more")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _strike(self, blow: Blow) -> None:
        starts = time.time()
        try:
            async with asyncio.timeout(BLOW_PATIENCE_S):
                await self.ground.strike(blow)
        except Exception as error:  # noqa: BLE001 - told in the report; the others must still fall
            self.failed.append(f"{blow}: {type(error).__name__} {error}")
            self.say(f"blow {blow.number} FAILED: {type(error).__name__} {error}")
        finally:
            ends = time.time()
            window = Window(blow.number, blow.fault.target, blow.fault, starts, ends)
            self.windows.append(window)

    async def _start_the_dead_again(self) -> None:
        """Do what a supervisor does, for every process but the servers."""
        dead_since: dict[str, float] = {}
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for name, member in self.ground.stack.members.items():
                if not member.is_dead():
                    continue
                since = dead_since.setdefault(name, time.monotonic())
                if time.monotonic() - since >= RESTART_AFTER_S:
                    del dead_since[name]
                    self._note_exit(name)
                    self.ground.stack.start_again(name)

    def _note_exit(self, name: str) -> None:
        process = self.ground.stack.members[name].process
        if process is not None and process.pid not in self.ground.expected_exits:
            self.unplanned_exits.append((name, process.returncode))
            self.say(f"{name} ended by itself with {process.returncode}")

    async def _until_settled(self, jobs: int) -> None:
        ledger, last, since = self.ground.ledger, -1, time.monotonic()
        while not self._is_settled(jobs):
            if ledger.changes != last:
                last, since = ledger.changes, time.monotonic()
            if time.monotonic() - since > self.stall_s:
                self.say("the dust does not settle")
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _is_settled(self, jobs: int) -> bool:
        histories = self.ground.ledger.jobs
        return len(histories) >= jobs and all(h.is_settled for h in histories.values())
