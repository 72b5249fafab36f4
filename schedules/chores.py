"""What the clock's process does itself, by the names in the timetable."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from config.settings import Settings
from domain.acceptance import judge
from domain.ports import Clock
from doorbell.names import ClockTask, TaskName
from ledger.connection import Connection
from ledger.health import HealthBook
from ledger.metrics import MongoFigures
from ledger.performance import MongoPerformance
from ledger.proof import ProofBook
from ledger.reconciliation import ReconciliationBook
from ledger.retention import MongoRetention
from llm.http import make_client
from schedules.aggregation import catch_up
from schedules.health import Watch, check_health
from schedules.health_wiring import build_health, make_alerts
from schedules.proof import Prover
from schedules.reconciliation_wiring import build_reconciliation
from schedules.retention import ages_of, clean_up
from schedules.timetable import latest

ALERTS_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Tools:
    """What chores are built from. The stack closes what a chore opens."""

    settings: Settings
    connection: Connection
    clock: Clock
    stack: AsyncExitStack


Do = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Chore:
    """`work` does whatever is due and says in a word how it went; twice does no harm.

    With `since` it is done once after the moment that returns, otherwise once per period. `watch`
    makes a background that sees to it without ticks as well.
    """

    work: Do
    since: Callable[[], datetime] | None = None
    watch: Callable[[Do], Callable[[], Coroutine[Any, Any, None]]] | None = None


MakeChores = Callable[[Tools], Mapping[ClockTask, Chore]]


def make_chores(tools: Tools) -> Mapping[ClockTask, Chore]:
    """Build every chore of the timetable."""
    return {
        ClockTask.AGGREGATE: _aggregation(tools),
        ClockTask.HEALTH: _health(tools),
        ClockTask.RETENTION: _retention(tools),
        ClockTask.PROOF: Chore(build_proof(tools).work),
        ClockTask.RECONCILE: _reconciliation(tools),
    }


def switched_off(settings: Settings) -> frozenset[ClockTask]:
    """Return what the settings do not want done."""
    wanted = {
        ClockTask.AGGREGATE: settings.enable_performance_tracking,
        ClockTask.RECONCILE: settings.can_read_stripe,
    }
    return frozenset(task for task, is_wanted in wanted.items() if not is_wanted)


def periods(settings: Settings) -> Mapping[TaskName | ClockTask, float]:
    """Return the seconds between two ticks where the settings say them."""
    return {ClockTask.RECONCILE: settings.reconcile_every_minutes * 60}


def _health(tools: Tools) -> Chore:
    parts = build_health(tools.settings, tools.connection, tools.clock, tools.stack)

    async def work() -> str:
        return (await check_health(parts)).status

    def watch(do: Do) -> Callable[[], Coroutine[Any, Any, None]]:
        patience = parts.thresholds.failures_in_a_row
        return Watch(do, alerts=parts.alerts, clock=tools.clock, patience=patience).run

    return Chore(work, watch=watch)


def build_proof(tools: Tools) -> Prover:
    """Return the comparison of everything paid with everything delivered."""
    settings = tools.settings
    client = make_client(connect_timeout=settings.connect_s, max_connections=ALERTS_AT_ONCE)
    tools.stack.push_async_callback(client.aclose)
    health = HealthBook(tools.connection)
    return Prover(
        book=ProofBook(tools.connection),
        jobs=MongoFigures(tools.connection, tools.clock),
        health=health,
        alerts=make_alerts(settings, health, client, tools.clock),
        judge=judge,
        clock=tools.clock,
        patience=timedelta(minutes=settings.alert_undelivered_minutes),
        reconciled=ReconciliationBook(tools.connection, tools.clock).last_reconciliation,
    )


def _reconciliation(tools: Tools) -> Chore:
    if not tools.settings.can_read_stripe:
        return Chore(_nothing)
    reconciliation = build_reconciliation(
        tools.settings, tools.connection, tools.clock, tools.stack
    )
    return Chore(reconciliation.tick)


async def _nothing() -> str:
    """Without a key there is nothing to compare with."""
    return "off"


def _aggregation(tools: Tools) -> Chore:
    hour, now = tools.settings.daily_aggregation_hour, tools.clock.now
    days = MongoPerformance(tools.connection)
    return Chore(catch_up(days, hour=hour, now=now), since=lambda: latest(hour, now()))


def _retention(tools: Tools) -> Chore:
    """An hour behind the aggregation, which reads what this takes away."""
    hour, now = (tools.settings.daily_aggregation_hour + 1) % 24, tools.clock.now
    ledger = MongoRetention(tools.connection, tools.clock, ages_of(tools.settings))
    return Chore(clean_up(ledger), since=lambda: latest(hour, now()))
