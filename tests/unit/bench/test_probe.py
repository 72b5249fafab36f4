"""What a measured process notes about itself."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bench.probe import Orders, Probe


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(
        mongodb_uri="mongodb://unread",
        database="bench",
        redis_url="redis://unread",
        model_url="http://unread",
        jobs=6,
        flight=2,
        stream=True,
        result=tmp_path / "notes.json",
    )


def read(orders: Orders) -> dict[str, Any]:
    notes: dict[str, Any] = json.loads(orders.result.read_text("utf-8"))
    return notes


def test_orders_survive_the_environment(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measured process must work exactly what was ordered."""
    for name, value in orders.environment().items():
        monkeypatch.setenv(name, value)
    assert Orders.read() == orders


async def test_only_good_ends_count(orders: Orders) -> None:
    """A message that finds nothing to do is no job done, but it is told."""
    outcomes = iter(["done", "nothing_due", "done", "done", "done", "done", "done"])

    async def work(_job_id: str) -> str:
        return next(outcomes)

    measured = Probe(orders).around(work)
    for job_id in [*orders.job_ids(), "one more"]:
        await measured(job_id)
    notes = read(orders)
    assert notes["done"] == orders.jobs
    assert notes["outcomes"] == {"done": 6, "nothing_due": 1}


async def test_jobs_at_once_and_time_behind_the_first_wave(orders: Orders) -> None:
    """Two at once, three waves: the last four jobs come behind the first two."""

    async def work(_job_id: str) -> str:
        await asyncio.sleep(0.01)
        return "done"

    measured = Probe(orders).around(work)
    waiting = iter(orders.job_ids())

    async def one_after_another() -> None:
        for job_id in waiting:
            await measured(job_id)

    await asyncio.gather(one_after_another(), one_after_another())
    notes = read(orders)
    assert notes["most_flying"] == 2
    assert 0 < notes["after_first_wave_s"] < notes["wall_s"]
    assert notes["rss_full"] >= notes["rss_first"] > 0


async def test_a_job_that_raises_is_not_in_flight_any_more(orders: Orders) -> None:
    """Or the figure for jobs at once would grow with every failure."""

    async def work(_job_id: str) -> str:
        raise RuntimeError("broken")

    probe = Probe(orders)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            await probe.around(work)("valuation:x")
    probe.write()
    assert read(orders)["most_flying"] == 1
