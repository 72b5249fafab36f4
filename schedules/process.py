"""The life of a process of the clock: beat in a thread, a small worker for its own ticks."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn

import structlog

from config.loading import SettingsError
from config.settings import Settings
from config.startup import refuse
from ledger.connection import LedgerMisconfigured
from schedules.beat import Beat
from schedules.chores import MakeChores
from schedules.timetable import Entry
from schedules.wiring import make_app, make_beat_app, make_runtime
from worker.program import LEAVING_SIGNALS, run
from worker.runtime import Runtime, new_owner

CHORES_AT_ONCE: Final = 8
FAREWELL_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


def keep_time(settings: Settings, entries: Sequence[Entry], make_chores: MakeChores) -> int:
    """Tick and do chores until SIGTERM; return 0. Waits for MongoDB and for Redis."""
    for name in LEAVING_SIGNALS:
        signal.signal(name, _leave_at_once)
    owner = new_owner()
    try:
        runtime = make_runtime(settings, owner=owner, entries=entries, make_chores=make_chores)
        runtime.start()
    except LedgerMisconfigured as error:
        refuse(SettingsError(str(error)))
    threading.Thread(target=_see_off, args=(runtime,), daemon=True).start()
    beat = Beat(make_beat_app(settings, entries))
    beat.start()
    host, _, start = owner.partition(":")
    hostname = f"clock.{start.replace(':', '.')}@{host}"
    app = make_app(settings, runtime, entries)
    try:
        return run(app, runtime, concurrency=CHORES_AT_ONCE, hostname=hostname)
    finally:
        beat.stop()
        runtime.close()
        log.info("clock_ended", owner=owner)


def _see_off(runtime: Runtime) -> None:
    """Bound what is left after the last chore: Celery's farewell, a query nobody waits for."""
    runtime.wait_until_ended()
    time.sleep(FAREWELL_SECONDS)
    os._exit(0)


def _leave_at_once(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Nothing is in hand before the consumer starts."""
    raise SystemExit(0)
