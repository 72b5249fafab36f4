"""The rescue loop: whatever happened to Redis or to another process, due jobs find a worker."""

import asyncio
import random
from collections.abc import Callable, Iterable
from collections.abc import Collection as Ids
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from domain.errors import Unavailable
from domain.ports import Clock
from worker.hands import Hands, Work
from worker.pulse import Pulse

INTERVAL: Final = 0.5
BATCH: Final = 200
RING_AGAIN_AFTER: Final = timedelta(seconds=3)
SETTLING_SECONDS: Final = 2.5
"""After an outage of MongoDB all heartbeats look dead; the living need this long to show."""

log = structlog.get_logger(__name__)


class DueJobs(Protocol):
    """What the loop needs of the ledger. Every verb raises Unavailable."""

    async def due(self, limit: int, *, rung_before: datetime) -> list[str]: ...

    async def orphans(self, limit: int) -> dict[str, str]:
        """Return due jobs by id with their dead owners."""
        ...

    async def end_sessions(self, owners: Ids[str]) -> None:
        """Free what dead owners still hold locked."""
        ...

    async def mark_rung(self, job_ids: Iterable[str]) -> None: ...

    async def release_forgotten(self, owner: str, holding: Ids[str]) -> int: ...


class Bell(Protocol):
    def ring(self, job_id: str) -> None: ...

    async def depth(self) -> int | None: ...


class SpareHands:
    """Works on jobs nobody was rung for, beside what Celery's threads bring.

    `capacity` is how many jobs Celery may bring at once. Fewer than that are in hand while Redis
    is away; the orphans of the dead come on top, up to the same number again: they were being
    worked on already, and must not stand behind a backlog.
    """

    def __init__(self, work: Work, hands: Hands, *, capacity: int) -> None:
        self._work = work
        self._hands = hands
        self._capacity = capacity
        self._tasks: set[asyncio.Task[str]] = set()

    def room(self, *, for_orphans: bool = False) -> int:
        """Return how many further jobs may begin."""
        most = 2 * self._capacity if for_orphans else self._capacity
        return max(0, most - len(self._hands.ids))

    def begin(self, job_ids: Iterable[str]) -> None:
        """Work on these in the background; leaving waits for them as for every job in hand."""
        for job_id in job_ids:
            task = asyncio.create_task(self._hands.carry(job_id, self._work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


class Rescue:
    """Runs in every worker; `spread` returns a factor around 1 that keeps them out of step."""

    def __init__(
        self,
        *,
        jobs: DueJobs,
        bell: Bell,
        pulse: Pulse,
        hands: Hands,
        spare: SpareHands,
        clock: Clock,
        spread: Callable[[], float],
    ) -> None:
        self._jobs = jobs
        self._bell = bell
        self._pulse = pulse
        self._hands = hands
        self._spare = spare
        self._clock = clock
        self._spread = spread
        self._mood = ""

    async def run(self) -> None:
        """Look around about twice a second, for ever, whatever fails."""
        while True:
            await self._clock.sleep(INTERVAL * self._spread())
            try:
                mood = await self.look()
            except Exception as error:  # noqa: BLE001 - it is the last net under everything
                mood = f"failing: {type(error).__name__}"
            self._note(mood)

    async def look(self) -> str:
        """See to the jobs of the dead, to what we forgot, to what is due. Return a word for it."""
        if self._pulse.steady_for() < SETTLING_SECONDS:
            return "settling"
        await self._take_over_orphans()
        await self._release_forgotten()
        depth = await self._bell.depth()
        if depth is None:
            return await self._work_unrung()
        if depth > BATCH:
            return "queue_is_full"
        return await self._ring_due()

    async def _release_forgotten(self) -> None:
        async with self._hands.standstill() as holding:
            forgotten = await self._jobs.release_forgotten(self._pulse.owner, holding)
        if forgotten:
            log.warning("forgotten_jobs_released", count=forgotten)

    async def _take_over_orphans(self) -> None:
        """Work on the jobs of the dead at once; a ring would wait behind the whole queue."""
        room = self._spare.room(for_orphans=True)
        orphans = await self._jobs.orphans(BATCH) if room else {}
        if orphans:
            log.warning("orphans_found", count=len(orphans))
            self._spare.begin(_some(list(orphans), room))
            # Not before: most are not locked, and the others are claimed once they are free.
            await self._jobs.end_sessions(set(orphans.values()))

    async def _work_unrung(self) -> str:
        """Without a bell, work on what is due as far as there is room."""
        room = self._spare.room()
        due = _some(await self._due(), room) if room else []
        await self._mark_rung(due)
        self._spare.begin(due)
        return "bell_is_down"

    async def _ring_due(self) -> str:
        due = await self._due()
        if not due:
            return "quiet"
        for job_id in due:
            self._bell.ring(job_id)
        await self._mark_rung(due)
        return "ringing"

    async def _mark_rung(self, due: list[str]) -> None:
        """Go on without: a job whose document is locked must not hold up those of the dead."""
        with suppress(Unavailable):
            await self._jobs.mark_rung(due)

    async def _due(self) -> list[str]:
        return await self._jobs.due(BATCH, rung_before=self._clock.now() - RING_AGAIN_AFTER)

    def _note(self, mood: str) -> None:
        if mood != self._mood:
            log.info("rescue_mood", mood=mood, before=self._mood)
        self._mood = mood


def _some(job_ids: list[str], most: int) -> list[str]:
    """Draw at random, since every worker looks at the same list at the same time."""
    return random.sample(job_ids, min(most, len(job_ids)))
