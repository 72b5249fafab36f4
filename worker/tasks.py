"""The Celery tasks: a ring becomes a look at the ledger, a tick becomes a chore."""

from typing import Any, Final, Protocol

import structlog
from celery import Celery

from domain.job import is_job_id
from doorbell.names import TaskName

MALFORMED: Final = "malformed"

log = structlog.get_logger(__name__)


class Works(Protocol):
    def work(self, job_id: str) -> str: ...

    def chore(self, name: str) -> str: ...


def register(app: Celery, runtime: Works) -> None:
    """Make `app` answer rings and ticks with `runtime`.

    Whatever else the messages of a newer build say is passed over: the ledger knows better.
    """
    # Shared is Celery's default and would hand the tasks to every other app of the process.
    options: dict[str, Any] = {"acks_late": True, "ignore_result": True, "shared": False}

    @app.task(name=TaskName.WORK, **options)
    def work(job_id: object = None, *_more: object, **_words: object) -> str:
        if not isinstance(job_id, str) or not is_job_id(job_id):
            log.warning("ring_malformed")
            return MALFORMED
        return runtime.work(job_id)

    @app.task(name=TaskName.SWEEP, **options)
    def sweep(*_more: object, **_words: object) -> str:
        return runtime.chore(TaskName.SWEEP)
