"""The daily aggregation by size, starting up, and memory over many jobs."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from bench import contest
from bench.figures import Figure, Section, Table, Target, percentile, ratio, slope
from bench.house import ROOT, House, wait_until
from bench.orders import READY
from bench.serving import web
from ledger.connection import connect
from ledger.migrations import migrate
from ledger.names import AI_REQUESTS
from schedules.aggregation import aggregate

DAY: Final = date(2026, 11, 20)
MODELS: Final = ("google/gemini-2.5-pro", "anthropic/claude-sonnet-5", "openai/gpt-4o")
BATCH: Final = 1000
STARTS: Final = 3
SHORT_RUN: Final = 1000
LONG_RUN: Final = 10_000
"""Jobs below which growth says more about pools filling up than about leaks."""

SETTLED: Final = 0.3
"""Share of a long run after which caches and pools have grown to their size."""


def measure_aggregation(house: House, *, quick: bool) -> Section:
    sizes = (10_000,) if quick else (10_000, 100_000, 1_000_000)
    rows = [asyncio.run(_aggregate(house, size)) for size in sizes]
    per_100k = rows[-1][1] / (sizes[-1] / 100_000)
    return Section(
        "aggregation",
        "Daily aggregation of ai_requests",
        tables=[Table(("attempts", "aggregation s", "bare count s", "x bare"), rows)],
        figures=[Figure("seconds per 100,000 attempts, largest day", per_100k, "s")],
        notes=["The bare count groups the same day by model and counts, nothing else."],
    )


async def _aggregate(house: House, size: int) -> tuple[str, float, float, float | None]:
    house.new_database()
    connection = connect(house.mongo.url, house.database.name, app_name="bench")
    await migrate(connection)
    _put_attempts(house, size)
    bare = _bare_count(house)
    begun = time.perf_counter()
    summary = await aggregate(connection, DAY)
    took = time.perf_counter() - begun
    connection.close()
    if summary.total_requests != size:
        raise AssertionError(f"{summary.total_requests} of {size} attempts were aggregated")
    return f"{size:,}", took, bare, ratio(took, bare)


def _put_attempts(house: House, size: int) -> None:
    """Let MongoDB write the day by itself: attempts as short as the validators allow."""
    number = {"$add": [{"$multiply": ["$_id", BATCH]}, "$n"]}
    seeds = [{"_id": start} for start in range(size // BATCH)]
    house.database.seeds.insert_many(seeds)
    pipeline: list[dict[str, Any]] = [
        {"$set": {"n": {"$range": [0, BATCH]}}},
        {"$unwind": "$n"},
        {"$project": {"_id": number, "i": number}},
        {"$project": _attempt("$i", size)},
        {"$merge": {"into": AI_REQUESTS, "whenMatched": "fail"}},
    ]
    house.database.seeds.aggregate(pipeline)


def _attempt(number: str, size: int) -> dict[str, Any]:
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    apart_ms = 86_400_000 // size
    tokens = {"input_tokens": 900, "output_tokens": 1500, "total_tokens": 2400, "cost_usd": 0.0123}
    time_ms = {"$add": [4000, {"$mod": [{"$multiply": [number, 7919]}, 110_000]}]}
    return {
        "session_id": {"$concat": ["cs_bench", {"$toString": number}]},
        "timestamp": {"$add": [midnight, {"$multiply": [number, max(apart_ms, 0)]}]},
        "model_used": {"$arrayElemAt": [list(MODELS), {"$mod": [number, len(MODELS)]}]},
        "model_tier": {"$literal": "primary"},
        "success": {"$ne": [{"$mod": [number, 20]}, 0]},
        "response_data": {"response_time_ms": time_ms, "token_usage": {"$literal": tokens}},
    }


def _bare_count(house: House) -> float:
    begun = time.perf_counter()
    group = {"$group": {"_id": "$model_used", "requests": {"$sum": 1}}}
    list(house.database[AI_REQUESTS].aggregate([group]))
    return time.perf_counter() - begun


def measure_startup(house: House, *, quick: bool) -> Section:
    house.new_database()
    starts = 1 if quick else STARTS
    workers = [_start_worker(house) for _ in range(starts)]
    webs = [_start_web(house) for _ in range(starts)]
    bare = [_bare_imports() for _ in range(starts)]
    middle = percentile(bare, 50)
    rows = [
        ("worker, ready to consume", percentile(workers, 50), percentile(workers, 50) / middle),
        ("web, first 200 of /health/ready", percentile(webs, 50), percentile(webs, 50) / middle),
        ("bare: import celery, fastapi, motor, stop", middle, 1.0),
    ]
    return Section(
        "startup",
        "Start-up, median",
        tables=[
            Table(("process", "s", "x bare"), rows),
            _imports("worker.wiring"),
            _imports("producer.wiring"),
        ],
        figures=[
            Figure("worker ready", percentile(workers, 50), "s", Target(2.5)),
            Figure("web ready", percentile(webs, 50), "s", Target(2.5)),
        ],
        notes=["The first start also migrates an empty database."],
    )


def _start_worker(house: House) -> float:
    begun = time.perf_counter()
    with house.process("worker-start", [sys.executable, "-m", "worker"], house.settings()):
        wait_until("the worker is ready", lambda: READY in house.log("worker-start"))
        return time.perf_counter() - begun


def _start_web(house: House) -> float:
    begun = time.perf_counter()
    with web(house):
        return time.perf_counter() - begun


def _bare_imports() -> float:
    begun = time.perf_counter()
    code = "import celery.apps.worker, fastapi, motor.motor_asyncio"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)  # noqa: S603 - our own
    return time.perf_counter() - begun


def _imports(module: str) -> Table:
    """Tabulate the dearest packages of `python -X importtime`, their own time summed up."""
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    costs = import_costs(done.stderr.splitlines())
    total = sum(costs.values())
    dearest = sorted(costs.items(), key=lambda cost: -cost[1])[:8]
    rows = [(name, ms, 100 * ms / total) for name, ms in [("all", total), *dearest]]
    return Table(("package", "ms", "%"), rows, title=f"import {module}")


def import_costs(lines: Sequence[str]) -> dict[str, float]:
    """Sum up each top-level package's own milliseconds of an import-time log."""
    costs: dict[str, float] = {}
    for line in lines:
        found = re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", line)
        if found:
            package = found[2].partition(".")[0]
            costs[package] = costs.get(package, 0.0) + int(found[1]) / 1000
    return costs


def measure_memory(house: House, *, quick: bool, jobs: int | None) -> Section:
    """Work many jobs of the real story with a model that answers at once."""
    count = jobs or (300 if quick else SHORT_RUN)
    heat = contest.run(house, contest.STORY, flight=50, jobs=count, latency_s=0.0)
    samples = [(done, rss / 2**20) for done, rss in heat.notes.get("rss_samples", [])]
    settled = [sample for sample in samples if sample[0] >= SETTLED * count]
    growth = slope(settled) if count >= LONG_RUN else None
    rows = [(f"{done:,}", mib) for done, mib in _some(samples)]
    return Section(
        "memory",
        f"Memory of one worker over {count:,} jobs of the real story",
        tables=[Table(("jobs done", "RSS MiB"), rows)],
        figures=[
            Figure(
                "growth per 10,000 jobs once settled",
                growth * 10_000 if growth is not None else None,
                "MiB",
                Target(5.0),
            ),
            Figure("jobs/s, model latency 0", heat.jobs_per_s, "/s"),
        ],
        notes=[heat.trouble] if heat.trouble else [],
    )


def _some(samples: Sequence[tuple[int, float]], most: int = 8) -> list[tuple[int, float]]:
    step = max(len(samples) // most, 1)
    return [*samples[::step][:most], *samples[-1:]] if samples else []
