"""One contender, one number of jobs in flight: fill its queue, let it work, read its notes."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bench.figures import ceiling_share
from bench.house import ROOT, House
from bench.probe import Orders
from bench.venvs import peer_python

GIVE_UP_S: Final = 75.0
LATENCY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Contender:
    """`module` answers `fill` and `serve`; a `peer` runs in an environment of its own."""

    name: str
    module: str
    peer: str = ""
    story: bool = False


FLOOR: Final = Contender("no queue (floor)", "bench.contenders.floor_body")
OURS: Final = Contender("ours: Celery threads, one loop", "bench.contenders.celery_body")
PREFORK: Final = Contender("Celery prefork, loop per job", "bench.contenders.prefork_body")
TASKIQ: Final = Contender("taskiq (streams)", "bench.peers.taskiq_worker", peer="taskiq")
ARQ: Final = Contender("arq", "bench.peers.arq_worker", peer="arq")
DRAMATIQ: Final = Contender("dramatiq (asyncio)", "bench.peers.dramatiq_worker", peer="dramatiq")
STORY: Final = Contender("real story, our worker", "bench.contenders.story", story=True)
STORY_FLOOR: Final = Contender("real story, no queue", "bench.contenders.floor_story", story=True)


@dataclass(frozen=True, slots=True)
class Heat:
    """How one contender did. Everything is None that could not be measured."""

    contender: Contender
    flight: int
    stream: bool
    jobs: int
    latency_s: float
    notes: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""
    most_in_flight: int | None = None

    @property
    def cpu_ms(self) -> float | None:
        done = self.notes.get("done")
        return self.notes["cpu_s"] / done * 1000 if done else None

    @property
    def jobs_per_s(self) -> float | None:
        wall = self.notes.get("wall_s")
        return self.notes["done"] / wall if wall else None

    @property
    def share(self) -> float | None:
        return ceiling_share(
            jobs=self.notes.get("done", 0),
            flight=self.flight,
            latency_s=self.latency_s,
            after_first_wave_s=self.notes.get("after_first_wave_s"),
        )

    @property
    def mib_per_call(self) -> float | None:
        """Growth of the resident memory while all calls wait, per call."""
        full = self.notes.get("rss_full")
        return (full - self.notes["rss_first"]) / 2**20 / self.flight if full else None


def run(
    house: House,
    contender: Contender,
    *,
    flight: int,
    jobs: int,
    stream: bool = False,
    latency_s: float = LATENCY_S,
    spread: float = 0.0,
    meanwhile: Callable[[subprocess.Popen[bytes], Path], None] = lambda _process, _notes: None,
) -> Heat:
    """Measure one contender; trouble is part of the result, not an exception."""
    house.announce(f"{contender.name}: {jobs} jobs, {flight} in flight")
    python = _python_of(contender)
    empty = Heat(contender, flight, stream, jobs, latency_s)
    if python is None:
        return replace(empty, trouble="not installed")
    house.new_database()
    house.models_take(latency_s, spread=spread, stream=stream)
    orders = _prepare(house, contender, flight, jobs, stream=stream)
    env = house.settings(
        **orders.environment(),
        WORKER_CONCURRENCY=str(flight),
        LOG_LEVEL="INFO",
        PYTHONPATH=str(ROOT),
    )
    filled = house.start("fill", [str(python), "-m", contender.module, "fill"], env)
    if filled.wait(timeout=GIVE_UP_S) != 0:
        return replace(empty, trouble=house.log("fill")[-500:])
    name = contender.module.rpartition(".")[2]
    with house.process(name, [str(python), "-m", contender.module, "serve"], env) as process:
        notes = _await_end(process, orders, meanwhile)
    trouble = "" if notes.get("done") == jobs else f"only {notes.get('done', 0)} of {jobs} done"
    most = house.model_calls()["most_in_flight"]
    return replace(empty, notes=notes, trouble=trouble, most_in_flight=most)


def _python_of(contender: Contender) -> Path | None:
    return peer_python(contender.peer) if contender.peer else Path(sys.executable)


def _prepare(house: House, contender: Contender, flight: int, jobs: int, *, stream: bool) -> Orders:
    (house.notes / "heat.json").unlink(missing_ok=True)
    (house.put_orders if contender.story else house.put_bodies)(jobs)
    return Orders(
        mongodb_uri=house.mongo.url,
        database=house.database.name,
        redis_url=house.valkey.url,
        model_url=house.model_url,
        jobs=jobs,
        flight=flight,
        stream=stream,
        result=house.notes / "heat.json",
    )


def _await_end(
    process: subprocess.Popen[bytes],
    orders: Orders,
    meanwhile: Callable[[subprocess.Popen[bytes], Path], None],
) -> dict[str, Any]:
    """Return the last notes: all jobs done, the process ended, or nothing new for long."""
    notes: dict[str, Any] = {}
    changed = time.monotonic()
    while notes.get("done") != orders.jobs and time.monotonic() - changed < GIVE_UP_S:
        time.sleep(0.05)
        latest = read_notes(orders.result)
        if latest != notes:
            if not notes:
                meanwhile(process, orders.result)
            notes, changed = latest, time.monotonic()
        elif process.poll() is not None:
            break
    return notes


def read_notes(path: Path) -> dict[str, Any]:
    try:
        notes: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return notes
