"""The web processes that are measured, and the load that is put on them."""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import psutil

from bench.house import WEBHOOK_SECRET, BenchError, House, answers, wait_until
from bench.load import Load
from sandbox.processes import free_port


@dataclass(frozen=True, slots=True)
class Served:
    """A web process that serves, and where."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system


@contextlib.contextmanager
def web(house: House) -> Iterator[Served]:
    """Run the real web process; hand it out when it serves."""
    port = free_port()
    url, env = f"http://127.0.0.1:{port}", house.settings(PORT=str(port))
    with house.process("web", [sys.executable, "-m", "producer"], env) as process:
        wait_until("the web process answers", lambda: answers(f"{url}/health/ready"))
        yield Served(url, process.pid)


@contextlib.contextmanager
def bare_route(house: House) -> Iterator[Served]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bench.bare", house.mongo.url, house.database.name, str(port)]
    with house.process("bare", command) as process:
        wait_until("the bare route answers", lambda: answers(f"{url}/health"))
        yield Served(url, process.pid)


def events_for(url: str, **changes: Any) -> Load:
    """Return a load of signed events for one process; `changes` as in `Load`."""
    return Load(
        url=f"{url}/webhooks/stripe",
        secret=WEBHOOK_SECRET,
        **changes,
    )


def fire(house: House, load: Load) -> dict[str, Any]:
    """Run one load in a process of its own and return its notes. Raises BenchError."""
    orders, result = house.notes / "load.json", house.notes / "load-result.json"
    replace(load, result=str(result)).save(orders)
    process = house.start("load", [sys.executable, "-m", "bench.load", str(orders)])
    if process.wait(timeout=load.seconds + 60) != 0:
        raise BenchError(f"the load ended badly:\n{house.log('load')[-1000:]}")
    told: dict[str, Any] = json.loads(result.read_text("utf-8"))
    return told
