"""One real web process before a real MongoDB, with orders in several states."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pymongo

from domain.job import Kind, PaymentFacts
from ledger.documents import new_job, plain
from sandbox.processes import free_port, kill, spawn
from tests.integration.ledger.examples import make_answer
from tests.stripe_signing import SECRET, as_body, signature

ROOT: Final = Path(__file__).resolve().parents[3]
TOKEN: Final = "the shop's own key"
START_S: Final = 60.0
STATES: Final = ("queued", "running", "waiting", "answered", "delivered", "parked", "cancelled")


@dataclass(frozen=True, slots=True)
class Web:
    """`forwarded` gives each request an address of its own, since addresses are limited."""

    url: str
    database: Any
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def deliver(self, event: dict[str, Any] | bytes, **headers: str) -> httpx.Response:
        body = event if isinstance(event, bytes) else as_body(event)
        signed = {"Stripe-Signature": signature(body, time.time())}
        url = f"{self.url}/webhooks/stripe"
        return httpx.post(url, content=body, headers=signed | headers, timeout=10)

    def serves(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5).is_success
        except httpx.TransportError:
            return False


def session_of(state: str) -> str:
    return f"cs_live_{state}"


def put_jobs(database: Any) -> None:
    """Put one job of each state there, all with an answer."""
    now = datetime.now(UTC)
    for state in STATES:
        job = new_job(
            Kind.VALUATION,
            session_of(state),
            order_id=None,
            payment=PaymentFacts(amount_total=1490, currency="eur"),
            reason=None,
            now=now,
        )
        answer = plain(make_answer(Kind.VALUATION))
        database.jobs.insert_one(job | {"state": state, "answer": answer, "started_at": now})


@contextmanager
def running_web(mongo_uri: str, folder: Path) -> Iterator[Web]:
    name, log = f"test_{uuid.uuid4().hex[:12]}", folder / "web.log"
    url = f"http://127.0.0.1:{free_port()}"
    env = {
        "PATH": os.environ["PATH"],
        "MONGODB_URI": mongo_uri,
        "MONGODB_DB": name,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "OPENROUTER_API_KEY": "sk-or-v1-test",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_LIVEMODE": "true",
        "ADMIN_TOKEN": TOKEN,
        "TRUSTED_PROXIES": "127.0.0.1",
        "HOST": "127.0.0.1",
        "PORT": url.rpartition(":")[2],
    }
    with log.open("wb") as output:
        process = spawn([sys.executable, "-m", "producer"], env=env, cwd=ROOT, output=output)
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(mongo_uri) as client:
        web = Web(url, client[name], process, log)
        try:
            deadline = time.monotonic() + START_S
            while not web.serves():
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield web
        finally:
            kill(process)
            client.drop_database(name)
