"""The chores behind the timetable."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from config.settings import Settings
from doorbell.names import ClockTask
from ledger.connection import Connection, connect
from schedules.chores import Tools, make_chores, periods, switched_off
from schedules.timetable import TIMETABLE, timed
from tests.fakes.clock import FakeClock

KEY = SecretStr("rk_test_sandbox")


def settings(**changes: Any) -> Settings:
    return Settings(
        mongodb_uri=SecretStr("mongodb://127.0.0.1:1/test"),
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
        openrouter_api_key=SecretStr("sk-or-v1-test"),
        **changes,
    )


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = connect("mongodb://127.0.0.1:1/test", app_name="tests")
    yield connection
    connection.close()


async def test_every_line_of_the_clock_has_a_chore(connection: Connection) -> None:
    """A line in the table without one in the wiring would end the process at its start."""
    tools = Tools(settings(), connection, FakeClock(), AsyncExitStack())
    chores = make_chores(tools)
    assert {e.task for e in TIMETABLE if isinstance(e.task, ClockTask)} <= set(chores)


async def test_aggregation_is_due_at_the_hour_of_the_settings(connection: Connection) -> None:
    """DAILY_AGGREGATION_HOUR, in UTC, and once a day."""
    tools = Tools(settings(daily_aggregation_hour=5), connection, FakeClock(), AsyncExitStack())
    since = make_chores(tools)[ClockTask.AGGREGATE].since
    assert since is not None
    assert since() == datetime(2026, 11, 20, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "off"),
    [
        ({"stripe_api_key": KEY}, set()),
        ({"stripe_api_key": KEY, "enable_performance_tracking": False}, {ClockTask.AGGREGATE}),
        ({}, {ClockTask.RECONCILE}),
        ({"stripe_api_key": KEY, "stripe_livemode": True}, {ClockTask.RECONCILE}),
    ],
)
def test_switched_off(changes: dict[str, Any], off: set[ClockTask]) -> None:
    """No tracking, no aggregation; no key of our own mode, no reconciliation, with a warning."""
    told = settings(**changes)
    assert switched_off(told) == off
    lost = [warning for warning in told.warnings() if "webhook is lost" in warning]
    assert bool(lost) is (ClockTask.RECONCILE in off)


def test_the_reconciliation_keeps_the_time_of_the_settings() -> None:
    """RECONCILE_EVERY_MINUTES, fractions included."""
    told = settings(stripe_api_key=KEY, reconcile_every_minutes=0.5)
    timetable = {entry.task: entry.every_s for entry in timed(TIMETABLE, periods(told))}
    assert timetable[ClockTask.RECONCILE] == 30
    assert timetable[ClockTask.HEALTH] == 60
