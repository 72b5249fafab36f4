"""Paid sessions: how a job is born, and what its payment's later fate does to it."""

from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from domain.errors import Unavailable
from domain.job import Job, Kind, Money, Opening, Reason, job_id_for
from domain.ports import Clock
from ledger.connection import Connection, Document, verb
from ledger.documents import duplicate_of, new_job, read_job
from ledger.holding import find_holder, is_about_holding, promote_next
from ledger.names import JOBS
from ledger.newer import newer_words
from ledger.settlement import SEEN_FIELDS, lost_to, settled

_TRIES: Final = 20


class PaidSessions:
    """The web side's verbs on the collection `jobs`. Every verb raises Unavailable."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._jobs = connection.collection(JOBS)

    @verb
    async def open(self, opening: Opening) -> tuple[Job, bool]:
        """Make sure that a job exists, durably; return it and whether this call created it.

        An existing job of the session is never changed, of whichever kind it is. A second paid
        session for one order is born parked.
        """
        reason = opening.reason
        for _ in range(_TRIES):
            try:
                job, created = await self._bear(opening, reason)
            except DuplicateKeyError as error:
                # Without a holder it was about the id: another call bore this very job just now.
                if holder := await self._other_holder(opening, error):
                    reason = duplicate_of(holder)
            else:
                is_second = reason is not opening.reason
                return (await self._moved_up(job) if is_second else job), created
        raise Unavailable(f"{opening.session_id}: too many others at the same order")

    @verb
    async def settle(self, payment_intent: str, money: Money) -> list[Job]:
        """Apply refunds and disputes to the jobs of one payment, oldest first.

        Undelivered work is cancelled when the money is withdrawn and re-opened when it is ours
        again; a delivered job only takes note. Jobs which thereby got an order follow at the end.
        Of a newer build's job Stripe must tell again, until that build hears it: Unavailable.
        """
        query = {"payment.payment_intent": payment_intent}
        cursor = self._jobs.find(query, {"_id": 1}).sort("created_at", 1)
        settled_jobs = [await self._settle(found["_id"], money) async for found in cursor]
        jobs = {job["_id"]: job for job in settled_jobs}
        for job in settled_jobs:
            moved_up = await self._promote(job)
            if moved_up is not None:
                jobs[moved_up["_id"]] = moved_up
        return [read_job(job) for job in jobs.values()]

    @verb
    async def of_session(self, session_id: str) -> Job | None:
        """Return the session's newest job."""
        job = await self._jobs.find_one({"session_id": session_id}, sort=[("created_at", -1)])
        return read_job(job) if job else None

    async def _bear(self, opening: Opening, reason: Reason | None) -> tuple[Job, bool]:
        birth = new_job(
            opening.kind,
            opening.session_id,
            order_id=opening.order_id,
            payment=opening.payment,
            reason=reason,
            now=self._clock.now(),
        )
        birth |= settled(birth, opening.money, birth["created_at"])
        before = await self._jobs.find_one_and_update(
            {"_id": {"$in": [job_id_for(kind, opening.session_id) for kind in Kind]}},
            {"$setOnInsert": birth},
            upsert=True,
        )
        # Also without a change the command waits for the majority: what it found is durable too.
        return read_job(before or birth), before is None

    async def _moved_up(self, job: Job) -> Job:
        """Return the job, with the order if its holder let go of it meanwhile."""
        moved_up = await self._promote({"kind": job.kind.value, "order_id": job.order_id})
        return read_job(moved_up) if moved_up and moved_up["_id"] == job.id else job

    async def _other_holder(self, opening: Opening, error: DuplicateKeyError) -> Document | None:
        if opening.order_id is None or not is_about_holding(error):
            return None
        holder = await find_holder(self._connection, opening.kind.value, opening.order_id)
        return None if holder and holder["session_id"] == opening.session_id else holder

    async def _settle(self, job_id: str, money: Money) -> Document:
        for _ in range(_TRIES):
            job = await self._connection.latest(JOBS).find_one({"_id": job_id})
            if job is None:
                break
            if newer_words(job):
                raise Unavailable(f"{job_id} is a newer build's, which is to be told instead")
            changes = settled(job, money, self._clock.now())
            after = await self._change(job, changes) if changes else job
            if after is not None:
                return after
        raise Unavailable(f"{job_id} changes too fast to be settled")

    async def _change(self, seen: Document, changes: dict[str, Any]) -> Document | None:
        """Write if the job is still as it was seen; None when it is not.

        One plain write, behind a delivery if there is one: whatever becomes of this process, it
        leaves no lock on the job.
        """
        guard = {"_id": seen["_id"]} | {field: seen.get(field) for field in SEEN_FIELDS}
        try:
            return await self._jobs.find_one_and_update(
                guard, {"$set": changes}, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            holder = await find_holder(self._connection, seen["kind"], seen["order_id"])
            return await self._change(seen, lost_to(holder, seen, changes)) if holder else None

    async def _promote(self, job: Document) -> Document | None:
        kind, order_id = str(job.get("kind")), job.get("order_id")
        return await promote_next(self._connection, kind, order_id, self._clock.now())
