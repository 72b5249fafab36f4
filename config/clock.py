"""The time of the machine."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Implements `domain.ports.Clock`, in the milliseconds that MongoDB keeps."""

    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
