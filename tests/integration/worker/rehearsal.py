"""Real worker processes against a real MongoDB, a real Valkey and the sandbox."""

import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import pymongo
from bson import ObjectId

from domain.job import Kind, PaymentFacts
from ledger.documents import new_job
from sandbox.processes import free_port, kill, spawn
from sandbox.servers import EmbeddedValkey
from tests.builders import order

ROOT = Path(__file__).parents[3]
Document = dict[str, Any]


def eventually(what: str, holds: Callable[[], bool], *, within_s: float = 30.0) -> None:
    """Return as soon as `holds`; fail with `what` when it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.05)


@dataclass
class Rehearsal:
    """One database of its own, one Valkey, one sandbox; workers as many as a test starts."""

    mongo_uri: str
    valkey: EmbeddedValkey
    sandbox_url: str
    logs: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    workers: list[Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = f"test_{uuid.uuid4().hex[:12]}"
        self.client: pymongo.MongoClient[Document] = pymongo.MongoClient(self.mongo_uri)
        self.database = self.client[self.name]
        self.http = httpx.Client(base_url=self.sandbox_url, trust_env=False)

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                kill(worker)
        self.client.drop_database(self.name)
        self.client.close()
        self.http.close()

    def start_worker(self, *, ready: bool = True, **settings: str) -> Popen[bytes]:
        """Start `python -m worker`; by default return when it consumes."""
        log = self.logs / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            worker = spawn(
                [sys.executable, "-m", "worker"],
                env=self.environment() | settings,
                cwd=ROOT,
                output=output,
            )
        self.workers.append(worker)
        if ready:
            eventually("worker is ready", lambda: " ready." in log.read_text())
        return worker

    def log(self, worker: Popen[bytes]) -> str:
        return (self.logs / f"worker-{self.workers.index(worker)}.log").read_text()

    def environment(self) -> dict[str, str]:
        base = self.sandbox_url
        return {**os.environ} | {
            "MONGODB_URI": self.mongo_uri,
            "MONGODB_DB": self.name,
            "REDIS_URL": self.valkey.url,
            "OPENROUTER_BASE_URL": f"{base}/api/v1",
            "OPENROUTER_API_KEY": "sk-or-v1-sandbox",
            "STRIPE_API_BASE": base,
            "STRIPE_API_KEY": "rk_test_sandbox",
            "MAIL_PROVIDER": "resend",
            "MAIL_FROM": "PferdeWert <info@example.org>",
            "ADMIN_EMAILS": "shop@example.org",
            "RESEND_BASE_URL": base,
            "RESEND_API_KEY": "re_sandbox",
            "WORKER_CONCURRENCY": "4",
            "WORKER_GRACE_SECONDS": "1",
            **self.settings,
        }

    def models_take(self, seconds: float) -> None:
        """Let every model answer well after this time."""
        models = {"*": {"then": ["ok"], "latency": {"fixed": seconds}}}
        self.http.put("/control/scenario", json={"models": models}).raise_for_status()

    def pay(self) -> str:
        """Do what checkout, Stripe and the web process do; return the job's id."""
        order_id = ObjectId()
        session = self.http.post(
            "/control/stripe/sessions", json={"kind": "valuation", "order_id": str(order_id)}
        ).json()
        self.database.bewertungen.insert_one(order(_id=order_id, stripeSessionId=session["id"]))
        job = new_job(
            Kind.VALUATION,
            session["id"],
            order_id=str(order_id),
            payment=PaymentFacts(amount_total=1490, currency="eur"),
            reason=None,
            now=datetime.now(UTC),
        )
        self.database.jobs.insert_one(job)
        return str(job["_id"])

    def job(self, job_id: str) -> Document:
        job = self.database.jobs.find_one({"_id": job_id})
        assert job is not None
        return job

    def is_(self, job_id: str, state: str) -> Callable[[], bool]:
        return lambda: bool(self.job(job_id)["state"] == state)

    def is_fulfilled(self, job_id: str) -> Callable[[], bool]:
        """Delivered, with both mails sent."""

        def holds() -> bool:
            job = self.job(job_id)
            mails = job.get("mails") or {}
            return job["state"] == "delivered" and [duty["state"] for duty in mails.values()] == [
                "sent",
                "sent",
            ]

        return holds

    def questions(self) -> int:
        """How often a model was asked."""
        journal = self.http.get("/control/journal", params={"kind": "chat"}).json()
        return len(journal["entries"])

    def mails(self) -> list[Document]:
        mails: list[Document] = self.http.get("/control/mails").json()["mails"]
        return mails


def start_sandbox() -> tuple[Popen[bytes], str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = spawn([sys.executable, "-m", "sandbox", "--port", str(port)], cwd=ROOT)

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/control/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    eventually("sandbox is up", answers)
    return process, url
