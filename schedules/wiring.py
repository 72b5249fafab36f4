"""Building the clock's process: the worker's runtime with chores in the place of jobs."""

import asyncio
import functools
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from celery import Celery

from config.clock import SystemClock
from config.settings import Settings
from domain.ports import Clock
from doorbell.app import make_celery
from doorbell.names import CLOCK_QUEUE, QUEUE, ClockTask
from doorbell.ringer import CeleryRinger
from ledger.connection import Connection, connect
from ledger.leases import SKIPPED, Leases
from schedules.chores import Chore, MakeChores, Tools
from schedules.timetable import Entry, beat_schedule
from worker.hands import IN_HAND, Hands
from worker.pulse import Pulse
from worker.runtime import REFUSED, Desk, OpenDesk, Runtime
from worker.wiring import prepare

GRACE_SECONDS: Final = 1.0
"""After SIGTERM a chore is handed back soon: whoever does it next begins where it is due."""

log = structlog.get_logger(__name__)


def make_runtime(
    settings: Settings, *, owner: str, entries: Iterable[Entry], make_chores: MakeChores
) -> Runtime:
    """Return the process's loop, not yet started. Raises LedgerMisconfigured."""
    connection = connect(settings.mongodb_uri, settings.mongodb_db, app_name="pferdewert-clock")
    log.info("database_chosen", database=connection.name)
    return Runtime(
        _Opener(settings, connection, owner, tuple(entries), make_chores).opener(),
        grace_s=GRACE_SECONDS,
        on_death=functools.partial(os.kill, os.getpid(), signal.SIGTERM),
    )


def make_app(settings: Settings, runtime: Runtime, entries: Iterable[Entry]) -> Celery:
    """Return the app whose worker turns the ticks for this process into chores."""
    url = settings.redis_url.get_secret_value()
    app = make_celery(url, name="clock", queues=(CLOCK_QUEUE,))
    for entry in entries:
        if isinstance(entry.task, ClockTask):
            _register(app, runtime, entry.task)
    return app


def _register(app: Celery, runtime: Runtime, name: ClockTask) -> None:
    @app.task(name=name, acks_late=True, ignore_result=True, shared=False)
    def chore(*_more: object, **_words: object) -> str:  # a newer beat may say more
        return runtime.chore(name)


def make_beat_app(settings: Settings, entries: Iterable[Entry]) -> Celery:
    """Return the app that publishes ticks, to the workers too."""
    url = settings.redis_url.get_secret_value()
    app = make_celery(url, name="beat", queues=(QUEUE, CLOCK_QUEUE))
    app.conf.beat_schedule = beat_schedule(entries)
    return app


@dataclass(frozen=True, slots=True)
class _Opener:
    settings: Settings
    connection: Connection
    owner: str
    entries: tuple[Entry, ...]
    make_chores: MakeChores

    def opener(self) -> OpenDesk:
        return asynccontextmanager(self._open)

    async def _open(self, hands: Hands) -> AsyncIterator[Desk]:
        clock = SystemClock()
        async with AsyncExitStack() as stack:
            stack.callback(self.connection.close)
            await prepare(self.connection, clock)
            bell = make_celery(self.settings.redis_url.get_secret_value(), name="clock-bell")
            ringer = CeleryRinger(bell)
            stack.push_async_callback(asyncio.to_thread, ringer.close)
            tools = Tools(self.settings, self.connection, clock, stack)
            chores = self.make_chores(tools)
            by_name = self._by_name(chores, hands, clock)
            yield Desk(
                work=_refuse,
                background=[
                    watch(do) for task, do in by_name.items() if (watch := chores[task].watch)
                ],
                chores={task.value: do for task, do in by_name.items()},
                pulse=Pulse(Unheard(), owner=self.owner, hands=hands, clock=clock),
                ringer=ringer,
            )

    def _by_name(
        self, chores: Mapping[ClockTask, Chore], hands: Hands, clock: Clock
    ) -> dict[ClockTask, Callable[[], Coroutine[Any, Any, str]]]:
        leases = Leases(self.connection, clock, holder=self.owner)
        return {
            entry.task: functools.partial(_do, entry, chores[entry.task], leases, hands)
            for entry in self.entries
            if isinstance(entry.task, ClockTask)
        }


class Unheard:
    """Implements `domain.ports.Presence`: nobody waits for a process that owns no jobs."""

    async def beat(self, owner: str, *, holding: Collection[str]) -> None:
        """Tell nobody."""

    async def leave(self, owner: str) -> None:
        """Tell nobody."""


async def _do(entry: Entry, chore: Chore, leases: Leases, hands: Hands) -> str:
    """Do one chore in hand, so that leaving waits for it and hands it back."""
    outcome: str = IN_HAND
    if entry.task not in hands:
        async with hands.holding(entry.task):
            outcome = await _do_leased(entry, chore, leases)
    # Most ticks find nothing to do, and saying so would be most of the log.
    say = log.debug if outcome in {SKIPPED, IN_HAND} else log.info
    say("chore_done", chore=entry.task, outcome=outcome)
    return outcome


async def _do_leased(entry: Entry, chore: Chore, leases: Leases) -> str:
    since = chore.since() if chore.since else None
    return await leases.run(entry.task, every_s=entry.every_s, since=since, work=chore.work)


async def _refuse(_job_id: str) -> str:
    """The clock works on no jobs."""
    return REFUSED
