"""The heartbeat of a worker process, in the loop of its jobs: a blocked loop looks dead."""

import asyncio
from typing import Final

import structlog

from domain.ports import Clock, Presence
from worker.hands import Hands

INTERVAL: Final = 0.4
PATIENCE: Final = 1.6
"""Seconds that one beat may take."""
GAP: Final = 2.0
"""Seconds between two beats after which others take the process for dead, about."""

log = structlog.get_logger(__name__)


class Pulse:
    """Beats for one owner and knows how long it has done so without a gap."""

    def __init__(self, presence: Presence, *, owner: str, hands: Hands, clock: Clock) -> None:
        self.owner = owner
        self._presence = presence
        self._hands = hands
        self._clock = clock
        self._last: float | None = None
        self._since = float("-inf")
        self._missing = False

    async def first(self) -> None:
        """Return after the first beat that MongoDB took, however long that is."""
        while not await self.beat():
            await self._clock.sleep(INTERVAL)

    async def run(self) -> None:
        while True:
            await self._clock.sleep(INTERVAL)
            await self.beat()

    async def beat(self) -> bool:
        """Send one beat; return whether it was taken. Never raises."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._presence.beat(self.owner, holding=self._hands.ids)
        except Exception as error:  # noqa: BLE001 - the next beat comes in half a second
            self._missed(type(error).__name__)
            return False
        now = self._clock.monotonic()
        if self._missing if self._last is None else now - self._last > GAP:
            self._since = now
        if self._missing or self._last is None:
            log.info("heart_beats", owner=self.owner)
        self._last, self._missing = now, False
        return True

    async def stop(self) -> None:
        """Tell the others that they need not wait for us to look dead."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._presence.leave(self.owner)
        except Exception as error:  # noqa: BLE001 - they will find out by our silence
            log.warning("farewell_failed", error=type(error).__name__)

    def steady_for(self) -> float:
        """Return the seconds since the last gap that made us look dead; 0 inside one.

        A gap of ours is most likely one of MongoDB's, and then everybody had it. A process that
        found MongoDB in order when it started has had none.
        """
        now = self._clock.monotonic()
        if self._last is None or now - self._last > GAP:
            return 0.0
        return now - self._since

    def _missed(self, error: str) -> None:
        if not self._missing:
            log.warning("heartbeat_failed", owner=self.owner, error=error)
        self._missing = True
