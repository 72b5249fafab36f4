"""Which days the daily aggregation looks at, and what it does with them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unavailable
from ledger.performance import DaySummary
from schedules.aggregation import LOOK_BACK_DAYS, catch_up, window

NOW = datetime(2026, 11, 20, 2, 3, tzinfo=UTC)


class Days:
    """Days with news; one may be refused by the ledger."""

    def __init__(self, *stale: date, refused: date | None = None) -> None:
        self.stale = list(stale)
        self.refused = refused
        self.asked: list[tuple[date, date]] = []
        self.done: list[date] = []

    async def stale_days(self, first: date, last: date) -> list[date]:
        self.asked.append((first, last))
        return self.stale

    async def aggregate_day(self, day: date) -> DaySummary:
        if day == self.refused:
            raise Unavailable("MongoDB did not answer")
        self.done.append(day)
        return DaySummary(day, ())


async def test_every_day_with_news_is_aggregated() -> None:
    """Days that were missed come first, the day that ended last."""
    days = Days(date(2026, 11, 2), date(2026, 11, 19))
    assert await catch_up(days, hour=2, now=lambda: NOW)() == "aggregated 2"
    assert days.done == days.stale


@pytest.mark.parametrize(
    ("now", "last"),
    [(NOW, date(2026, 11, 19)), (NOW - timedelta(hours=1), date(2026, 11, 18))],
)
async def test_the_running_day_is_left_alone(now: datetime, last: date) -> None:
    """At the hour the day before had ended; before the hour it is not its turn yet."""
    days = Days()
    await catch_up(days, hour=2, now=lambda: now)()
    [(first, until)] = days.asked
    assert (until, (until - first).days + 1) == (last, LOOK_BACK_DAYS)


async def test_a_failure_is_raised() -> None:
    """The lease records it and the next tick looks again; what is done stays done."""
    days = Days(date(2026, 11, 18), date(2026, 11, 19), refused=date(2026, 11, 19))
    with pytest.raises(Unavailable):
        await catch_up(days, hour=2, now=lambda: NOW)()
    assert days.done == [date(2026, 11, 18)]


@given(due=st.floats(0, 4e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_the_window_ends_before_it_is_due(due: datetime) -> None:
    """Every day in it is over."""
    first, last = window(due)
    assert last < due.date()
    assert first < last
