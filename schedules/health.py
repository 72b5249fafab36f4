"""The health check: what customers' calls showed, and where they are silent our own questions."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from domain.errors import Unavailable
from domain.health import (
    REMEMBERED,
    ComponentState,
    HealthReport,
    News,
    Sighting,
    Sort,
    Status,
    Thresholds,
    Watched,
    judge,
    overall,
    probe_due,
    speaks_against,
)
from domain.ports import Clock
from llm.failures import ModelFailure
from schedules.alerts import Alerts

EVERY_S: Final = 60.0
SPARE_S: Final = 5.0

log = structlog.get_logger(__name__)

Ask = Callable[[], Awaitable[str]]
"""Asks a component; returns a complaint, "" when there is none. Raising is a complaint too."""


class Book(Protocol):
    """What the check needs of the ledger. Every verb raises Unavailable."""

    async def recall(self) -> Mapping[str, ComponentState]: ...

    async def attempts(self, watched: Watched, since: datetime) -> Sequence[Sighting]: ...

    async def keep(self, report: HealthReport) -> None: ...


@dataclass(frozen=True, slots=True)
class Component:
    """Something to look at. It is asked when nothing was seen of it for `idle`, None: always.

    `costs`: asking is paid for.
    """

    watched: Watched
    ask: Ask
    idle: timedelta | None = None
    costs: bool = False


@dataclass(frozen=True, slots=True)
class HealthParts:
    """`direct_only` says whether a human has taken OpenRouter out of the chain."""

    book: Book
    components: Sequence[Component]
    alerts: Alerts
    thresholds: Thresholds
    clock: Clock
    direct_only: Callable[[], Awaitable[bool]]


async def check_health(parts: HealthParts) -> HealthReport:
    """Look at everything, write it down, and tell what is news. Raises Unavailable."""
    now = parts.clock.now()
    known = await parts.book.recall()
    direct_only = await parts.direct_only()
    components = [_as_configured(component, direct_only) for component in parts.components]
    states = await asyncio.gather(
        *(
            _look(parts, component, known.get(component.watched.name), now)
            for component in components
        )
    )
    report = HealthReport(status=overall(states), checked_at=now, components=tuple(states))
    await parts.book.keep(report)
    await parts.alerts.tell(report)
    return report


def _as_configured(component: Component, direct_only: bool) -> Component:  # noqa: FBT001 - read once, passed once
    if not direct_only or component.watched.sort is not Sort.MODEL:
        return component
    absent = component.watched.model_copy(update={"enabled": False})
    return replace(component, watched=absent)


async def _look(
    parts: HealthParts, component: Component, before: ComponentState | None, now: datetime
) -> ComponentState:
    watched = component.watched

    def state_after(seen: Sequence[Sighting]) -> ComponentState:
        return judge(watched, seen, before=before, thresholds=parts.thresholds, now=now)

    if not watched.enabled:
        return state_after(())
    seen = await _seen_before(parts.book, watched, before, now)
    if _is_due(component, state_after(seen), now):
        seen.append(await _ask(parts, component, now))
    return state_after(seen)


def _is_due(component: Component, state: ComponentState, now: datetime) -> bool:
    if component.idle is None:
        return True
    return probe_due(state, now=now, idle=component.idle, costs=component.costs)


async def _seen_before(
    book: Book, watched: Watched, before: ComponentState | None, now: datetime
) -> list[Sighting]:
    """Return customers' attempts and our own earlier questions; another model has another past."""
    probes = before.probes if before and before.watched.model == watched.model else ()
    attempts = await book.attempts(watched, now - REMEMBERED) if watched.model else ()
    return [*attempts, *probes]


async def _ask(parts: HealthParts, component: Component, now: datetime) -> Sighting:
    """Ask within the latency threshold and some seconds more, to tell slow from silent."""
    started = parts.clock.monotonic()
    try:
        async with asyncio.timeout(ask_seconds(parts.thresholds) + SPARE_S):
            note = await component.ask()
        ok = not note
    except ModelFailure as failure:
        note, ok = failure.kind.value, not speaks_against(failure.outcome)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not healthy
        note, ok = type(error).__name__, False
    latency_ms = round((parts.clock.monotonic() - started) * 1000)
    return Sighting(at=now, ok=ok, latency_ms=latency_ms, probe=True, note=note)


def ask_seconds(thresholds: Thresholds) -> float:
    """Return how long one question to a model may take."""
    return thresholds.max_latency_ms / 1000 + SPARE_S


class Watch:
    """The second line behind the clock's ticks, which Redis carries: it needs no Redis.

    And it is the one to say that MongoDB is away, since nobody can take the check on then; every
    process that runs it says so once.
    """

    def __init__(
        self, check: Callable[[], Awaitable[str]], *, alerts: Alerts, clock: Clock, patience: int
    ) -> None:
        self._check = check
        self._alerts = alerts
        self._clock = clock
        self._patience = patience
        self._misses = 0

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        try:
            await self._check()
        except Unavailable:
            self._misses += 1
            if self._misses == self._patience:
                await self._say(News.RAISED, Status.UNHEALTHY, "no answer")
        except Exception as error:  # noqa: BLE001 - the next look may fare better
            log.error("health_check_failed", error=type(error).__name__)  # noqa: TRY400 - the text may quote addresses
        else:
            if self._misses >= self._patience:
                await self._say(News.CLEARED, Status.HEALTHY, "")
            self._misses = 0

    async def _say(self, news: News, status: Status, detail: str) -> None:
        now = self._clock.now()
        mongodb = Watched(name="mongodb", sort=Sort.SERVICE)
        state = ComponentState(
            watched=mongodb, status=status, detail=detail, since=now, checked_at=now
        )
        await self._alerts.say(news, state, overall=overall([state]))
