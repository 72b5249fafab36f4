"""Showing a report: the same model as JSON for machines and as tables for people."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

Report = TypeVar("Report", bound=BaseModel)

FURTHER_CODES: Final = ", 3 MongoDB does not answer, 78 the environment does not add up"

_PIPED_WIDTH: Final = 200
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def show(
    report: Report, render: Callable[[Report], Iterable[RenderableType]], *, as_json: bool
) -> None:
    """Print the report to standard output."""
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
        return
    console = make_console()
    for part in render(report):
        console.print(part)


def make_console() -> Console:
    """Return a console that does not squeeze tables when its output is piped."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Group:
    """Build a table under its title; cells are shown as they are, None as a dash."""
    built = Table(box=None, pad_edge=False)
    for column in columns:
        built.add_column(column, overflow="fold")
    for row in rows:
        built.add_row(*(Text(cell(value)) for value in row))
    return Group(Text(title, style="bold"), built)


def cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return moment(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def span(age: timedelta) -> str:
    """Spell a duration with its two largest useful units."""
    age = max(age, timedelta())
    days, hours, minutes = age // _DAY, age % _DAY // _HOUR, age % _HOUR // _MINUTE
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{age.seconds} s"


def help_end(
    *examples: str, codes: str = "0 done, 1 refused or failed", further: str = FURTHER_CODES
) -> str:
    """Return a command's epilog: examples, then what its exit codes mean."""
    shown = "\n\n".join(f"Example: {example}" for example in examples)
    return f"{shown}\n\nExit codes: {codes}, 2 wrong usage{further}."
