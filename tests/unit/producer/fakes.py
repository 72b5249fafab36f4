"""The web process over a ledger in memory, spoken to as Stripe and browsers do."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from domain.checkout import Price
from domain.job import Job, Kind
from ledger.names import JOBS, STRIPE_EVENTS
from producer.app import Parts, create_app
from producer.gate import Gate
from producer.intake import Intake
from producer.limiting import AddressLimit
from producer.progress import Progress
from producer.status import READS, OrderStatus
from producer.webhook import BAD_SIGNATURES, StripeDoor
from tests.fakes.clock import FakeClock
from tests.fakes.desk import MemoryOrders
from tests.fakes.paid import MemoryInbox, MemoryPaidSessions
from tests.fakes.store import Document, MemoryStore
from tests.stripe_signing import OLD_SECRET, SECRET, as_body, signature

PRICES: Mapping[Kind, Sequence[Price]] = {
    Kind.VALUATION: (Price(amount=1490, currency="EUR"),),
    Kind.CERTIFICATE: (Price(amount=4990, currency="EUR"),),
}
SITE = "https://pferdewert.example"


class HeardRings:
    """A doorbell that remembers who was rung for."""

    def __init__(self) -> None:
        self.job_ids: list[str] = []

    def ring(self, job_id: str) -> None:
        self.job_ids.append(job_id)


@dataclass(frozen=True, slots=True)
class World:
    """One web process, its ledger and its doorbell."""

    clock: FakeClock
    store: MemoryStore
    gate: Gate
    bell: HeardRings
    sessions: MemoryPaidSessions
    intake: Intake
    status: OrderStatus
    progress: Progress
    app: FastAPI

    def jobs(self) -> list[Job]:
        return [Job.model_validate(job) for job in self.store.all(JOBS)]

    def job(self) -> Job:
        (job,) = self.jobs()
        return job

    def events(self) -> dict[str, Document]:
        return {event["_id"]: event for event in self.store.all(STRIPE_EVENTS)}

    @asynccontextmanager
    async def client(self, address: str = "192.0.2.1") -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app, client=(address, 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://producer") as client:
            yield client

    async def post(self, body: bytes, *, headers: Mapping[str, str] | None = None) -> Any:
        """Post a body as Stripe does, signed unless other headers are given."""
        signed = {"Stripe-Signature": signature(body, self.clock.now().timestamp())}
        async with self.client() as client:
            return await client.post(
                "/webhooks/stripe", content=body, headers=signed if headers is None else headers
            )

    async def deliver(self, *events: dict[str, Any]) -> list[str]:
        """Post signed events one after the other; return what each was answered."""
        answers = [await self.post(as_body(event)) for event in events]
        return [answer.json()["status"] for answer in answers]

    async def get(self, path: str, **headers: str) -> httpx.Response:
        async with self.client() as client:
            return await client.get(path, headers=headers)


def world(
    *,
    prices: Mapping[Kind, Sequence[Price]] = PRICES,
    livemode: bool = True,
    secrets: Sequence[str] = (SECRET, OLD_SECRET),
    store: MemoryStore | None = None,
    intake: Intake | None = None,
    body_seconds: float = 10.0,
    answer_seconds: float = 4.5,
) -> World:
    clock = FakeClock()
    store = store or MemoryStore(clock)
    gate, bell = Gate(), HeardRings()
    gate.open()
    sessions = MemoryPaidSessions(store)
    orders = MemoryOrders(store)
    intake = intake or Intake(
        sessions=sessions,
        inbox=MemoryInbox(store),
        orders=orders,
        ringer=bell,
        expected_livemode=livemode,
        prices=prices,
    )
    door = StripeDoor(
        intake,
        secrets=[SecretStr(secret) for secret in secrets],
        clock=clock,
        gate=gate,
        bad_signatures=AddressLimit(BAD_SIGNATURES),
        body_seconds=body_seconds,
        answer_seconds=answer_seconds,
    )
    status = OrderStatus(
        sessions=sessions,
        orders=orders,
        clock=clock,
        gate=gate,
        reads=AddressLimit(READS),
        livemode=livemode,
    )
    progress = Progress(status, clock=clock)
    app = create_app(Parts(door, status, progress, SITE))
    return World(clock, store, gate, bell, sessions, intake, status, progress, app)
