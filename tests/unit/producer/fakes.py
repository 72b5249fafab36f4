"""The web process over a ledger in memory, spoken to as Stripe and browsers do."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from domain.checkout import Price
from domain.figures import (
    AttemptFigures,
    ChoreFigures,
    Figures,
    JobFigures,
    JobLine,
    MailFigures,
    Performance,
    WorkerFigures,
)
from domain.health import ComponentState
from domain.job import Job, Kind, MailState, MailTo, State
from ledger.names import JOBS, STRIPE_EVENTS
from producer.admin import AdminDoor
from producer.app import Parts, create_app
from producer.breakers import BreakerState
from producer.feedback import OrderFeedback
from producer.gate import Gate
from producer.health import HealthDesk
from producer.intake import Intake
from producer.limiting import AddressLimit
from producer.metrics import Scrape
from producer.progress import Progress
from producer.status import READS, OrderStatus
from producer.webhook import BAD_SIGNATURES, StripeDoor, WebhookAnswers
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
ADMIN_TOKEN = "the shop's own key"


class HeardRings:
    """A doorbell that remembers who was rung for."""

    def __init__(self) -> None:
        self.job_ids: list[str] = []

    def ring(self, job_id: str) -> None:
        self.job_ids.append(job_id)


class Window:
    """What the ledger and Redis show to those who look after the shop, as the test sets it."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.states: dict[str, ComponentState] = {}
        self.breakers: dict[str, BreakerState] | None = {}
        self.attempts: list[AttemptFigures] = []
        self.days: list[Performance] = []
        self.asked_since: datetime | None = None
        self.ratings: dict[str, int] = {}
        self.keeps_records = True

    async def ping(self) -> None:
        self._store.answer()

    async def recall(self) -> Mapping[str, ComponentState]:
        self._store.answer()
        return self.states

    async def look(self) -> Mapping[str, BreakerState] | None:
        return self.breakers

    async def rate(self, job: Job, rating: int) -> bool:
        self._store.answer()
        self.ratings[job.session_id] = rating
        return self.keeps_records

    async def jobs(self, state: State | None, limit: int) -> Sequence[JobLine]:
        self._store.answer()
        jobs = self._store.all(JOBS, lambda job: state is None or job["state"] == state)
        return [JobLine.model_validate(job) for job in jobs[:limit]]

    async def performance(self, since: datetime) -> Sequence[Performance]:
        self._store.answer()
        self.asked_since = since
        return self.days

    async def figures(self) -> Figures:
        self._store.answer()
        jobs = [Job.model_validate(job) for job in self._store.all(JOBS)]
        by_state = {state: [j.created_at for j in jobs if j.state is state] for state in State}
        return Figures(
            jobs=[
                JobFigures(state=state, count=len(born), oldest=min(born))
                for state, born in by_state.items()
                if born
            ],
            mails=[MailFigures(to=MailTo.CUSTOMER, state=MailState.FAILED, count=2)],
            attempts=self.attempts,
            workers=WorkerFigures(alive=2, silent=1, holding=3),
            chores=[
                ChoreFigures(name="aggregate", period_s=86400, age_s=3600),
                ChoreFigures(name="health", period_s=60, age_s=None),
            ],
        )


@dataclass(frozen=True)
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
    window: Window
    parts: Parts

    @cached_property
    def app(self) -> FastAPI:
        """Built when a test asks over HTTP; building takes as long as the rest of such a test."""
        return create_app(self.parts)

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
    admin_token: str | None = ADMIN_TOKEN,
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
    answers, window = WebhookAnswers(), Window(store)
    door = StripeDoor(
        intake,
        secrets=[SecretStr(secret) for secret in secrets],
        clock=clock,
        gate=gate,
        bad_signatures=AddressLimit(BAD_SIGNATURES),
        answers=answers,
        body_seconds=body_seconds,
        answer_seconds=answer_seconds,
    )
    status = OrderStatus(
        sessions=sessions,
        orders=orders,
        clock=clock,
        gate=gate,
        reads=AddressLimit(READS),
    )
    progress = Progress(status, clock=clock)
    desk = HealthDesk(window, window, gate, clock)
    parts = Parts(
        door=door,
        status=status,
        progress=progress,
        feedback=OrderFeedback(status, window),
        health=desk,
        admin=AdminDoor(
            SecretStr(admin_token) if admin_token else None, AddressLimit("3 per 1 minute")
        ),
        counts=window,
        scrape=Scrape(
            counts=window,
            desk=desk,
            breakers=window,
            answers=answers,
            clock=clock,
            process="host:1",
        ),
        clock=clock,
        site_url=SITE,
    )
    return World(clock, store, gate, bell, sessions, intake, status, progress, window, parts)
