"""`python -m bench`: measure what the shop's performance rests on."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bench import jobs, orders, profiling, upkeep, webhook
from bench.figures import Section, Verdict
from bench.house import FOLDER, BenchError, House
from bench.report import machine, show, write

Measure = Callable[..., Section]

MEASURES: Final[dict[str, Measure]] = {
    "jobs": jobs.measure,
    "roundtrips": profiling.measure_round_trips,
    "webhook": webhook.measure,
    "latency": orders.measure_latency,
    "rescue": orders.measure_rescue,
    "startup": upkeep.measure_startup,
    "memory": upkeep.measure_memory,
    "aggregation": upkeep.measure_aggregation,
}
PROFILE: Final = "profile"
FILE_WIDTH: Final = 140


def main(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"One measurement: {', '.join(MEASURES)}, {PROFILE}. May be repeated."),
    ] = None,
    quick: Annotated[bool, typer.Option(help="The heart of each in about three minutes.")] = False,
    profile: Annotated[
        bool, typer.Option(help="Sample the worker with py-spy as well; not part of a full run.")
    ] = False,
    memory_jobs: Annotated[
        int | None, typer.Option(min=100, help="Jobs of the memory run; 50000 take 18 minutes.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the JSON.", show_default="var/bench")
    ] = FOLDER,
) -> None:
    """Measure on this machine, with servers of its own, in at most ten minutes.

    Figures of different runs or machines do not compare: read the ratios, which are taken against
    a floor, a bare route or a peer in the same run. Stop what else needs the cores.

    Exit code 0 when everything was measured, whatever came of the targets; 1 when something did
    not come up; 2 for a name that does not exist.
    """
    measures = MEASURES | {
        PROFILE: profiling.measure_profile,
        "memory": partial(upkeep.measure_memory, jobs=memory_jobs),
    }
    names = only or [*MEASURES, *([PROFILE] if profile else [])]
    if unknown := [name for name in names if name not in measures]:
        raise typer.BadParameter(f"no such measurement: {', '.join(unknown)}")
    console = Console()
    run(
        console if console.is_terminal else Console(width=FILE_WIDTH),
        {name: measures[name] for name in names},
        quick=quick,
        out=out,
    )


def run(console: Console, measures: dict[str, Measure], *, quick: bool, out: Path) -> None:
    about, sections = machine(), list[Section]()
    console.print(f"{about['cores']} cores, load {about['load_before']}, Python {about['python']}")
    try:
        with House(announce=lambda line: console.print(f"· {line}", style="dim")) as house:
            for name, measure in measures.items():
                house.announce(name)
                sections.append(measure(house, quick=quick))
                show(console, sections[-1])
    except BenchError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    finally:
        if sections:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            path = write(out, stamp, about | {"quick": quick}, sections)
            console.print(f"written to {path}", markup=False, highlight=False)
    verdicts = Counter(figure.verdict for section in sections for figure in section.figures)
    console.print(f"targets: {verdicts[Verdict.MET]} met, {verdicts[Verdict.MISSED]} missed")


if __name__ == "__main__":
    typer.run(main)
