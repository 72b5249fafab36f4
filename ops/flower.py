"""Flower: a window on the jobs, read-only, never open, and nothing depends on it."""

import logging
import os
import secrets
from collections.abc import Callable
from typing import Final

import flower.options  # noqa: F401 - defines the options set below
import structlog
from celery import Celery
from pydantic import SecretStr
from tornado.options import options

from config.settings import Settings
from config.startup import begin
from doorbell.app import make_celery

# The job id with its kind first, then how it stands and what became of it.
COLUMNS: Final = "args,state,result,received,runtime,uuid,name,worker"
MAX_TASKS: Final = 20_000

log = structlog.get_logger(__name__)


def main() -> None:
    """Serve Flower until SIGTERM."""
    settings = begin("flower")
    _forget_environment()
    options.basic_auth = [_login(settings.flower_basic_auth)]
    app = make_celery(settings.redis_url.get_secret_value(), name="flower")
    # Its threads wait for replies from Redis and would hold up the exit; it has nothing to save.
    code = _serve(app, _flags(settings))
    logging.shutdown()
    os._exit(code)


def _serve(app: Celery, flags: list[str]) -> int:
    """Return the exit code: 0 after a signal, as asked."""
    try:
        _command_line(app)(["flower", *flags])
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
    except Exception:
        log.exception("flower_failed")
        return 1
    return 0


def _command_line(app: Celery) -> Callable[[list[str]], object]:
    """Celery's stubs say that this never returns; Flower's command does."""
    return app.start


def _flags(settings: Settings) -> list[str]:
    return [
        f"--address={settings.host}",
        f"--port={settings.flower_port}",
        f"--max_tasks={MAX_TASKS}",
        f"--tasks_columns={COLUMNS}",
        "--read_only=True",
        "--enable_events=True",
        "--purge_offline_workers=600",
        "--logging=none",
    ]


def _login(configured: SecretStr | None) -> str:
    """Return the one login. Without a configured one it is a secret that nobody knows."""
    if configured is not None:
        return configured.get_secret_value()
    log.warning("flower_locked", hint="set FLOWER_BASIC_AUTH=user:password to log in")
    return f"locked:{secrets.token_urlsafe(32)}"


def _forget_environment() -> None:
    """Keep Flower from reading FLOWER_* itself: it ends on names that it does not know."""
    for name in [name for name in os.environ if name.startswith("FLOWER_")]:
        del os.environ[name]


if __name__ == "__main__":
    main()
