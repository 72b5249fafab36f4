"""From the webhook to the result on the order, and from a kill to work going on."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Final, Self

from bench.figures import Figure, Section, Table, Target, mean, percentile
from bench.house import House, wait_until
from bench.probe import job_id, session_id
from bench.serving import events_for, fire, web
from domain.job import Kind
from domain.order import RESULT_FIELD
from sandbox.processes import kill

IN_FLIGHT: Final = 100
MODEL_S: Final = 10.0
FOREVER_S: Final = 900.0
WORKERS: Final = 3
READY: Final = " ready."


def measure_latency(house: House, *, quick: bool) -> Section:
    """Pay orders at the rate that keeps `IN_FLIGHT` calls open, and watch the orders change."""
    house.new_database()
    house.models_take(MODEL_S)
    rate, seconds = IN_FLIGHT / MODEL_S, MODEL_S * (1.2 if quick else 2.5)
    keys = [str(key) for key in house.put_orders(round(rate * seconds), paid=False)]
    orders = {session_id(number): key for number, key in enumerate(keys)}
    with web(house) as served, worker(house, "worker-1", WORKER_CONCURRENCY="150"):
        with Watcher(house, set(keys)) as watcher:
            load = events_for(served.url, orders=orders, rate=rate, seconds=seconds)
            told = fire(house, load)
            watcher.wait(MODEL_S + 20)
        most = house.model_calls()["most_in_flight"]
    added = [
        1000 * (watcher.seen[key] - told["due_at"][session] - MODEL_S)
        for session, key in orders.items()
        if key in watcher.seen
    ]
    return _latency_section(added, missing=len(keys) - len(added), most=most)


def _latency_section(added: list[float], *, missing: int, most: int) -> Section:
    row = (f"{most} calls at once", percentile(added, 50), percentile(added, 95),
           percentile(added, 99), max(added))  # fmt: skip
    return Section(
        "latency",
        "Added latency: webhook due → result on the order, less the model's 10 s",
        tables=[Table(("in flight", "p50 ms", "p95 ms", "p99 ms", "max ms"), [row])],
        figures=[
            Figure("added latency p50", percentile(added, 50), "ms", Target(30.0)),
            Figure("added latency p99", percentile(added, 99), "ms", Target(150.0)),
            Figure("orders without a result", missing, "", Target(0)),
        ],
    )


class Watcher:
    """Notes when each order's result became visible, from MongoDB's change stream."""

    def __init__(self, house: House, keys: set[str]) -> None:
        self._orders = house.database.bewertungen
        self._keys = keys
        self.seen: dict[str, float] = {}
        self._all_seen = threading.Event()

    def __enter__(self) -> Self:
        field = f"updateDescription.updatedFields.{RESULT_FIELD[Kind.VALUATION]}"
        self._stream = self._orders.watch([{"$match": {field: {"$exists": True}}}])
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stream.close()

    def wait(self, seconds: float) -> None:
        self._all_seen.wait(seconds)

    def _listen(self) -> None:
        for change in self._stream:
            self.seen[str(change["documentKey"]["_id"])] = time.time()
            if len(self.seen) == len(self._keys):
                self._all_seen.set()
                return


def measure_rescue(house: House, *, quick: bool) -> Section:
    """Kill the owner of a running job again and again; another worker must take it over."""
    house.new_database()
    house.models_take(FOREVER_S)
    with contextlib.ExitStack() as stack:
        crew = Crew(house, stack)
        house.put_orders(1)
        wait_until("somebody works on the job", lambda: bool(crew.owner()))
        kills = [crew.kill_owner() for _ in range(3 if quick else 20)]
    figures = [
        Figure("kill -9 → running again, mean", mean(kills), "s"),
        Figure("kill -9 → running again, p99", percentile(kills, 99), "s", Target(5.0)),
    ]
    row = (str(len(kills)), min(kills), percentile(kills, 50), max(kills))
    table = Table(("kills", "fastest s", "p50 s", "slowest s"), [row])
    return Section("rescue", "Rescue: kill -9 of the owner", [table], figures)


class Crew:
    """Some workers, one of which owns the job."""

    def __init__(self, house: House, stack: contextlib.ExitStack) -> None:
        self._house = house
        self._stack = stack
        self._hired = 0
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._names: dict[int, str] = {}
        for _ in range(WORKERS):
            self._hire()
        self._await_ready()

    def owner(self) -> str | None:
        found: dict[str, Any] = self._house.database.jobs.find_one({"_id": job_id(0)}) or {}
        return found.get("owner")

    def kill_owner(self) -> float:
        """Return the seconds until somebody else has the job; a replacement is hired."""
        self._await_ready()
        owner = self.owner() or ""
        pid = int(owner.split(":")[1])
        killed = time.perf_counter()
        os.killpg(pid, signal.SIGKILL)
        wait_until("another worker has the job", lambda: self.owner() not in {owner, None})
        taken = time.perf_counter() - killed
        self._processes.pop(pid).wait()
        # So many deaths in a row would rightly be taken for the job's own fault.
        self._house.database.jobs.update_one({"_id": job_id(0)}, {"$set": {"deaths": 0}})
        self._hire()
        return taken

    def _hire(self) -> None:
        self._hired += 1
        name = f"worker-{self._hired}"
        # An attempt may take as long as the whole measurement.
        env = self._house.settings(OPENROUTER_TIMEOUT="900", WORKER_CONCURRENCY="4")
        process = self._house.start(name, [sys.executable, "-m", "worker"], env)
        self._stack.callback(kill, process)
        self._processes[process.pid] = process
        self._names[process.pid] = name

    def _await_ready(self) -> None:
        names = [self._names[pid] for pid in self._processes]
        wait_until(
            "all workers are ready", lambda: all(READY in self._house.log(name) for name in names)
        )


@contextlib.contextmanager
def worker(house: House, name: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the real worker; hand it out when it consumes."""
    env = house.settings(**settings)
    with house.process(name, [sys.executable, "-m", "worker"], env) as process:
        wait_until(f"{name} is ready", lambda: READY in house.log(name))
        yield process
