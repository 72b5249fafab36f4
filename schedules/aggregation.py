"""The daily aggregation: every day that ended and holds something new, late data included."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

import structlog

from ledger.connection import Connection
from ledger.performance import DaySummary, MongoPerformance
from schedules.timetable import latest

LOOK_BACK_DAYS: Final = 35

log = structlog.get_logger(__name__)


class Days(Protocol):
    """What the chore needs of the ledger. Every verb raises Unavailable."""

    async def stale_days(self, first: date, last: date) -> list[date]: ...

    async def aggregate_day(self, day: date) -> DaySummary: ...


async def aggregate(connection: Connection, day: date) -> DaySummary:
    """Aggregate one UTC day by hand; repeating it changes no figure. Raises Unavailable."""
    return await MongoPerformance(connection).aggregate_day(day)


def catch_up(days: Days, *, hour: int, now: Callable[[], datetime]) -> Callable[[], Awaitable[str]]:
    """Return the chore: aggregate what is stale; it says how many days those were."""

    async def work() -> str:
        first, last = window(latest(hour, now()))
        stale = await days.stale_days(first, last)
        for day in stale:
            _note(await days.aggregate_day(day))
        return f"aggregated {len(stale)}"

    return work


def window(due: datetime) -> tuple[date, date]:
    """Return the first and the last day to look at: the last one had ended when it was due."""
    last = due.astimezone(UTC).date() - timedelta(days=1)
    return last - timedelta(days=LOOK_BACK_DAYS - 1), last


def _note(summary: DaySummary) -> None:
    log.info(
        "day_aggregated",
        day=summary.day.isoformat(),
        models=len(summary.models),
        requests=summary.total_requests,
    )
