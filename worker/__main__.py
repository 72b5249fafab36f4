"""`python -m worker`: one worker process."""

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Final, NoReturn

import structlog

from config.loading import SettingsError
from config.settings import Settings
from config.startup import begin, refuse
from ledger.connection import LedgerMisconfigured
from worker.program import LEAVING_SIGNALS, run
from worker.runtime import Runtime, new_owner
from worker.wiring import make_app, make_runtime

FAREWELL_SECONDS: Final = 5.0

log = structlog.get_logger("worker")


def main() -> int:
    """Work until SIGTERM; return 0 after an orderly end. Waits for MongoDB and for Redis."""
    settings = begin("worker")
    for name in LEAVING_SIGNALS:
        signal.signal(name, _leave_at_once)
    try:
        return _work(settings, new_owner())
    except LedgerMisconfigured as error:
        refuse(SettingsError(str(error)))


def _work(settings: Settings, owner: str) -> int:
    runtime = make_runtime(settings, owner=owner)
    runtime.start()
    host, _, start = owner.partition(":")
    threading.Thread(target=_see_off, args=(runtime,), daemon=True).start()
    try:
        return run(
            make_app(settings, runtime),
            runtime,
            concurrency=settings.worker_concurrency,
            hostname=f"worker.{start.replace(':', '.')}@{host}",
        )
    finally:
        runtime.close()
        log.info("worker_ended", owner=owner)


def _see_off(runtime: Runtime) -> None:
    """Bound what Celery does after the last job: with a frozen Redis it takes 40 s to give up."""
    runtime.wait_until_ended()
    time.sleep(FAREWELL_SECONDS)
    log.warning("celery_left_behind", after_s=FAREWELL_SECONDS)
    os._exit(0)


def _leave_at_once(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Nothing is in hand before the consumer starts."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
