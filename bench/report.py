"""The measurements as tables for people and as JSON for machines."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table as RichTable

from bench.figures import Figure, Section, Table, Verdict, three_digits

_COLOURS: Final = {Verdict.MET: "green", Verdict.MISSED: "red", Verdict.UNKNOWN: "yellow"}


def machine() -> dict[str, Any]:
    """Say on what was measured, and how busy it was with other things."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": psutil.cpu_count(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def show(console: Console, section: Section) -> None:
    console.rule(f"[bold]{section.title}")
    for table in section.tables:
        console.print(_rich(table))
    if section.figures:
        console.print(_targets(section.figures))
    for note in section.notes:
        console.print(note, markup=False, highlight=False)


def write(folder: Path, name: str, about: dict[str, Any], sections: Sequence[Section]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    document = about | {"sections": [section.as_json() for section in sections]}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False), "utf-8")
    return path


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title or None, title_justify="left")
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="right" if number else "left")
    for row in table.rows:
        shown.add_row(*(cell if isinstance(cell, str) else three_digits(cell) for cell in row))
    return shown


def _targets(figures: Sequence[Figure]) -> RichTable:
    shown = RichTable("figure", "value", "target", "", title="Targets", title_justify="left")
    for figure in figures:
        colour = _COLOURS.get(figure.verdict, "default")
        shown.add_row(
            figure.name,
            f"{three_digits(figure.value)} {figure.unit}".strip(),
            str(figure.target or ""),
            f"[{colour}]{figure.verdict.value}[/{colour}]",
        )
    return shown
