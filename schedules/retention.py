"""Letting go of what is old: the chore behind the ages in the settings."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Protocol

import structlog

from config.settings import Settings
from ledger.retention import Ages

log = structlog.get_logger(__name__)

Step = Callable[[], Awaitable[int]]
_NOTHING: Final = "nothing to let go"


class Slimming(Protocol):
    """What the chore needs of the ledger. Every verb raises Unavailable.

    The steps take one batch each and return how much they changed, 0 when nothing is left.
    """

    async def set_ages(self) -> None: ...

    async def slim_delivered(self) -> int: ...

    async def slim_cancelled(self) -> int: ...

    async def slim_attempts(self) -> int: ...

    async def finish_erasures(self) -> int: ...


def ages_of(settings: Settings) -> Ages:
    return Ages(
        words=timedelta(days=settings.retention_content_days),
        attempts=timedelta(days=settings.retention_attempts_days),
        events=timedelta(days=settings.retention_events_days),
        errors=timedelta(days=settings.retention_errors_days),
    )


def clean_up(ledger: Slimming) -> Callable[[], Awaitable[str]]:
    """Return the chore: batch after batch until nothing is left; it says what it let go of.

    Whoever is stopped in between leaves the rest to the next run.
    """
    steps: dict[str, Step] = {
        "delivered jobs": ledger.slim_delivered,
        "cancelled jobs": ledger.slim_cancelled,
        "attempts": ledger.slim_attempts,
        "late records": ledger.finish_erasures,
    }

    async def work() -> str:
        await ledger.set_ages()
        counts = {name: await _all_of(step) for name, step in steps.items()}
        done = [f"{count} {name}" for name, count in counts.items() if count]
        return f"slimmed {', '.join(done)}" if done else _NOTHING

    return work


async def _all_of(step: Step) -> int:
    total = 0
    while changed := await step():
        total += changed
    return total
