"""What one job asks of the ledger, and where the worker's time goes."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from bench import contest
from bench.figures import Figure, Section, Table, Target
from bench.house import FOLDER, House
from bench.stacks import costs, functions

TRIPS_JOBS: Final = 40
TRIPS_FLIGHT: Final = 4
PROFILE_JOBS: Final = 800
PROFILE_S: Final = 8
# Each sample stops all threads; more of either measure py-spy.
PROFILE_RATE: Final = 40
PROFILE_FLIGHT: Final = 64
PROFILE_LATENCY_S: Final = 0.2
WRITES: Final = ("findAndModify", "update", "insert", "delete", "commitTransaction")
OURS: Final = ("worker/", "ledger/", "llm/", "domain/", "mail/", "doorbell/", "config/")


def measure_round_trips(house: House, *, quick: bool) -> Section:
    """Count what the real story sends to MongoDB for one order with both mails."""
    jobs = TRIPS_JOBS // 2 if quick else TRIPS_JOBS
    heat = contest.run(
        house, contest.STORY, flight=TRIPS_FLIGHT, jobs=jobs, latency_s=0.2, stream=True
    )
    sent = {command: number / jobs for command, number in heat.notes.get("commands", {}).items()}
    writes = sum(number for command, number in sent.items() if command.startswith(WRITES))
    rows = sorted(sent.items(), key=lambda cost: -cost[1])
    return Section(
        "roundtrips",
        "Ledger round trips per job of the real story, both mails sent",
        tables=[Table(("command", "per job"), rows)],
        figures=[
            Figure("writes per job", writes, "", Target(4)),
            Figure("reads per job", sum(sent.values()) - writes, ""),
        ],
        notes=["The rescue loop's looks at the ledger, one or two a second, are among them."],
    )


def measure_profile(house: House, *, quick: bool) -> Section:
    """Sample the real story and the shared body with py-spy; raw stacks stay in var/bench."""
    tables = []
    for contender in (contest.STORY, contest.OURS):
        raw = FOLDER / f"stacks-{contender.module.rpartition('.')[2]}.raw"
        jobs = PROFILE_JOBS if contender.story else 5 * PROFILE_JOBS
        _profile(house, contender, raw, jobs=jobs // 2 if quick else jobs)
        if raw.exists():
            tables += _tables(contender.name, raw)
    return Section(
        "profile",
        f"Where the time goes: py-spy, samples that hold the GIL, {PROFILE_RATE}/s",
        tables=tables,
        notes=[f"Raw stacks: {FOLDER}/stacks-*.raw" if tables else "py-spy could not attach."],
    )


def _profile(house: House, contender: contest.Contender, raw: Path, *, jobs: int) -> None:
    raw.unlink(missing_ok=True)

    def sample(process: subprocess.Popen[bytes], _notes: Path) -> None:
        spy = str(Path(sys.executable).with_name("py-spy"))
        command = [
            spy, "record", "--gil", "--rate", str(PROFILE_RATE), "--duration", str(PROFILE_S),
            "--format", "raw", "--output", str(raw), "--pid", str(process.pid),
        ]  # fmt: skip
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - our own

    contest.run(
        house,
        contender,
        flight=PROFILE_FLIGHT,
        jobs=jobs,
        stream=contender.story,
        latency_s=PROFILE_LATENCY_S,
        meanwhile=sample,
    )


def _tables(name: str, raw: Path) -> list[Table]:
    lines = raw.read_text("utf-8").splitlines()
    taken = sum(int(line.rpartition(" ")[2]) for line in lines)
    areas = [(cost.name, 100 * cost.share) for cost in costs(lines)]
    ours = [(cost.name, 100 * cost.share) for cost in functions(lines, of=OURS)[:20]]
    return [
        Table(
            ("area, by the frame nearest the leaf", "%"), areas, title=f"{name}, {taken} samples"
        ),
        Table(("our functions, with what they call", "%"), ours, title=name),
    ]
