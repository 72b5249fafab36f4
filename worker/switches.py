"""The emergency switch as this process last saw it."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from domain.ports import Clock

INTERVAL: Final = 2.0

log = structlog.get_logger(__name__)


class DirectOnly:
    """Says whether orders go to the direct providers only; `read` asks the ledger.

    While the ledger does not answer, what was seen last counts.
    """

    def __init__(self, read: Callable[[], Awaitable[bool]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._on = False
        self._unread = False

    def __call__(self) -> bool:
        return self._on

    async def run(self) -> None:
        while True:
            await self._clock.sleep(INTERVAL)
            await self.look()

    async def look(self) -> None:
        """Read the switch. Never raises."""
        try:
            on = await self._read()
        except Exception as error:  # noqa: BLE001 - the switch stays as it was seen last
            if not self._unread:
                log.warning("switch_unread", error=type(error).__name__, direct_only=self._on)
            self._unread = True
            return
        self._unread = False
        if on != self._on:
            log.warning("direct_only_switched", on=on)
        self._on = on
