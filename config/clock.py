"""The time of the machine."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Implements `domain.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
