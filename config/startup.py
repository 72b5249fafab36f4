"""The first thing every process does: read its settings, set up its log, say where it stands."""

import sys
from typing import Final, NoReturn

import structlog

from config.loading import SettingsError, load
from config.logging import configure_logging
from config.settings import Settings

EX_CONFIG: Final = 78
"""Exit code of a process whose environment does not add up (sysexits.h)."""


def begin(process: str) -> Settings:
    """Return checked settings with logging configured; exit with 78 and all faults otherwise."""
    try:
        settings = load()
    except SettingsError as error:
        refuse(error)
    configure_logging(settings.log_level, json_lines=settings.is_production)
    log = structlog.get_logger("config")
    log.info("process_starting", process=process, environment=settings.environment)
    for warning in settings.warnings():
        log.warning("settings_warning", process=process, warning=warning)
    return settings


def refuse(error: SettingsError) -> NoReturn:
    """End the process with the fault as its last words."""
    sys.stderr.write(f"{error}\n")
    raise SystemExit(EX_CONFIG) from None
