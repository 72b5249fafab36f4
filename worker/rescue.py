"""The rescue loop: whatever happened to Redis or to another process, due jobs are rung again."""

from collections.abc import Callable, Iterable
from collections.abc import Collection as Ids
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from domain.ports import Clock
from worker.hands import Hands
from worker.pulse import Pulse

INTERVAL: Final = 1.0
BATCH: Final = 200
RING_AGAIN_AFTER: Final = timedelta(seconds=3)
SETTLING_SECONDS: Final = 3.0
"""After an outage of MongoDB all heartbeats look dead; the living need this long to show."""

log = structlog.get_logger(__name__)


class DueJobs(Protocol):
    """What the loop needs of the ledger. Every verb raises Unavailable."""

    async def due(self, limit: int, *, rung_before: datetime) -> list[str]: ...

    async def mark_rung(self, job_ids: Iterable[str]) -> None: ...

    async def release_forgotten(self, owner: str, holding: Ids[str]) -> int: ...


class Bell(Protocol):
    def ring(self, job_id: str) -> None: ...

    async def depth(self) -> int | None: ...


class Rescue:
    """Runs in every worker; `spread` returns a factor around 1 that keeps them out of step."""

    def __init__(
        self,
        *,
        jobs: DueJobs,
        bell: Bell,
        pulse: Pulse,
        hands: Hands,
        clock: Clock,
        spread: Callable[[], float],
    ) -> None:
        self._jobs = jobs
        self._bell = bell
        self._pulse = pulse
        self._hands = hands
        self._clock = clock
        self._spread = spread
        self._mood = ""

    async def run(self) -> None:
        """Look around about once a second, for ever, whatever fails."""
        while True:
            await self._clock.sleep(INTERVAL * self._spread())
            try:
                mood = await self.look()
            except Exception as error:  # noqa: BLE001 - it is the last net under everything
                mood = f"failing: {type(error).__name__}"
            self._note(mood)

    async def look(self) -> str:
        """Release what we forgot, ring what is due. Return in a word how things stand."""
        if self._pulse.steady_for() < SETTLING_SECONDS:
            return "settling"
        async with self._hands.standstill() as holding:
            forgotten = await self._jobs.release_forgotten(self._pulse.owner, holding)
        if forgotten:
            log.warning("forgotten_jobs_released", count=forgotten)
        depth = await self._bell.depth()
        if depth is None:
            return "bell_is_down"
        if depth > BATCH:
            return "queue_is_full"
        return await self._ring_due()

    async def _ring_due(self) -> str:
        rung_before = self._clock.now() - RING_AGAIN_AFTER
        due = await self._jobs.due(BATCH, rung_before=rung_before)
        if not due:
            return "quiet"
        for job_id in due:
            self._bell.ring(job_id)
        await self._jobs.mark_rung(due)
        return "ringing"

    def _note(self, mood: str) -> None:
        if mood != self._mood:
            log.info("rescue_mood", mood=mood, before=self._mood)
        self._mood = mood
