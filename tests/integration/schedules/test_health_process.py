"""`python -m schedules` looks after the shop's health, also while Redis is away."""

import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pymongo
import pytest

from sandbox.processes import kill, spawn

ROOT = Path(__file__).resolve().parents[3]
START_S = 60.0

Database = pymongo.database.Database[dict[str, Any]]


@pytest.fixture
def database(mongo_uri: str) -> Iterator[Database]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def clock(mongo_uri: str, database: Database, tmp_path: Path) -> Iterator[Popen[bytes]]:
    env = {
        "PATH": os.environ["PATH"],
        "MONGODB_URI": mongo_uri,
        "MONGODB_DB": database.name,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "OPENROUTER_API_KEY": "sk-or-v1-test",
        "OPENROUTER_BASE_URL": "http://127.0.0.1:1/api/v1",
    }
    with (tmp_path / "clock.log").open("wb") as output:
        process = spawn([sys.executable, "-m", "schedules"], env=env, cwd=ROOT, output=output)
    yield process
    kill(process)


def test_the_check_needs_no_redis(clock: Popen[bytes], database: Database) -> None:
    """Ticks travel through Redis, and Redis away is one of the things to be noticed."""
    deadline = time.monotonic() + START_S
    seen = None
    while seen is None and time.monotonic() < deadline:
        seen = database["health_checks"].find_one({"_id": "component:redis"})
        time.sleep(0.1)

    assert seen is not None
    assert seen["probes"][0]["ok"] is False
    clock.send_signal(signal.SIGTERM)
    clock.wait(timeout=START_S)
