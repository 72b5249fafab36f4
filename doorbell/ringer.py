"""Ringing: one job id onto the queue, best effort, without ever holding up the caller."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import structlog
from celery import Celery
from kombu import Connection

from doorbell.names import QUEUE, TaskName

PUBLISH_SECONDS: Final = 0.8
DEPTH_SECONDS: Final = 0.4
QUIET_SECONDS: Final = 1.0
BACKLOG: Final = 1000

log = structlog.get_logger(__name__)


class CeleryRinger:
    """Publishes job ids from a thread of its own; implements `domain.ports.Ringer`.

    A ring that cannot be published at once is dropped and counted: the rescue loop rings again.
    After a failure nothing is tried for `quiet` seconds, so that a dead Redis costs nothing.
    """

    def __init__(
        self,
        app: Celery,
        *,
        quiet: float = QUIET_SECONDS,
        backlog: int = BACKLOG,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._quiet = quiet
        self._backlog = threading.BoundedSemaphore(backlog)
        self._monotonic = monotonic
        self._quiet_until = float("-inf")
        self._closed = False
        self._bell = _connection(app, seconds=PUBLISH_SECONDS)
        self._gauge = _connection(app, seconds=DEPTH_SECONDS)
        # Two threads, so that a publish that hangs does not hide the queue's depth.
        self._publisher = ThreadPoolExecutor(1, thread_name_prefix="doorbell")
        self._measurer = ThreadPoolExecutor(1, thread_name_prefix="doorbell-depth")
        self.published = 0
        self.failed = 0
        self.dropped = 0

    def ring(self, job_id: str) -> None:
        """Hand the id to the publishing thread; returns at once, whatever Redis does."""
        if self._closed or self._is_quiet() or not self._backlog.acquire(blocking=False):
            self.dropped += 1
            return
        try:
            self._publisher.submit(self._publish, job_id)
        except RuntimeError:  # closed by another thread just now
            self._backlog.release()
            self.dropped += 1

    async def depth(self) -> int | None:
        """Return about how many messages wait, or None when Redis does not say so in time."""
        if self._closed:
            return None
        try:
            asked = asyncio.get_running_loop().run_in_executor(self._measurer, self._measure)
            return await asyncio.wait_for(asked, DEPTH_SECONDS + 0.1)
        except (TimeoutError, RuntimeError):
            return None

    def close(self) -> None:
        """Publish what is in the backlog, if Redis is there, and end both threads."""
        self._closed = True
        for executor in (self._publisher, self._measurer):
            executor.shutdown(wait=True)
        self._bell.close()
        self._gauge.close()

    def _is_quiet(self) -> bool:
        return self._monotonic() < self._quiet_until

    def _publish(self, job_id: str) -> None:
        try:
            if self._is_quiet():
                self.dropped += 1
                return
            self._app.send_task(
                TaskName.WORK,
                args=(job_id,),
                queue=QUEUE,
                connection=self._bell,
                retry=False,
                ignore_result=True,
            )
            self.published += 1
        except Exception as error:  # noqa: BLE001 - a bell must never break the house
            self._fell_silent(error)
        finally:
            self._backlog.release()

    def _fell_silent(self, error: Exception) -> None:
        self.failed += 1
        self._quiet_until = self._monotonic() + self._quiet
        self._bell.close()
        log.warning("ring_failed", error=type(error).__name__, failed=self.failed)

    def _measure(self) -> int | None:
        try:
            channel: Any = self._gauge.default_channel
            return int(channel.client.llen(QUEUE))
        except Exception:  # noqa: BLE001 - not to know is the answer
            self._gauge.close()
            return None


def _connection(app: Celery, *, seconds: float) -> Connection:
    """Return a lazy connection that fails instead of waiting, apart from the worker's own pool.

    Without `max_retries` here kombu retries a refused connection for seconds even if the publish
    itself asked for no retry.
    """
    options: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds / 2,
        "max_retries": 0,
    }
    return app.connection_for_write(transport_options=options)
