"""What a process that works jobs notes about itself. Standard library only: peers use it too.

The measured processes are told everything by environment variables, see `Orders`.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WRITE_EVERY_S: Final = 0.5
SAMPLE_EVERY: Final = 50
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

Work = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Orders:
    """What to measure. `stream`: answers come as server-sent events."""

    mongodb_uri: str
    database: str
    redis_url: str
    model_url: str
    jobs: int
    flight: int
    stream: bool
    result: Path

    @classmethod
    def read(cls) -> "Orders":
        """Read what `environment` wrote."""
        env = os.environ
        return cls(
            mongodb_uri=env["BENCH_MONGODB_URI"],
            database=env["BENCH_DATABASE"],
            redis_url=env["BENCH_REDIS_URL"],
            model_url=env["BENCH_MODEL_URL"],
            jobs=int(env["BENCH_JOBS"]),
            flight=int(env["BENCH_FLIGHT"]),
            stream=env["BENCH_STREAM"] == "1",
            result=Path(env["BENCH_RESULT"]),
        )

    def environment(self) -> dict[str, str]:
        return {
            "BENCH_MONGODB_URI": self.mongodb_uri,
            "BENCH_DATABASE": self.database,
            "BENCH_REDIS_URL": self.redis_url,
            "BENCH_MODEL_URL": self.model_url,
            "BENCH_JOBS": str(self.jobs),
            "BENCH_FLIGHT": str(self.flight),
            "BENCH_STREAM": "1" if self.stream else "0",
            "BENCH_RESULT": str(self.result),
        }

    def job_ids(self) -> list[str]:
        """Return ids that our tasks take for real ones."""
        return [job_id(number) for number in range(self.jobs)]


def job_id(number: int) -> str:
    return f"valuation:{session_id(number)}"


def session_id(number: int) -> str:
    return f"cs_test_bench{number:08d}"


class Probe:
    """Counts the ends of jobs and writes CPU, time and memory to a file as it goes.

    Ends are those whose outcome is `good`; the others are counted by their outcome. CPU is the
    whole process's, all threads, from the first job's start.
    """

    def __init__(self, orders: Orders, *, good: str = "done") -> None:
        self._orders = orders
        self._good = good
        self._began: tuple[float, float] | None = None
        self._ends: list[float] = []
        self._cpu_at_end = 0.0
        self._outcomes: Counter[str] = Counter()
        self._flying = 0
        self._most_flying = 0
        self._rss_first = 0
        self._rss_full = 0
        self._samples: list[tuple[int, int]] = []
        self._written = 0.0
        self.extra: Callable[[], dict[str, Any]] = dict

    def around(self, work: Work) -> Callable[[str], Any]:
        async def measured(job: str) -> str:
            self._start()
            try:
                outcome = await work(job)
            finally:
                self._flying -= 1
            self._end(outcome)
            return outcome

        return measured

    def _start(self) -> None:
        if self._began is None:
            self._began = (time.perf_counter(), time.process_time())
            self._rss_first = rss_bytes()
        self._flying += 1
        self._most_flying = max(self._most_flying, self._flying)

    def _end(self, outcome: str) -> None:
        self._outcomes[outcome] += 1
        if outcome != self._good:
            return
        if not self._ends:
            # Everything that will wait at once is waiting now.
            self._rss_full = rss_bytes()
        now = time.perf_counter()
        self._ends.append(now)
        done = len(self._ends)
        if done % SAMPLE_EVERY == 0:
            self._samples.append((done, rss_bytes()))
        if done == self._orders.jobs or now - self._written > WRITE_EVERY_S:
            self._written = now
            self.write()

    def write(self) -> None:
        if self._began is None:
            return
        wall, cpu = self._began
        first = self._orders.flight
        document = {
            "done": len(self._ends),
            "outcomes": dict(self._outcomes),
            "cpu_s": time.process_time() - cpu,
            "wall_s": self._ends[-1] - wall if self._ends else 0.0,
            "after_first_wave_s": self._ends[-1] - self._ends[first - 1]
            if len(self._ends) > first
            else None,
            "most_flying": self._most_flying,
            "rss_first": self._rss_first,
            "rss_full": self._rss_full,
            "rss_samples": self._samples,
            **self.extra(),
        }
        write_json(self._orders.result, document)


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Replace the file in one step: somebody may be reading it."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(document), "utf-8")
    beside.replace(path)


def rss_bytes() -> int:
    """Return the process's resident memory (Linux); elsewhere its peak so far."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE
    except OSError:
        import resource  # noqa: PLC0415 - not on every platform

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
