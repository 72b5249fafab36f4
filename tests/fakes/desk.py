"""The in-memory twins of `ledger.orders.MongoOrders` and `ledger.records.MongoRecords`."""

import structlog

from domain.answer import Attempt, Tier
from domain.job import Job, Kind, RawOrder
from domain.order import Horse
from ledger.documents import order_key, read_order
from ledger.names import AI_REQUESTS, ERROR_LOGS, ORDERS
from ledger.records import error_document, request_document
from tests.fakes.store import MemoryStore

log = structlog.get_logger(__name__)


class MemoryOrders:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def find(self, kind: Kind, *, order_id: str | None, session_id: str) -> RawOrder | None:
        self._store.answer()
        order = self._store.get(ORDERS[kind], order_key(order_id)) if order_id else None
        if order is None:
            of_session = self._store.all(
                ORDERS[kind], lambda order: order.get("stripeSessionId") == session_id
            )
            order = next(iter(of_session), None)
        return read_order(order) if order else None

    async def exists(self, session_id: str) -> Kind | None:
        for kind in Kind:
            if await self.find(kind, order_id=None, session_id=session_id):
                return kind
        return None


class MemoryRecords:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def attempt(self, job: Job, horse: Horse, attempt: Attempt) -> None:
        if self._store.is_down:
            log.warning("record_lost", collection=AI_REQUESTS, job_id=job.id)
            return
        self._store.put(AI_REQUESTS, request_document(job, horse, attempt))

    async def error(
        self,
        *,
        job: Job | None,
        error_type: str,
        code: str,
        message: str,
        model: str | None = None,
        stack: str | None = None,
    ) -> None:
        if self._store.is_down:
            log.warning("record_lost", collection=ERROR_LOGS, job_id=job.id if job else None)
            return
        document = error_document(
            job,
            now=self._store.clock.now(),
            error_type=error_type,
            code=code,
            message=message,
            model=model,
            stack=stack,
        )
        document["fallback_used"] = job is not None and self._used_a_fallback(job)
        self._store.put(ERROR_LOGS, document)

    def _used_a_fallback(self, job: Job) -> bool:
        return any(
            request["job_id"] == job.id and request["model_tier"] != Tier.PRIMARY
            for request in self._store.all(AI_REQUESTS)
        )
