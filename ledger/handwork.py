"""What people do to a job by hand: start it again, or stop it for a human."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from domain.errors import DomainError, Unavailable
from domain.job import Job, Reason, ReasonCode, State, is_job_id
from domain.ports import Clock
from ledger.connection import Connection, Document, verb
from ledger.documents import plain, read_job
from ledger.holding import find_holder
from ledger.names import JOBS
from ledger.newer import newer_words

SEEN_FIELDS: Final = ("state", "reason", "owner", "fence", "not_before", "holds_order", "order_id")
"""A decision is valid only while these are as they were read."""

_TRIES: Final = 20
_FINAL: Final = (State.DELIVERED, State.CANCELLED)


class NotByHand(DomainError):  # noqa: N818 - reads as the sentence it is
    """The job is in a state that this verb must not change; the message says what to do."""


class Effect(StrEnum):
    """What a verb came to. `already_…` and `in_work` mean that it changed nothing."""

    REOPENED = "reopened"
    PARKED = "parked"
    ALREADY_DUE = "already_due"
    IN_WORK = "in_work"
    ALREADY_PARKED = "already_parked"
    MAIL_DUE = "mail_due"
    ERASED = "erased"
    ALREADY_ERASED = "already_erased"


class Handled(BaseModel):
    """The job after the verb."""

    model_config = ConfigDict(frozen=True)

    job: Job
    effect: Effect


Changes = Mapping[str, Any]
Decide = Callable[[Document], tuple[Effect, Changes]]


class Handwork:
    """The verbs of the command line on `jobs`, each safe to repeat. Raises Unavailable."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    @verb
    async def find(self, reference: str) -> list[Job]:
        """Return the jobs with this id, Stripe session or order, oldest first."""
        query = {
            "$or": [{"_id": reference}, {"session_id": reference}, {"order_id": reference}],
        }
        cursor = self._connection.latest(JOBS).find(query).sort("created_at", 1)
        return [read_job(document) async for document in cursor]

    async def retry(self, job_id: str, *, order_id: str | None = None) -> Handled:
        """Make an undelivered job due now, with a fresh give-up clock.

        `order_id` names the order of a session that did not lead to one. Raises NotByHand for
        delivered and cancelled jobs, and when another paid session holds the order.
        """
        return await self.handle(job_id, lambda job: retried(job, order_id, self._clock.now()))

    async def park(self, job_id: str, why: str) -> Handled:
        """Take an undelivered job out of work; whoever works on it finds out at the next write.

        It keeps its order: no duplicate moves up. Raises NotByHand.
        """
        reason = Reason(code=ReasonCode.BY_HAND, detail=why)
        return await self.handle(job_id, lambda job: parked(job, reason, self._clock.now()))

    @verb
    async def handle(self, job_id: str, decide: Decide) -> Handled:
        """Carry out what `decide` says about the job as it is now. Raises what `decide` raises."""
        for _ in range(_TRIES):
            seen = await self._connection.latest(JOBS).find_one({"_id": job_id})
            if seen is None:
                raise NotByHand(f"There is no job {job_id}.")
            refuse_newer(seen)
            effect, changes = decide(seen)
            after = await self._change(seen, changes) if changes else seen
            if after is not None:
                return Handled(job=read_job(after), effect=effect)
        raise Unavailable(f"{job_id} changes too fast to be handled")

    async def _change(self, seen: Document, changes: Changes) -> Document | None:
        """Write if the job is still as it was seen; None when it is not."""
        guard = {"_id": seen["_id"]} | {field: seen.get(field) for field in SEEN_FIELDS}
        try:
            return await self._connection.collection(JOBS).find_one_and_update(
                guard, {"$set": dict(changes)}, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            holder = await find_holder(self._connection, seen["kind"], changes["order_id"])
        if holder is None:
            return None
        raise NotByHand(
            f"The order {changes['order_id']} belongs to {holder['_id']} ({holder['state']}). "
            "Refund one of the two payments; when the first is refunded before its delivery, "
            "this one moves up by itself."
        )


def retried(job: Document, order_id: str | None, now: datetime) -> tuple[Effect, Changes]:
    """Decide about starting a job again. Raises NotByHand."""
    state = _still_owed(job, "retry")
    if not is_job_id(job["_id"]):
        raise NotByHand(f"No worker takes an id like {job['_id']!r}: refund the payment.")
    if job.get("owner") is not None and state is not State.PARKED:
        return Effect.IN_WORK, {}
    not_before, order = job.get("not_before"), order_id or job.get("order_id")
    is_waiting_its_turn = isinstance(not_before, datetime) and not_before <= now
    if is_waiting_its_turn and state in {State.QUEUED, State.ANSWERED}:
        return Effect.ALREADY_DUE, {}
    back = State.ANSWERED if job.get("answer") else State.QUEUED
    # Who has a parked job is about to send its mails, and must still write down that they are sent.
    taken = {"updated_at": now} if job.get("owner") is not None else moved(job, now)
    return Effect.REOPENED, taken | {
        "state": back.value,
        "reason": None,
        "not_before": now,
        "rounds": 0,
        "rounds_for": None,
        "deaths": 0,
        "reopened_at": now,
        "order_id": order,
        # The unique index refuses what would make two sessions work for one order.
        "holds_order": order is not None,
    }


def parked(job: Document, reason: Reason, now: datetime) -> tuple[Effect, Changes]:
    """Decide about stopping a job. Raises NotByHand."""
    if _still_owed(job, "park") is State.PARKED:
        return Effect.ALREADY_PARKED, {}
    changes = {
        "state": State.PARKED.value,
        "reason": plain(reason),
        "not_before": None,
        "parked_at": now,
        "told_at": now,
    }
    return Effect.PARKED, moved(job, now) | changes


def moved(job: Document, now: datetime) -> dict[str, Any]:
    """Raise the fence: whatever somebody else still writes for this job is void."""
    return {"owner": None, "fence": read_job(job).fence + 1, "updated_at": now}


def refuse_newer(job: Document) -> None:
    """Raises NotByHand for what only a newer build may touch."""
    if words := newer_words(job):
        said = ", ".join(f"{field} {word!r}" for field, word in words.items())
        raise NotByHand(f"{job['_id']} has {said} of a newer build: use its command line.")


def _still_owed(job: Document, verb_name: str) -> State:
    state = State(job["state"])
    if state not in _FINAL:
        return state
    if state is State.DELIVERED:
        raise NotByHand(
            f"{job['_id']} is delivered: there is nothing to {verb_name}, and a result is never "
            "written twice."
        )
    code = (job.get("reason") or {}).get("code", "unknown reason")
    if job.get("erased_at"):
        raise NotByHand(f"{job['_id']} is erased: there is nothing left to {verb_name}.")
    raise NotByHand(
        f"{job['_id']} is cancelled ({code}): the money is not ours. A dispute that is won, or "
        "a refund that fails, re-opens it by itself."
    )
