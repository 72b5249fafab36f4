"""`pferdewert aggregate`: one day's figures by model, by hand."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Final

import typer
from pydantic import BaseModel
from rich.console import RenderableType

from ops.printing import AsJson, help_end, show
from ops.running import Desk, run
from schedules.aggregation import aggregate as aggregate_day

EPILOG: Final = help_end("pferdewert aggregate", "pferdewert aggregate --date 2026-11-19")


class Aggregated(BaseModel):
    """The UTC day whose figures stand in `model_performance` now."""

    day: date
    models: list[str]
    total_requests: int


def aggregate(
    *,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="UTC day; default: yesterday."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Aggregate one UTC day of ai_requests into model_performance. Safe to repeat."""

    async def act(desk: Desk) -> Aggregated:
        chosen = day.date() if day else desk.clock.now().date() - timedelta(days=1)
        summary = await aggregate_day(desk.connection, chosen)
        return Aggregated(
            day=summary.day,
            models=[model.model_id for model in summary.models],
            total_requests=summary.total_requests,
        )

    show(run(act), render, as_json=as_json)


def render(report: Aggregated) -> Iterator[RenderableType]:
    models = ", ".join(report.models) or "none"
    yield f"{report.day}: {report.total_requests} requests; models: {models}"
