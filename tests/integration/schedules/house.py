"""Real processes of the clock against a real MongoDB and a real Valkey."""

import os
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import pymongo

from doorbell.names import ClockTask
from sandbox.processes import kill, spawn
from sandbox.servers import EmbeddedValkey
from tests.integration.worker.rehearsal import ROOT, eventually

Document = dict[str, Any]
REHEARSED = "tests.integration.schedules.rehearsed"


@dataclass
class House:
    """One database of its own and as many clocks as a test starts."""

    mongo_uri: str
    valkey: EmbeddedValkey
    logs: Path
    clocks: list[Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = f"test_{uuid.uuid4().hex[:12]}"
        self.client: pymongo.MongoClient[Document] = pymongo.MongoClient(self.mongo_uri)
        self.database = self.client[self.name]

    def close(self) -> None:
        for clock in self.clocks:
            if clock.poll() is None:
                kill(clock)
        self.client.drop_database(self.name)
        self.client.close()

    def start(
        self, module: str = "schedules", *, ready: bool = True, **settings: str
    ) -> Popen[bytes]:
        """Start `python -m <module>`; by default return when it consumes."""
        log = self.logs / f"clock-{len(self.clocks)}.log"
        with log.open("wb") as output:
            clock = spawn(
                [sys.executable, "-m", module],
                env=self._environment() | settings,
                cwd=ROOT,
                output=output,
            )
        self.clocks.append(clock)
        if ready:
            eventually("the clock is ready", lambda: " ready." in log.read_text())
        return clock

    def log(self, clock: Popen[bytes]) -> str:
        return (self.logs / f"clock-{self.clocks.index(clock)}.log").read_text()

    def outcomes(self, outcome: str) -> int:
        """Count how often aggregating, or what a test put in its place, ended like this."""
        lines = [line for clock in self.clocks for line in self.log(clock).splitlines()]
        words = ("chore_done", f"chore={ClockTask.AGGREGATE}", f"outcome={outcome}")
        return sum(all(word in line for word in words) for line in lines)

    def idle_ticks(self) -> int:
        """Count the ticks that found the chore done, or in the hands of the same process."""
        return self.outcomes("skipped") + self.outcomes("in_hand")

    def runs(self) -> list[Document]:
        """Return the runs of the rehearsed chore, oldest first."""
        return list(self.database.runs.find().sort("_id", 1))

    def ended(self) -> int:
        return sum(bool(run.get("ended")) for run in self.runs())

    def _environment(self) -> dict[str, str]:
        return {**os.environ} | {
            "MONGODB_URI": self.mongo_uri,
            "MONGODB_DB": self.name,
            "REDIS_URL": self.valkey.url,
            "OPENROUTER_API_KEY": "sk-or-v1-sandbox",
            "ENVIRONMENT": "development",
            "LOG_LEVEL": "DEBUG",
        }
