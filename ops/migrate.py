"""`pferdewert migrate`: the schema of the ledger's collections."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import RenderableType

from ledger.migrations import migrate, roll_back, status
from ops.printing import AsJson, help_end, show, table
from ops.running import Desk, run

app = typer.Typer(no_args_is_help=True, help="The schema of the ledger's collections.")


class StepLine(BaseModel):
    """`complete` is false while the site's data stand in the way of a unique index."""

    name: str
    applied_at: datetime | None
    complete: bool


class Schema(BaseModel):
    """Where the schema stands, and the steps that this command ran."""

    database: str
    ran: list[str]
    steps: list[StepLine]


@app.command(epilog=help_end("pferdewert migrate up"))
def up(*, as_json: AsJson = False) -> None:
    """Apply what is pending. Every process does this at its start; repeating it does nothing."""

    async def act(desk: Desk) -> Schema:
        await desk.connection.check_replica_set()
        return await _schema(desk, await migrate(desk.connection))

    show(run(act), render, as_json=as_json)


@app.command(epilog=help_end("pferdewert migrate down --steps 1 --yes"))
def down(
    *,
    steps: Annotated[int, typer.Option(min=1, help="How many of the newest to undo.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Undo the newest migrations: indexes and validators go, data stays.

    Stop web and workers first: they apply everything again at their start, and without its
    unique index one order could be worked for twice.
    """
    if not yes:
        typer.confirm(f"Undo {steps} migration(s)?", abort=True, err=True)

    async def act(desk: Desk) -> Schema:
        return await _schema(desk, await roll_back(desk.connection, steps=steps))

    show(run(act), render, as_json=as_json)


@app.command("status", epilog=help_end("pferdewert migrate status"))
def status_(*, as_json: AsJson = False) -> None:
    """Show which migrations are applied."""

    async def gather(desk: Desk) -> Schema:
        return await _schema(desk, [])

    show(run(gather), render, as_json=as_json)


async def _schema(desk: Desk, ran: list[str]) -> Schema:
    steps = await status(desk.connection)
    return Schema(
        database=desk.connection.name,
        ran=ran,
        steps=[
            StepLine(name=step.name, applied_at=step.applied_at, complete=step.complete)
            for step in steps
        ],
    )


def render(report: Schema) -> Iterator[RenderableType]:
    for name in report.ran:
        yield f"Done: {name}"
    rows = [(step.name, step.applied_at, _word(step)) for step in report.steps]
    yield table(f"Migrations of {report.database}", ("step", "applied", "state"), rows)


def _word(step: StepLine) -> str:
    if step.applied_at is None:
        return "pending"
    return "complete" if step.complete else "in part: duplicates in the site's data"
