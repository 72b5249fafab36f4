"""The servers every measurement stands on, and the processes that are measured."""

import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
import pymongo
import redis
from bson import ObjectId

from bench.peers.body import COLLECTION
from bench.probe import job_id, session_id
from domain.job import Kind, PaymentFacts
from ledger.documents import new_job
from sandbox.processes import free_port, kill, spawn
from sandbox.servers import EmbeddedMongo, EmbeddedValkey
from sandbox.shop import DRESSAGE_HORSE

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "var" / "bench"
WEBHOOK_SECRET: Final = "whsec_bench"  # noqa: S105 - signs events for this house only

Document = dict[str, Any]


class BenchError(RuntimeError):
    """Something did not come up or did not end; the message says what, with its last words."""


@dataclass
class House:
    """One MongoDB, one Valkey, one model server; a new database for every measurement."""

    mongo: EmbeddedMongo = field(default_factory=EmbeddedMongo)
    valkey: EmbeddedValkey = field(default_factory=EmbeddedValkey)
    announce: Callable[[str], None] = lambda _line: None
    _name: str = ""

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self.mongo)
        self._stack.enter_context(self.valkey)
        self.client: pymongo.MongoClient[Document] = self._stack.enter_context(
            pymongo.MongoClient(self.mongo.url, tz_aware=True)
        )
        self.notes = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pferdewert-"))
        )
        self.logs = FOLDER / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.model_url = f"http://127.0.0.1:{port}"
        self._stack.enter_context(
            self.process("model-server", [sys.executable, "-m", "bench.model_server", str(port)])
        )
        wait_until("the model server answers", lambda: answers(f"{self.model_url}/bench"))
        self.new_database()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def new_database(self) -> None:
        """Begin with nothing in the ledger and nothing in the queue."""
        if self._name:
            self.client.drop_database(self._name)
        self._name = f"bench_{uuid.uuid4().hex[:8]}"
        self.database = self.client[self._name]
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()

    def models_take(self, latency_s: float, *, spread: float = 0.0, stream: bool = False) -> None:
        """Let models take this long, evenly spread by a share of it on both sides."""
        wanted = {"latency": latency_s, "spread": spread, "stream": stream}
        httpx.put(f"{self.model_url}/bench", json=wanted).raise_for_status()

    def model_calls(self) -> Document:
        told: Document = httpx.get(f"{self.model_url}/bench").json()
        return told

    def settings(self, **changes: str) -> dict[str, str]:
        """Return the environment of our processes: production's, but for addresses and pace."""
        return {
            **os.environ,
            "MONGODB_URI": self.mongo.url,
            "MONGODB_DB": self.database.name,
            "REDIS_URL": self.valkey.url,
            "OPENROUTER_BASE_URL": f"{self.model_url}/api/v1",
            "OPENROUTER_API_KEY": "sk-or-v1-bench",
            "OPENROUTER_MIN_INTERVAL_MS": "0",
            "STRIPE_API_BASE": self.model_url,
            "STRIPE_API_KEY": "rk_test_bench",
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_LIVEMODE": "false",
            "VALUATION_PRICES": "1490 EUR",
            "CERTIFICATE_PRICES": "4990 EUR",
            "MAIL_PROVIDER": "resend",
            "MAIL_FROM": "PferdeWert <info@example.org>",
            "ADMIN_EMAILS": "shop@example.org",
            "RESEND_BASE_URL": self.model_url,
            "RESEND_API_KEY": "re_bench",
            "WORKER_GRACE_SECONDS": "1",
            "HOST": "127.0.0.1",
            "ENVIRONMENT": "production",
            **changes,
        }

    @contextlib.contextmanager
    def process(
        self, name: str, command: list[str], env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a process for the length of the block; its output is in `log(name)`."""
        process = self.start(name, command, env)
        try:
            yield process
        finally:
            kill(process)

    def start(
        self, name: str, command: list[str], env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        with (self.logs / f"{name}.log").open("wb") as output:
            return spawn(command, env=env or os.environ, cwd=ROOT, output=output)

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text("utf-8", "replace")

    def put_bodies(self, count: int) -> None:
        """Insert what the shared body works on."""
        jobs = [{"_id": job_id(number), "state": "queued"} for number in range(count)]
        self.database[COLLECTION].insert_many(jobs)

    def put_orders(self, count: int, *, paid: bool = True) -> list[ObjectId]:
        """Insert orders as checkout does and, when `paid`, their jobs as the webhook does."""
        now, keys = datetime.now(UTC), [ObjectId() for _ in range(count)]
        self.database.bewertungen.insert_many(
            {
                "_id": key,
                **DRESSAGE_HORSE,
                "status": "offen",
                "stripeSessionId": session_id(number),
                "erstellt": now,
            }
            for number, key in enumerate(keys)
        )
        if paid:
            self.database.jobs.insert_many(
                new_job(
                    Kind.VALUATION,
                    session_id(number),
                    order_id=str(key),
                    payment=PaymentFacts(amount_total=1490, currency="eur"),
                    reason=None,
                    now=now,
                )
                for number, key in enumerate(keys)
            )
        return keys


def wait_until(what: str, holds: Callable[[], bool], *, within_s: float = 60.0) -> None:
    """Return as soon as `holds`. Raises BenchError."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise BenchError(f"not within {within_s:g} s: {what}")
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Ask by the cheapest client there is: the processes that come up need the cores."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=2)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
