"""What the proof compares, read through indexes and in bounded batches, and what it remembers.

`proofs` holds the newest proof and how far the tour over all orders has come; `order_checks` one
document per order whose result was judged. Neither holds any text of a customer or a model.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pydantic import BaseModel, ConfigDict, Field
from pymongo import ReplaceOne, ReturnDocument

from domain.examination import Examined
from domain.job import Job, Kind, MailState, MailTo, RawOrder, State
from domain.proof import Fault, Finding, Proof
from ledger.connection import Connection, verb
from ledger.damage import readable
from ledger.documents import order_key, plain, read_job, read_order
from ledger.names import JOBS, ORDER_CHECKS, ORDERS, PROOFS, STRIPE_EVENTS

_LATEST: Final = "latest"
_PAYING: Final = ["checkout.session.completed", "checkout.session.async_payment_succeeded"]
_PAID: Final = ["paid", "no_payment_required"]
# `ignored` is not ours; `withdrawn` and `not_paid` owe nothing. None: nobody finished it.
_TAKEN: Final = ["accepted", "review", None]
# A delivered job has no reason but its damage.
_SET_ASIDE: Final = {"state": State.DELIVERED.value, "reason.code": {"$exists": True}}
_MAILS: Final = {"$cond": [{"$eq": [{"$type": "$mails"}, "object"]}, "$mails", {"$literal": {}}]}
_IS_OWED_BY_NEWER: Final = {
    "$and": [
        {"$not": [{"$in": ["$$this.k", [to.value for to in MailTo]]}]},
        {"$eq": ["$$this.v.state", MailState.PENDING.value]},
    ]
}
_OWED_BY_NEWER: Final = {
    "$expr": {
        "$anyElementTrue": [
            {"$map": {"input": {"$objectToArray": _MAILS}, "in": _IS_OWED_BY_NEWER}}
        ]
    }
}
_MOST_EVENTS: Final = 5000
_CHUNK: Final = 500


class Check(BaseModel):
    """One order whose result was looked at. `created_at` is the order's."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(alias="_id")
    kind: Kind
    order_id: str
    session_id: str | None = None
    version: str = ""
    reasons: tuple[str, ...] = ()
    fault: Fault | None = None
    created_at: datetime
    checked_at: datetime

    def finding(self) -> Finding:
        """Raises ValueError when nothing is wrong with the order."""
        if self.fault is None:
            raise ValueError(f"nothing is wrong with {self.id}")
        return Finding(
            fault=self.fault,
            reference=self.session_id or self.order_id,
            kind=self.kind,
            order_id=self.order_id,
            since=self.created_at,
            detail=", ".join(self.reasons),
        )


def check_id(kind: Kind, order_id: str) -> str:
    return f"{kind.value}:{order_id}"


class ProofBook:
    """Every verb raises Unavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs = connection.collection(JOBS)
        self._checks = connection.collection(ORDER_CHECKS)

    @verb
    async def last(self) -> Proof | None:
        found = await self._connection.collection(PROOFS).find_one({"_id": _LATEST})
        # A newer build's proof may know of faults that this one cannot name.
        held = [found] if found and "checked_at" in found else []
        return next(iter(readable(Proof, held)), None)

    @verb
    async def keep(self, proof: Proof) -> None:
        await self._connection.collection(PROOFS).update_one(
            {"_id": _LATEST}, {"$set": plain(proof)}, upsert=True
        )

    @verb
    async def events_without_job(self, since: datetime, before: datetime) -> list[Finding]:
        """Return the sessions of paying events received within a window that have no job."""
        query = {
            "type": {"$in": _PAYING},
            "received_at": {"$gte": since, "$lt": before},
            "payment_status": {"$in": _PAID},
            "outcome": {"$in": _TAKEN},
        }
        fields = {"session_id": 1, "received_at": 1}
        events = self._connection.collection(STRIPE_EVENTS).find(query, fields)
        newest = await events.sort("received_at", -1).limit(_MOST_EVENTS).to_list(None)
        paid = {event["session_id"]: event["received_at"] for event in newest}
        known = await self._known_sessions([session for session in paid if session])
        return [
            Finding(fault=Fault.PAID_WITHOUT_JOB, reference=session_id, since=at)
            for session_id, at in paid.items()
            if session_id and session_id not in known
        ]

    @verb
    async def overdue_mails(self, since: datetime, before: datetime) -> list[Finding]:
        """Return deliveries since then whose mails nobody sends, or not since `before`.

        The customer's failed or waits; a newer build owes one of its own; or the document was set
        aside as damaged, and its mails were given up with it.
        """
        state, is_late = f"mails.{MailTo.CUSTOMER}.state", {"delivered_at": {"$lt": before}}
        query = {
            "delivered_at": {"$gte": since},
            "erased_at": None,
            "$or": [
                {state: MailState.FAILED.value},
                _SET_ASIDE,
                is_late | {state: {"$nin": [MailState.SENT.value, MailState.OFF.value]}},
                is_late | _OWED_BY_NEWER,
            ],
        }
        fields = dict.fromkeys(("session_id", "kind", "order_id", "delivered_at", "mails"), 1)
        found = self._jobs.find(query, fields | {"reason": 1}).sort("delivered_at", 1)
        return [_mail_finding(job) async for job in found.limit(_CHUNK)]

    @verb
    async def new_orders(self, kind: Kind, since: datetime, limit: int) -> list[RawOrder]:
        """Return the newest orders made since then; the site's ids begin with their time."""
        query = {"_id": {"$gte": ObjectId.from_datetime(since)}}
        found = self._connection.collection(ORDERS[kind]).find(query).sort("_id", -1).limit(limit)
        return [read_order(order) async for order in found]

    @verb
    async def tour(self, kind: Kind, limit: int) -> list[RawOrder]:
        """Return the next orders on the tour over all of them; it begins anew at its end."""
        place = await self._connection.collection(PROOFS).find_one({"_id": _LATEST}, {"tour": 1})
        last = ((place or {}).get("tour") or {}).get(kind.value)
        orders = self._connection.collection(ORDERS[kind])
        query = {"_id": {"$gt": last}} if last is not None else {}
        found = await orders.find(query).sort("_id", 1).limit(limit).to_list(None)
        at = found[-1]["_id"] if len(found) == limit else None
        await self._connection.collection(PROOFS).update_one(
            {"_id": _LATEST}, {"$set": {f"tour.{kind.value}": at}}, upsert=True
        )
        return [read_order(order) for order in found]

    @verb
    async def orders(self, kind: Kind, order_ids: Collection[str]) -> list[RawOrder]:
        keys = [order_key(order_id) for order_id in order_ids]
        found = self._connection.collection(ORDERS[kind]).find({"_id": {"$in": keys}})
        return [read_order(order) async for order in found]

    @verb
    async def delivered(self, since: datetime, limit: int) -> list[Job]:
        """Return the newest deliveries since then, without their answers."""
        query = {"delivered_at": {"$gte": since}, "erased_at": None}
        found = self._jobs.find(query, {"answer": 0}).sort("delivered_at", -1).limit(limit)
        return [read_job(job) async for job in found]

    @verb
    async def jobs_of(self, orders: Sequence[RawOrder]) -> list[Job]:
        """Return every job that names one of these orders, or the session of one."""
        ids = [str(order["_id"]) for order in orders]
        sessions = [order["stripeSessionId"] for order in orders if order.get("stripeSessionId")]
        query = {"$or": [{"order_id": {"$in": ids}}, {"session_id": {"$in": sessions}}]}
        return [read_job(job) async for job in self._jobs.find(query)]

    @verb
    async def checks(self, ids: Collection[str]) -> dict[str, Check]:
        found = self._checks.find({"_id": {"$in": list(ids)}})
        return {check.id: check for check in readable(Check, await found.to_list(None))}

    @verb
    async def opened(self, now: datetime) -> datetime:
        """Return when the first proof was made: by then the shop's orders were ours."""
        found = await self._connection.collection(PROOFS).find_one_and_update(
            {"_id": _LATEST},
            {"$min": {"opened_at": now}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        opened: datetime = found["opened_at"]
        return opened

    @verb
    async def broken(self, faults: Collection[Fault], limit: int) -> list[Check]:
        """Return the orders with one of these faults, the youngest first."""
        query = {"fault": {"$in": [fault.value for fault in faults]}}
        found = self._checks.find(query).sort("created_at", -1).limit(limit)
        return [Check.model_validate(check) async for check in found]

    @verb
    async def keep_checks(self, checks: Sequence[Check]) -> None:
        if checks:
            await self._checks.bulk_write(
                [
                    ReplaceOne({"_id": check.id}, plain(check) | {"_id": check.id}, upsert=True)
                    for check in checks
                ],
                ordered=False,
            )

    @verb
    async def untold(self, limit: int) -> list[Job]:
        """Return the parked jobs whose parking no alert has told of, the oldest first."""
        news = [{"told_at": None}, {"$expr": {"$lt": ["$told_at", "$parked_at"]}}]
        query = {"state": State.PARKED.value, "$or": news}
        found = self._jobs.find(query, {"answer": 0}).sort("created_at", 1).limit(limit)
        return [read_job(job) async for job in found]

    @verb
    async def mark_told(self, job: Job, now: datetime) -> bool:
        """Take the duty to tell of a parking; False when another process has it or it is over."""
        guard = {"_id": job.id, "state": State.PARKED.value, "told_at": job.told_at}
        result = await self._jobs.update_one(guard, {"$set": {"told_at": now}})
        return bool(result.modified_count)

    async def _known_sessions(self, sessions: Sequence[str]) -> set[str]:
        known: set[str] = set()
        for start in range(0, len(sessions), _CHUNK):
            query = {"session_id": {"$in": sessions[start : start + _CHUNK]}}
            # Named by the index alone, so that no job is fetched.
            found = self._jobs.find(query, {"_id": 0, "session_id": 1}).hint("session")
            known |= {job["session_id"] async for job in found}
        return known


def check_of(
    kind: Kind, raw: RawOrder, found: Examined, *, created: datetime, at: datetime
) -> Check:
    session_id = raw.get("stripeSessionId")
    return Check(
        _id=check_id(kind, str(raw["_id"])),
        kind=kind,
        order_id=str(raw["_id"]),
        session_id=session_id if isinstance(session_id, str) else None,
        version=found.version,
        reasons=found.reasons,
        fault=found.fault,
        created_at=created,
        checked_at=at,
    )


def _mail_finding(job: dict[str, Any]) -> Finding:
    """Nothing of the document but its date must be sound."""
    is_aside, order_id = bool(job.get("reason")), job.get("order_id")
    given_up = is_aside or _state_of(job.get("mails"), MailTo.CUSTOMER) == MailState.FAILED
    return Finding(
        fault=Fault.MAIL_FAILED if given_up else Fault.MAIL_OVERDUE,
        reference=str(job.get("session_id")),
        kind=next((kind for kind in Kind if kind == job.get("kind")), None),
        order_id=order_id if isinstance(order_id, str) else None,
        since=job["delivered_at"],
        detail="unreadable_job" if is_aside else "",
    )


def _state_of(mails: object, to: MailTo) -> object:
    duty = mails.get(to) if isinstance(mails, dict) else None
    return duty.get("state") if isinstance(duty, dict) else None
