"""Celery's beat in a thread: it publishes ticks and remembers nothing."""

import threading
from itertools import count
from typing import Any, Final

import structlog
from celery import Celery
from celery.beat import ScheduleEntry, Scheduler
from kombu import Connection

AGAIN_SECONDS: Final = 1.0
LONGEST_NAP: Final = 60
SAY_EVERY: Final = 30

log = structlog.get_logger(__name__)


class Beat:
    """Ticks by the app's `beat_schedule`, whatever Redis does; a tick that cannot be sent is lost.

    Celery's own service around the scheduler sleeps through a request to stop.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._leaving = threading.Event()
        # A daemon: while Redis is away it waits inside kombu.
        self._thread = threading.Thread(target=self._live, name="beat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin no further tick; does not wait for one under way."""
        self._leaving.set()

    def _live(self) -> None:
        while not self._leaving.is_set():
            try:
                self._tick(ForgetfulScheduler(self._app, max_interval=LONGEST_NAP))
            except Exception as error:  # noqa: BLE001 - a clock that stands still goes unnoticed
                log.critical("beat_failed", error=type(error).__name__)
                self._leaving.wait(AGAIN_SECONDS)

    def _tick(self, scheduler: Scheduler) -> None:
        while not self._leaving.is_set():
            self._leaving.wait(scheduler.tick())


class ForgetfulScheduler(Scheduler):
    """Keeps its times in memory and waits for Redis in steps of a second."""

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:  # noqa: BLE001 - the next tick asks for the same work
            log.warning("tick_lost", task=entry.task, error=type(error).__name__)

    def _ensure_connected(self) -> Connection:
        misses = count()

        def say(error: Exception, _interval: float) -> None:
            if next(misses) % SAY_EVERY == 0:
                log.warning("beat_waits_for_redis", error=type(error).__name__)

        # Without `max_retries` it goes on for ever.
        return self.connection.ensure_connection(say, interval_start=1, interval_step=0)
