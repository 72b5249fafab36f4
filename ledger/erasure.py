"""Forgetting one session: what is there about it, taking the words away, and the receipt.

First the job becomes a tombstone, then the words go. Whoever writes down a late call looks for
the tombstone after writing, so that of the two the later one sees the other.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.job import Job, Kind
from domain.ports import Clock
from ledger.connection import Connection, Document, verb
from ledger.documents import order_key, read_job
from ledger.holding import promote_next
from ledger.names import (
    AI_REQUESTS,
    ERASURES,
    ERROR_LOGS,
    JOBS,
    ORDERS,
    RESULTS_SET_ASIDE,
    STRIPE_EVENTS,
)

WORDS_OF_ATTEMPT: Final = ("horse_data", "response_data.content", "error_details.error_message")
_OPINION: Final = "user_feedback"

KEPT_OF_ORDER: Final = frozenset(
    {"_id", "status", "stripeSessionId", "erstellt", "aktualisiert"}
    | {"ai_model", "ai_model_version", "zertifikatNummer", "geloescht_am"}
)
"""What an emptied order keeps; a list of what goes would miss the next field of the form."""


class OrderHeld(BaseModel):
    """An order document of the site and the fields in it that tell about customer and horse."""

    model_config = ConfigDict(frozen=True)

    collection: str
    order_id: str
    fields: tuple[str, ...]


class Holdings(BaseModel):
    """Everything about one session. Counts are of documents that still hold words.

    `sharing` are jobs of other sessions that belong to one of its orders and are not erased.
    """

    model_config = ConfigDict(frozen=True)

    session_id: str
    jobs: tuple[Job, ...] = ()
    attempts: int = 0
    attempts_with_words: int = 0
    errors: int = 0
    events: int = 0
    orders: tuple[OrderHeld, ...] = ()
    sharing: tuple[str, ...] = ()
    erased_at: datetime | None = None


class Run(BaseModel):
    """One erasure as its receipt keeps it: documents by collection, and whose order was it."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    by: str
    host: str
    with_order: bool
    erased: dict[str, int]
    remains: dict[str, str] = Field(default_factory=dict)


class Erasure:
    """Every verb raises Unavailable and may be repeated."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    @verb
    async def look(self, session_id: str) -> Holdings:
        """Return what is held; nothing changes."""
        of_session = {"session_id": session_id}
        jobs = [job async for job in self._latest(JOBS).find(of_session).sort("created_at", 1)]
        orders = await self._orders(session_id, jobs)
        receipt = await self._latest(ERASURES).find_one({"_id": fingerprint(session_id)})
        return Holdings(
            session_id=session_id,
            jobs=tuple(read_job(job) for job in jobs),
            attempts=await self._latest(AI_REQUESTS).count_documents(of_session),
            attempts_with_words=await self._latest(AI_REQUESTS).count_documents(
                of_session | _has_any((*WORDS_OF_ATTEMPT, _OPINION))
            ),
            errors=await self._latest(ERROR_LOGS).count_documents(of_session),
            events=await self._latest(STRIPE_EVENTS).count_documents(_events(session_id, jobs)),
            orders=tuple(orders),
            sharing=tuple(await self._sharing(session_id, orders)),
            erased_at=receipt["erased_at"] if receipt else None,
        )

    @verb
    async def forget(self, session_id: str) -> dict[str, int]:
        """Take away the words of attempts and all errors; return how many by collection.

        The session's jobs must be tombstones by now. An order that they freed goes to the next
        who paid for it.
        """
        counts = await forget_words(self._connection, [session_id])
        async for job in self._latest(JOBS).find({"session_id": session_id}):
            now = self._clock.now()
            await promote_next(self._connection, job["kind"], job["order_id"], now)
        return counts

    @verb
    async def empty(self, order: OrderHeld) -> int:
        """Leave of an order of the site only what names and dates it; return 1 if it changed."""
        kept = {
            "$filter": {
                "input": {"$objectToArray": "$$ROOT"},
                "cond": {"$in": ["$$this.k", sorted(KEPT_OF_ORDER)]},
            }
        }
        emptied = {"$mergeObjects": [{"$arrayToObject": kept}, {"geloescht_am": self._clock.now()}]}
        result = await self._connection.collection(order.collection).update_one(
            {"_id": order_key(order.order_id)}, [{"$replaceWith": emptied}]
        )
        return int(result.modified_count)

    @verb
    async def keep_receipt(self, session_id: str, run: Run) -> datetime:
        """Write the run down under the session's fingerprint; return when the first one was."""
        receipts, key = self._connection.collection(ERASURES), {"_id": fingerprint(session_id)}
        first = {"erased_at": run.at}
        push = {"runs": run.model_dump(mode="python")}
        await receipts.update_one(key, {"$setOnInsert": first, "$push": push}, upsert=True)
        receipt = await self._latest(ERASURES).find_one(key) or first
        erased_at: datetime = receipt["erased_at"]
        return erased_at

    def _latest(self, name: str) -> Any:
        return self._connection.latest(name)

    async def _orders(self, session_id: str, jobs: Sequence[Document]) -> list[OrderHeld]:
        found = []
        for kind, name in ORDERS.items():
            ids = [order_key(job["order_id"]) for job in jobs if _is_about(job, kind)]
            query = {"$or": [{"_id": {"$in": ids}}, {"stripeSessionId": session_id}]}
            async for order in self._latest(name).find(query):
                fields = tuple(sorted(set(order) - KEPT_OF_ORDER))
                held = OrderHeld(collection=name, order_id=str(order["_id"]), fields=fields)
                found.append(held)
        return found

    async def _sharing(self, session_id: str, orders: Iterable[OrderHeld]) -> list[str]:
        query = {
            "order_id": {"$in": [order.order_id for order in orders]},
            "session_id": {"$ne": session_id},
            "erased_at": None,
        }
        return [job["_id"] async for job in self._latest(JOBS).find(query, {"_id": 1})]


async def forget_words(connection: Connection, sessions: Sequence[str]) -> dict[str, int]:
    """Take the words from attempts, delete errors and replaced results.

    Returns the documents by collection.
    """
    of_sessions = {"session_id": {"$in": list(sessions)}}
    attempts = await connection.collection(AI_REQUESTS).update_many(of_sessions, _WITHOUT_WORDS)
    errors = await connection.collection(ERROR_LOGS).delete_many(of_sessions)
    aside = await connection.collection(RESULTS_SET_ASIDE).delete_many(of_sessions)
    counts = {AI_REQUESTS: int(attempts.modified_count), ERROR_LOGS: int(errors.deleted_count)}
    replaced = int(aside.deleted_count)
    return counts | ({RESULTS_SET_ASIDE: replaced} if replaced else {})


async def forget_if_late(connection: Connection, collection: str, document: Document) -> None:
    """Take back a record of a job that was erased before the record was written."""
    erased = {"_id": job_of(document), "erased_at": {"$ne": None}}
    if await connection.latest(JOBS).find_one(erased, {"_id": 1}) is None:
        return
    written = {"_id": document["_id"]}
    if collection == AI_REQUESTS:
        await connection.collection(collection).update_one(written, _WITHOUT_WORDS)
    else:
        await connection.collection(collection).delete_one(written)


def job_of(record: Mapping[str, Any]) -> str | None:
    """Return the id of the job that a document of `ai_requests` or `error_logs` is about."""
    job_id: str | None = record.get("job_id") or record.get("request_data", {}).get("job_id")
    return job_id


def fingerprint(session_id: str) -> str:
    """Name a session without naming it: whoever knows it finds the receipt, nobody else."""
    return hashlib.sha256(session_id.encode()).hexdigest()


_WITHOUT_WORDS: Final = {"$unset": dict.fromkeys((*WORDS_OF_ATTEMPT, _OPINION), "")}


def _has_any(fields: Iterable[str]) -> dict[str, Any]:
    return {"$or": [{field: {"$exists": True}} for field in fields]}


def _is_about(job: Document, kind: Kind) -> bool:
    return job["kind"] == kind.value and job.get("order_id") is not None


def _events(session_id: str, jobs: Iterable[Document]) -> dict[str, Any]:
    payments = [(job.get("payment") or {}).get("payment_intent") for job in jobs]
    known = [payment for payment in payments if payment]
    return {"$or": [{"session_id": session_id}, {"payment_intent": {"$in": known}}]}
