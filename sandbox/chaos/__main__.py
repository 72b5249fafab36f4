"""`python -m sandbox.chaos`: break the whole system on purpose, judge from outside what is left."""

import argparse
import json
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from rich.console import Console

from sandbox.chaos.plan import OTHERS, SHORT, Blow, Step, make_plan
from sandbox.chaos.report import show
from sandbox.chaos.run import Options, Run
from sandbox.chaos.stories import Story, make_stories
from sandbox.servers import ServerError
from sandbox.stack import StackError

Json = dict[str, Any]

JOBS: Final = 10_000
KILLS: Final = 100
ROUNDS: Final = 2
SHORT_JOBS: Final = 300
SHORT_KILLS: Final = len(Step)
OPEN: Final = 150
SHORT_OPEN: Final = 40

_EPILOG: Final = """\
exit code: 0 all promises held, 1 a promise broke (data and logs are kept), 2 it did not start.
With 100 kills or more, no step of a job may be left out either.
The plan follows from --seed, --jobs, --kills, --workers, --beats, --rounds and --short alone;
give them again to see the same blows at the same marks. Timings never decide the exit code.
"""


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    console = Console(soft_wrap=True)
    console.print(f"seed {options.seed}")
    stories, plan = _prepare(options)
    if options.plan:
        for blow in plan:
            console.print(str(blow), markup=False, highlight=False)
        return 0
    signal.signal(signal.SIGTERM, _as_interrupt)
    run = Run(
        options=Options(
            seed=options.seed,
            workers=options.workers,
            beats=options.beats,
            concurrency=options.concurrency,
            rate=options.rate,
            most_open=options.open,
            stall_s=options.stall,
            members=options.members,
            keep=options.keep,
        ),
        stories=stories,
        plan=plan,
        say=lambda line: console.print(line, markup=False, highlight=False),
    )
    try:
        told = run.play()
    except KeyboardInterrupt:
        console.print(f"interrupted; data and logs are in {run.folder}")
        return 130
    except (StackError, ServerError) as error:
        console.print(f"{error}\nlogs are in {run.folder}", style="red", markup=False)
        return 2
    return _tell(console, options, told)


def _prepare(options: argparse.Namespace) -> tuple[Sequence[Story], Sequence[Blow]]:
    stories = make_stories(options.seed, options.jobs)
    plan = make_plan(
        options.seed,
        jobs=sum(story.jobs for story in stories),
        kills=options.kills,
        workers=options.workers,
        beats=options.beats,
        rounds=options.rounds,
        others=SHORT if options.short else OTHERS,
    )
    return stories, plan


def _tell(console: Console, options: argparse.Namespace, told: Json) -> int:
    show(console, told)
    if options.json:
        options.json.write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")
    if folder := told.get("folder"):
        console.print(f"data and logs are kept in {folder}", markup=False)
    missed = [step for step, count in told["steps_hit"].items() if not count]
    is_full = options.kills >= KILLS
    if missed and is_full:
        console.print(f"no worker died at: {', '.join(missed)}", style="red", markup=False)
    if told["breaches"] or (missed and is_full):
        console.print(f"FAILED; again with --seed {options.seed}", style="red", markup=False)
        return 1
    console.print("every promise held", style="green")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.chaos",
        description="Break the whole system on purpose and judge from outside what is left.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seed", type=int, help="default: a new one, printed first")
    add("--jobs", type=int, help=f"jobs that must come of the orders ({JOBS}; short {SHORT_JOBS})")
    add("--kills", type=int, help=f"kill -9 of workers ({KILLS}; short {SHORT_KILLS})")
    add("--rounds", type=int, help=f"how often each other fault falls ({ROUNDS}; short 1)")
    add("--short", action="store_true", help="a few minutes: fewer jobs, one fault of each kind")
    add("--workers", type=int, default=4, help="worker processes (%(default)s)")
    add("--beats", type=int, default=2, help="beat processes (%(default)s)")
    add("--members", type=int, choices=(1, 3), default=1, help="MongoDB nodes (%(default)s)")
    add("--concurrency", type=int, default=60, help="jobs in flight a worker (%(default)s)")
    add("--rate", type=float, default=120.0, help="orders a second at most (%(default)s)")
    add("--open", type=int, help=f"orders under way at most ({OPEN}; short {SHORT_OPEN})")
    add("--stall", type=float, default=120.0, help="seconds without any change (%(default)s)")
    add("--plan", action="store_true", help="print the blows and stop")
    add("--json", type=Path, metavar="FILE", help="write everything measured to FILE")
    add("--keep", action="store_true", help="keep data and logs in any case")
    options = parser.parse_args(argv)
    if options.seed is None:
        options.seed = secrets.randbelow(1_000_000)
    _fill_in(options)
    return options


def _fill_in(options: argparse.Namespace) -> None:
    short = (SHORT_JOBS, SHORT_KILLS, 1, SHORT_OPEN)
    defaults = short if options.short else (JOBS, KILLS, ROUNDS, OPEN)
    for name, default in zip(("jobs", "kills", "rounds", "open"), defaults, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, default)


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
