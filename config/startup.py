"""The first thing every process does: read its settings, set up its log, say where it stands."""

import sys
from typing import Final

import structlog

from config.logging import configure_logging
from config.settings import Settings, SettingsError, load

EX_CONFIG: Final = 78
"""Exit code of a process whose environment does not add up (sysexits.h)."""


def begin(process: str) -> Settings:
    """Return checked settings with logging configured; exit with 78 and all faults otherwise."""
    try:
        settings = load()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log yet
        raise SystemExit(EX_CONFIG) from None
    configure_logging(settings.log_level, json_lines=settings.is_production)
    log = structlog.get_logger("config")
    log.info("process_starting", process=process, environment=settings.environment)
    for warning in settings.warnings():
        log.warning("settings_warning", process=process, warning=warning)
    return settings
