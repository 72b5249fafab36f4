"""One formatter for our own lines and everybody else's."""

import logging
import sys
from collections.abc import Sequence
from typing import Final, TextIO

import structlog
from structlog.typing import Processor

_TOO_CHATTY: Final = (
    "aiohttp.access",
    "httpcore",
    "httpx",
    "pymongo",
    "sse_starlette",
    "stripe",
    "uvicorn.access",
)
_CELERY_REPEATS_ARGUMENTS: Final = ("celery.app.trace", "celery.worker.strategy")


def configure_logging(level: str, *, json_lines: bool, stream: TextIO | None = None) -> None:
    """Send every record of the process, ours or foreign, through one handler.

    JSON in production, readable columns elsewhere. Secrets and customer data are kept out by
    not being logged; foreign libraries that print arguments or bodies are turned down.
    """
    shared = _shared_processors()
    renderer: Sequence[Processor] = (
        (
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        )
        if json_lines
        else (
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The default one prints local variables, customers' words and keys among them.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        )
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=("task_id", "job_id"))],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in (*_TOO_CHATTY, *_CELERY_REPEATS_ARGUMENTS):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(capture=True)


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
