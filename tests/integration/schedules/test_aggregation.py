"""The daily aggregation on a real ledger: by hand, and as the chore of the clock."""

from datetime import UTC, date, datetime

from config.clock import SystemClock
from doorbell.names import ClockTask
from ledger.connection import Connection
from ledger.leases import SKIPPED, Leases
from ledger.names import MODEL_PERFORMANCE
from ledger.performance import MongoPerformance
from schedules.aggregation import aggregate, catch_up
from schedules.timetable import latest
from tests.integration.ledger.attempts import GEMINI, GPT, put, request

HOUR = 2


async def test_by_hand(connection: Connection) -> None:
    """One day, any day; the summary says what was found."""
    await put(connection, request("2024-02-29T10:00"), request("2024-02-29T11:00", model=GPT))
    for _ in range(2):
        summary = await aggregate(connection, date(2024, 2, 29))
        assert (summary.day, summary.total_requests) == (date(2024, 2, 29), 2)
        assert [model.model_id for model in summary.models] == [GEMINI, GPT]


async def test_from_night_to_night(connection: Connection) -> None:
    """What was missed comes with the first run, late data with the next, today with tomorrow's."""
    now = datetime(2026, 11, 20, 2, 4, tzinfo=UTC)
    chore = catch_up(MongoPerformance(connection), hour=HOUR, now=lambda: now)
    await put(connection, *(request(f"2026-11-{day}T23:50") for day in (11, 17, 19, 20)))
    assert await chore() == "aggregated 3"
    assert await _days(connection) == [11, 17, 19]

    await put(connection, request("2026-11-17T12:00"))
    now = datetime(2026, 11, 21, 1, 59, tzinfo=UTC)
    assert await chore() == "aggregated 1"
    now = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    assert await chore() == "aggregated 1"
    assert await _days(connection) == [11, 17, 19, 20]
    assert await chore() == "aggregated 0"


async def test_once_a_day_under_its_lease(connection: Connection) -> None:
    """Ticks of any number of processes: it is done once after the hour."""
    await put(connection, request("2026-11-19T10:00"))
    chore = catch_up(MongoPerformance(connection), hour=HOUR, now=lambda: datetime.now(UTC))
    since = latest(HOUR, datetime.now(UTC))
    outcomes = [
        await Leases(connection, SystemClock(), holder=holder).run(
            ClockTask.AGGREGATE, every_s=0.001, since=since, work=chore
        )
        for holder in ("clock-a", "clock-b", "clock-a")
    ]
    assert outcomes[1:] == [SKIPPED] * 2
    assert outcomes[0].startswith("aggregated")


async def _days(connection: Connection) -> list[int]:
    found = connection.latest(MODEL_PERFORMANCE).find().sort("date", 1)
    return [aggregate["date"].day async for aggregate in found]
