"""Making an order that holds the wrong thing deliverable again: by a human's word only.

A delivery never overwrites a result. So what the order holds is moved aside first, into
`results_set_aside`, in the same transaction that opens the job; nothing is lost whichever of
both fails.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from domain.examination import version_of
from domain.job import Job, Kind, PaymentFacts, State, job_id_for
from domain.ports import Clock
from ledger.connection import Connection, Document
from ledger.documents import new_job, order_key, read_job, read_order
from ledger.handwork import NotByHand, refuse_newer
from ledger.holding import find_holder
from ledger.names import COUNTERS, JOBS, ORDERS, RESULTS_SET_ASIDE
from ledger.transactions import Session, in_transaction

RESULT_FIELDS: Final = (
    "bewertung",
    "zertifikat_data",
    "zertifikatNummer",
    "ai_model",
    "ai_model_version",
    "aktualisiert",
)
"""What a delivery writes, and what is therefore moved aside; `status` is set back."""

_NUMBER: Final = re.compile(r"CERT-(?P<year>[0-9]{4})-(?P<count>[0-9]{6})")


class Repairs:
    """Raises Unavailable when MongoDB does not answer."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def reopen(
        self,
        kind: Kind,
        order_id: str,
        *,
        session_id: str,
        version: str,
        payment: PaymentFacts,
        reasons: Sequence[str],
        by: str,
    ) -> Job:
        """Move the result aside and make the session's job due, both or neither.

        `version` names the result which a human has decided about, `payment` is for a job that
        does not exist yet. Raises NotByHand when the order has changed or may not be worked for.
        """
        repair = _Repair(self._connection, kind, order_id, session_id, self._clock.now())

        async def body(session: Session) -> Document:
            await repair.set_aside(session, version, {"reasons": list(reasons), "by": by})
            return await repair.open_job(session, payment)

        limit_s = self._connection.op_timeout_s
        async with self._connection.answering(limit_s=limit_s):
            try:
                return read_job(await in_transaction(self._connection, body, limit_s=limit_s))
            except DuplicateKeyError:
                holder = await find_holder(self._connection, kind.value, order_id)
        name = holder["_id"] if holder else "another session"
        raise NotByHand(f"The order {order_id} belongs to {name}; repair it by that session.")


class _Repair:
    """One repair; every method may run again in a repeated transaction."""

    def __init__(
        self, connection: Connection, kind: Kind, order_id: str, session_id: str, now: datetime
    ) -> None:
        self._database = connection.database
        self._kind = kind
        self._order_id = order_id
        self._job_id = job_id_for(kind, session_id)
        self._session_id = session_id
        self._now = now
        self._aside_id = ObjectId()

    async def set_aside(self, session: Session, version: str, why: dict[str, Any]) -> None:
        orders = self._database[ORDERS[self._kind]]
        order = await orders.find_one({"_id": order_key(self._order_id)}, session=session)
        if order is None:
            raise NotByHand(f"There is no order {self._order_id} any more.")
        if version_of(self._kind, read_order(order)) != version:
            raise NotByHand("The order's result has changed meanwhile; look at it again.")
        held = {name: order[name] for name in RESULT_FIELDS if name in order}
        if not held:
            return
        aside = {
            "_id": self._aside_id,
            "kind": self._kind.value,
            "order_id": self._order_id,
            "session_id": self._session_id,
            "set_aside_at": self._now,
            "fields": held | {"status": order.get("status")},
        }
        await self._database[RESULTS_SET_ASIDE].insert_one(aside | why, session=session)
        await self._keep_number(session, str(held.get("zertifikatNummer") or ""))
        changes = {"$unset": dict.fromkeys(held, ""), "$set": {"status": "offen"}}
        await orders.update_one({"_id": order["_id"]}, changes, session=session)

    async def _keep_number(self, session: Session, number: str) -> None:
        """A number that was given out is never drawn again, even if its counter lags."""
        found = _NUMBER.fullmatch(number)
        if found is None:
            return
        name = f"zertifikat_{found['year']}"
        changes = {"$max": {"seq": int(found["count"])}, "$setOnInsert": {"_id": name}}
        await self._database[COUNTERS].update_one(
            {"name": name}, changes, upsert=True, session=session
        )

    async def open_job(self, session: Session, payment: PaymentFacts) -> Document:
        jobs = self._database[JOBS]
        job = await jobs.find_one({"_id": self._job_id}, session=session)
        if job is None:
            job = new_job(
                self._kind,
                self._session_id,
                order_id=self._order_id,
                payment=payment,
                reason=None,
                now=self._now,
            )
            await jobs.insert_one(job, session=session)
            return job
        _refuse(job)
        changes = _reopened(job, self._order_id, self._now)
        await jobs.update_one({"_id": job["_id"]}, {"$set": changes}, session=session)
        return job | changes


def _refuse(job: Document) -> None:
    """Raises NotByHand."""
    refuse_newer(job)
    state = State(job["state"])
    if state is State.CANCELLED:
        raise NotByHand(f"{job['_id']} is cancelled: the money is not ours.")
    if state not in (State.DELIVERED, State.PARKED):
        raise NotByHand(f"{job['_id']} is {state.value}: it is being worked for already.")
    if job.get("erased_at"):
        raise NotByHand(f"The customer of {job['_id']} is erased: nothing can be delivered.")
    if job.get("owner") is not None:
        raise NotByHand(f"{job['_id']} is about to send a mail; try again in a minute.")


def _reopened(job: Document, order_id: str, now: datetime) -> dict[str, Any]:
    """An answer that was paid for is delivered again, not bought again, while it has its words."""
    has_words = bool((job.get("answer") or {}).get("text"))
    return {
        "state": (State.ANSWERED if has_words else State.QUEUED).value,
        "answer": job["answer"] if has_words else None,
        "slimmed_at": None,
        "reason": None,
        "not_before": now,
        "rounds": 0,
        "rounds_for": None,
        "deaths": 0,
        "owner": None,
        "fence": (job.get("fence") or 0) + 1,
        "order_id": order_id,
        "holds_order": True,
        "reopened_at": now,
        "delivered_at": None,
        "updated_at": now,
    }
