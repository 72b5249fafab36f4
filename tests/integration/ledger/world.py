"""The ledger and a hand to reach into its documents, in memory or on MongoDB."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from domain.job import Claim, Job, Kind, Opening, Reason
from ledger.connection import Connection
from ledger.documents import order_key
from ledger.inbox import Inbox
from ledger.jobs import MongoJobs
from ledger.names import JOBS, ORDERS, WORKERS
from ledger.orders import MongoOrders
from ledger.paid import PaidSessions
from ledger.records import MongoRecords
from ledger.workers import MongoPresence
from tests import builders
from tests.fakes.clock import FakeClock
from tests.fakes.desk import MemoryOrders, MemoryRecords
from tests.fakes.jobs import MemoryJobs
from tests.fakes.ledger import MemoryLedger
from tests.fakes.paid import MemoryInbox, MemoryPaidSessions
from tests.fakes.presence import MemoryPresence
from tests.integration.ledger.examples import PAYMENT, make_answer

Document = dict[str, Any]

# Long enough for the slowest machine: the real heartbeats run on the server's clock.
LIVE_WITHIN_S: Final = 60.0


class World(ABC):
    """Everything a behaviour test needs; whatever passes here holds for both ledgers."""

    clock: FakeClock
    jobs: MongoJobs | MemoryJobs
    paid: PaidSessions | MemoryPaidSessions
    inbox: Inbox | MemoryInbox
    orders: MongoOrders | MemoryOrders
    presence: MongoPresence | MemoryPresence
    records: MongoRecords | MemoryRecords

    @abstractmethod
    async def put(self, collection: str, document: Mapping[str, Any]) -> None: ...

    @abstractmethod
    async def documents(self, collection: str) -> list[Document]: ...

    @abstractmethod
    async def silence(self, owner: str, seconds: float = LIVE_WITHIN_S + 1) -> None:
        """Make the owner's last heartbeat older; by default it counts as dead then."""

    async def stored(self, job_id: str) -> Document:
        [job] = [job for job in await self.documents(JOBS) if job["_id"] == job_id]
        return job

    async def order(self, kind: Kind, order_id: str = builders.ORDER_ID) -> Document:
        key = order_key(order_id)
        [order] = [order for order in await self.documents(ORDERS[kind]) if order["_id"] == key]
        return order

    async def put_order(self, kind: Kind, **changes: Any) -> None:
        order = builders.order(**changes)
        await self.put(ORDERS[kind], order | {"_id": order_key(order["_id"])})

    async def open(
        self,
        session_id: str = builders.SESSION_ID,
        *,
        kind: Kind = Kind.VALUATION,
        order_id: str | None = builders.ORDER_ID,
        reason: Reason | None = None,
        payment_intent: str | None = None,
    ) -> Job:
        """Open a paid session whose payment is `pi_` and the session's id."""
        payment = PAYMENT.model_copy(
            update={"payment_intent": payment_intent or f"pi_{session_id}"}
        )
        job, _ = await self.paid.open(Opening(kind, session_id, order_id, payment, reason))
        return job

    async def claim(self, job: Job, owner: str = "worker-a") -> Claim:
        await self.presence.beat(owner, holding=[job.id])
        claim = await self.jobs.claim(job.id, owner=owner)
        assert claim is not None
        return claim

    async def answered(self, job: Job, owner: str = "worker-a") -> Claim:
        return await self.jobs.journal(await self.claim(job, owner), make_answer(job.kind))

    async def get(self, job_id: str) -> Job:
        job = await self.jobs.get(job_id)
        assert job is not None
        return job


class MemoryWorld(World):
    def __init__(self, clock: FakeClock, *, is_down: bool = False) -> None:
        ledger = MemoryLedger(clock, live_within_s=LIVE_WITHIN_S)
        ledger.store.is_down = is_down
        self.clock = clock
        self.jobs, self.paid, self.inbox = ledger.jobs, ledger.paid, ledger.inbox
        self.orders, self.presence, self.records = ledger.orders, ledger.presence, ledger.records
        self._store = ledger.store

    async def put(self, collection: str, document: Mapping[str, Any]) -> None:
        self._store.put(collection, document)

    async def documents(self, collection: str) -> list[Document]:
        return self._store.all(collection)

    async def silence(self, owner: str, seconds: float = LIVE_WITHIN_S + 1) -> None:
        beat = self._store.get(WORKERS, owner) or {}
        self._store.put(WORKERS, beat | {"seen_at": beat["seen_at"] - timedelta(seconds=seconds)})


class MongoWorld(World):
    def __init__(self, clock: FakeClock, connection: Connection) -> None:
        self.clock = clock
        self.jobs = MongoJobs(connection, clock, live_within_s=LIVE_WITHIN_S)
        self.paid = PaidSessions(connection, clock)
        self.inbox = Inbox(connection, clock)
        self.orders = MongoOrders(connection)
        self.presence = MongoPresence(connection, live_within_s=LIVE_WITHIN_S)
        self.records = MongoRecords(connection, clock)
        self._connection = connection

    async def put(self, collection: str, document: Mapping[str, Any]) -> None:
        await self._connection.collection(collection).insert_one(dict(document))

    async def documents(self, collection: str) -> list[Document]:
        return await self._connection.latest(collection).find().to_list(None)

    async def silence(self, owner: str, seconds: float = LIVE_WITHIN_S + 1) -> None:
        earlier = {"$subtract": ["$seen_at", round(seconds * 1000)]}
        await self._connection.collection(WORKERS).update_one(
            {"_id": owner}, [{"$set": {"seen_at": earlier}}]
        )
