"""What we hold against the things Stripe tells: jobs, events and orders, asked for in bulk."""

from collections.abc import Collection
from datetime import datetime

from domain.order import has_result
from ledger.connection import Connection, Document, verb
from ledger.names import JOBS, ORDERS, STRIPE_EVENTS


class Counterparts:
    """Every verb raises Unavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @verb
    async def with_job(self, session_ids: Collection[str]) -> frozenset[str]:
        """Return those Checkout sessions that have a job."""
        query = {"session_id": {"$in": list(session_ids)}}
        cursor = self._connection.collection(JOBS).find(query, {"session_id": 1})
        return frozenset([job["session_id"] async for job in cursor])

    @verb
    async def handled(self, event_ids: Collection[str]) -> frozenset[str]:
        """Return those events that need nothing more."""
        query = {"_id": {"$in": list(event_ids)}, "handled_at": {"$ne": None}}
        cursor = self._connection.collection(STRIPE_EVENTS).find(query, {"_id": 1})
        return frozenset([event["_id"] async for event in cursor])

    @verb
    async def unpaid(
        self, *, since: datetime, paying: Collection[str], failing: str, after: str, limit: int
    ) -> list[str]:
        """Return sessions completed since then whose delayed payment is still open, by id.

        `paying` and `failing` are event types: completed without being paid, and given up.
        """
        unpaid = {
            "payment_status": "unpaid",
            "type": {"$in": list(paying)},
            "created": {"$gte": since},
            "session_id": {"$gt": after},
        }
        stages: list[Document] = [
            {"$match": unpaid},
            {"$group": {"_id": "$session_id"}},
            {"$lookup": _absence(JOBS)},
            {"$lookup": _absence(STRIPE_EVENTS, type=failing)},
            {"$match": {JOBS: [], STRIPE_EVENTS: []}},
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        ]
        cursor = self._connection.collection(STRIPE_EVENTS).aggregate(stages)
        return [session["_id"] async for session in cursor]

    @verb
    async def unsettled(self, session_ids: Collection[str], types: Collection[str]) -> list[str]:
        """Return payments of these sessions whose jobs have heard less than the inbox has.

        `types` are the events about refunds and disputes. Whoever opened a job may have died
        before it looked for them.
        """
        jobs = self._connection.collection(JOBS).find(
            {"session_id": {"$in": list(session_ids)}, "payment.payment_intent": {"$ne": None}},
            {"payment.payment_intent": 1, "money.heard": 1},
        )
        heard = {
            job["payment"]["payment_intent"]: (job.get("money") or {}).get("heard", 0)
            async for job in jobs
        }
        stages: list[Document] = [
            {"$match": {"payment_intent": {"$in": list(heard)}, "type": {"$in": list(types)}}},
            {"$group": {"_id": "$payment_intent", "count": {"$sum": 1}}},
        ]
        events = self._connection.collection(STRIPE_EVENTS).aggregate(stages)
        return [found["_id"] async for found in events if found["count"] > heard[found["_id"]]]

    @verb
    async def is_served(self, session_id: str) -> bool:
        """Say whether this session's order has its result although no job of ours made it.

        That is how orders stand which the shop served before it had jobs.
        """
        for kind, name in ORDERS.items():
            orders = self._connection.collection(name)
            order = await orders.find_one({"stripeSessionId": session_id})
            if order is not None and has_result(kind, order):
                ours = {"kind": kind.value, "order_id": str(order["_id"])}
                return await self._connection.collection(JOBS).find_one(ours, {"_id": 1}) is None
        return False

    async def ping(self) -> None:
        await self._connection.ping()


def _absence(collection: str, **equals: str) -> Document:
    """Look up whether anything there speaks of the session."""
    return {
        "from": collection,
        "localField": "_id",
        "foreignField": "session_id",
        "pipeline": [{"$match": equals}, {"$limit": 1}, {"$project": {"_id": 1}}],
        "as": collection,
    }
