"""Celery's worker program with our way of starting and leaving."""

import signal
import time
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any, Final, Protocol

import structlog
from celery import Celery, signals
from celery.apps.worker import Worker
from celery.worker import WorkController, state
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu import Connection
from redis.exceptions import ResponseError

from doorbell.junk import PATH

LEAVING_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
SAY_EVERY: Final = 30
REFUSED_PAUSE_S: Final = 1.0
EVENTS_S: Final = 0.5
"""So long may what Flower shows be behind."""

log = structlog.get_logger(__name__)


class Leaves(Protocol):
    """What must be told about the end. Both must be safe to call in a signal handler."""

    def drain(self) -> None: ...

    def hurry(self) -> None: ...


def run(app: Celery, runtime: Leaves, *, concurrency: int, hostname: str) -> int:
    """Consume until a signal; return the exit code, 0 after an orderly end."""
    signals.setup_logging.connect(_keep_our_logging, weak=False)
    app.conf.broker_transport = PATH
    worker = _program(runtime)(
        app=app,
        hostname=hostname,
        pool_cls="threads",
        concurrency=concurrency,
        consumer_cls=EagerConsumer,
        task_events=True,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    )
    worker.start()
    return worker.exitcode or 0


class EagerConsumer(Consumer):
    """Looks for a lost broker every second: Celery's pauses widen to 30 s of waiting customers."""

    hub: Any
    _flush_events: Callable[[], None]
    _flush_at = float("-inf")

    def ensure_connected(self, conn: Connection) -> Connection:
        misses = count()

        def say(error: Exception, _interval: float) -> None:
            if next(misses) % SAY_EVERY == 0:
                log.warning("waiting_for_redis", broker=conn.as_uri(), error=type(error).__name__)

        # Without `max_retries` it goes on for ever.
        conn.ensure_connection(say, interval_start=1, interval_step=0, callback=maybe_shutdown)
        self.first_connection_attempt = False
        return conn

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # the stubs are wrong
        """Have the loop see to a pool thread's event at its next turn, two seconds at most.

        Celery adds without the lock, and the loop replaces the set meanwhile. `call_soon` would
        lock, but also wake the loop for every single event.
        """
        if self.hub:
            with self.hub._ready_lock:  # noqa: SLF001 - as Celery, with the lock that it forgot
                self.hub._ready.add(self._flush_soon)  # noqa: SLF001 - see above

    def _flush_soon(self) -> None:
        """Publish many events at once: a message costs as much as the work on a job's events.

        A flush that a reset of the loop forgot is planned again by the next event.
        """
        if (now := time.monotonic()) >= self._flush_at:
            self._flush_at = now + EVENTS_S
            self.hub.call_later(EVENTS_S, self._flush_events)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Pause where Redis is there and refuses: it would refuse again at once."""
        super().on_connection_error_after_connected(exc)
        if isinstance(exc, ResponseError):
            log.error("redis_refuses", error=type(exc).__name__)
            time.sleep(REFUSED_PAUSE_S)


def _program(runtime: Leaves) -> type[Worker]:
    class JobWorker(Worker):
        def install_platform_tweaks(self, worker: WorkController) -> None:  # noqa: ARG002 - Celery's signature
            """Replace Celery's handlers: its SIGINT ends with 1, its SIGHUP re-executes argv."""
            presses = iter([runtime.drain])

            def leave(_signal: int, _frame: FrameType | None) -> None:
                next(presses, runtime.hurry)()
                state.should_stop = 0  # type: ignore[assignment]  # the stubs know its start only

            for name in LEAVING_SIGNALS:
                signal.signal(name, leave)

        def on_close(self) -> None:
            # Whatever ends the consumer, the pool is joined next: its jobs must come to an end.
            runtime.drain()
            super().on_close()

    return JobWorker


def _keep_our_logging(**_: Any) -> None:
    """Exist: a receiver of this signal is what keeps Celery from installing its own handlers."""
