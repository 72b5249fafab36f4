"""The worker's verbs on the collection `jobs`, each one compare-and-set on owner and fence."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from domain.answer import Answer
from domain.duties import after_parking
from domain.errors import LostClaim
from domain.job import Claim, Job, MailDuty, MailTo, Reason, ReasonCode, Stage, State
from domain.ports import Clock
from ledger.connection import Connection, Document, verb
from ledger.damage import KNOWN_STATE, OLDEST, DamagedJob, set_aside
from ledger.delivery import Delivery
from ledger.documents import plain, read_job
from ledger.holding import promote_next
from ledger.names import JOBS
from ledger.newer import OURS, Left, newer_words
from ledger.results import next_mail_at, next_mail_expression
from ledger.transactions import in_transaction
from ledger.workers import LIVE_WITHIN_S, end_sessions, live_owners

_ACTIVE: Final = (State.RUNNING, State.ANSWERED)
# A newer build may owe mails for a cancelled job.
_AT_REST: Final = (State.DELIVERED, State.PARKED, State.CANCELLED)
_OWED: Final = (State.QUEUED, State.RUNNING, State.WAITING, State.ANSWERED)
# Who holds its order has nothing to prepare: there is no write between claim and model then.
_FIRST_STAGE: Final = {
    "$cond": [{"$eq": ["$holds_order", True]}, Stage.ANALYZING.value, Stage.PREPARING.value]
}
# A delivery may have to start again behind others that draw certificate numbers.
_DELIVERY_PATIENCE: Final = 3
_MARK_S: Final = 1.0


class Backlog(BaseModel):
    """Jobs by state, and the birth of the oldest job which the machine still owes (not parked)."""

    model_config = ConfigDict(frozen=True)

    counts: dict[State, int]
    oldest_undelivered: datetime | None


class MongoJobs:
    """Implements `domain.ports.Jobs`, and what the rescue loop needs. Raises Unavailable.

    `not_before` is when a job next needs a worker, and null when it needs none. It stays in the
    past while a worker has the job, so that the job is due the moment its owner is dead.
    """

    def __init__(
        self, connection: Connection, clock: Clock, *, live_within_s: float = LIVE_WITHIN_S
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._live_within_s = live_within_s
        self._jobs = connection.collection(JOBS)
        self._left = Left()

    @verb
    async def claim(self, job_id: str, *, owner: str) -> Claim | None:
        now = self._clock.now()
        due = {"_id": job_id, "not_before": {"$lte": now}}
        job = await self._take(due | OURS | {"owner": None}, owner, now)
        if job is None:
            orphan = await self._find_orphan(due)
            job = await self._take(due | OURS | orphan, owner, now, deaths=1) if orphan else None
        if job is None:
            return None
        claimed = read_job(job)
        if isinstance(claimed, DamagedJob):
            await set_aside(self._jobs, job, claimed, now)
            return None
        return Claim(job=claimed, owner=owner, fence=job["fence"])

    @verb
    async def link(self, claim: Claim, order_id: str) -> bool:
        """A job that must let others go first keeps the order's id, so that it can move up."""
        stage = Stage.ANALYZING
        try:
            await self._write(claim, _ACTIVE, order_id=order_id, holds_order=True, stage=stage)
        except DuplicateKeyError:
            await self._write(claim, _ACTIVE, order_id=order_id, holds_order=False)
            return False
        return True

    @verb
    async def reach(self, claim: Claim, stage: Stage) -> None:
        await self._write(claim, stage=stage)

    @verb
    async def count_attempt(self, claim: Claim) -> None:
        await self._update(claim, {"$inc": {"attempts": 1}, "$set": self._stamped()})

    @verb
    async def journal(self, claim: Claim, answer: Answer) -> Claim:
        is_new = {"$eq": ["$state", State.RUNNING.value]}
        changes = {
            "state": State.ANSWERED.value,
            "stage": Stage.FINALIZING.value,
            "answer": {"$literal": plain(answer)},
            # Once only: who does not hear that it arrived says it again.
            "attempts": {"$add": [_number("$attempts"), {"$cond": [is_new, 1, 0]}]},
        }
        update = [{"$set": self._stamped(**changes)}]
        return self._still(claim, await self._update(claim, update, _ACTIVE))

    async def deliver(self, claim: Claim, mails: dict[MailTo, MailDuty]) -> Claim:
        """Raises also InvalidOrder, field `_id`, when the order document is gone."""
        limit_s = self._connection.op_timeout_s * _DELIVERY_PATIENCE
        async with self._connection.answering(limit_s=limit_s):
            job = await in_transaction(
                self._connection,
                lambda session: Delivery(self._connection, session, self._clock.now()).make(
                    claim, mails
                ),
                limit_s=limit_s,
            )
        return self._still(claim, job)

    @verb
    async def wait(self, claim: Claim, until: datetime, reason: Reason) -> None:
        """`running` becomes `waiting`; an answered job just waits.

        Rounds count up for one reason and begin anew with another, since each has its schedule.
        """
        same = {"$eq": ["$rounds_for", reason.code.value]}
        changes = {
            "state": _unless_running(State.WAITING),
            "rounds": {"$cond": [same, {"$add": [_number("$rounds"), 1]}, 1]},
            "rounds_for": reason.code.value,
            "reason": {"$literal": plain(reason)},
            "not_before": until,
            "owner": None,
        }
        await self._update(claim, [{"$set": self._stamped(**changes)}], _ACTIVE)

    @verb
    async def park(self, claim: Claim, reason: Reason) -> None:
        now, mails = self._clock.now(), after_parking(claim.job.mails, reason)
        parked = await self._write(
            claim,
            _ACTIVE,
            state=State.PARKED,
            reason=reason,
            parked_at=now,
            owner=None,
            mails=mails,
            not_before=next_mail_at(mails.values(), now),
        )
        if reason.code is ReasonCode.DUPLICATE_PAYMENT:
            job = parked.job
            await promote_next(self._connection, job.kind, job.order_id, self._clock.now())

    @verb
    async def release(self, claim: Claim) -> None:
        await self._update(claim, [{"$set": self._released()}])

    @verb
    async def settle_mail(
        self, claim: Claim, to: MailTo, duty: MailDuty, *, rest: bool = False
    ) -> Claim:
        """A job that is retried by hand meanwhile keeps its claim: what was sent is written."""
        settled = {"$set": self._stamped(**{f"mails.{to}": {"$literal": plain(duty)}})}
        update = [settled, {"$set": self._rested()}] if rest else [settled]
        return self._still(claim, await self._update(claim, update))

    @verb
    async def rest(self, claim: Claim) -> None:
        await self._update(claim, [{"$set": self._stamped(**self._rested())}])

    @verb
    async def get(self, job_id: str) -> Job | None:
        job = await self._jobs.find_one({"_id": job_id})
        return read_job(job) if job else None

    @verb
    async def due(self, limit: int, *, rung_before: datetime) -> list[str]:
        """Return jobs without a living owner, not rung since `rung_before`, longest due first."""
        query = OURS | {
            "_id": {"$type": "string"},
            "not_before": {"$lte": self._clock.now()},
            "owner": {"$nin": await live_owners(self._connection, self._live_within_s)},
            "rung_at": {"$not": {"$gte": rung_before}},
        }
        cursor = self._jobs.find(query, {"_id": 1}).sort("not_before", 1).limit(limit)
        return [job["_id"] async for job in cursor]

    @verb
    async def orphans(self, limit: int) -> dict[str, str]:
        """Return due jobs whose owner is dead with that owner, longest due first."""
        living = await live_owners(self._connection, self._live_within_s)
        query = OURS | {
            "_id": {"$type": "string"},
            "owner": {"$gt": "", "$nin": living},
            "not_before": {"$lte": self._clock.now()},
        }
        cursor = self._jobs.find(query, {"owner": 1}).sort("not_before", 1).limit(limit)
        return {job["_id"]: job["owner"] async for job in cursor}

    @verb
    async def end_sessions(self, owners: Collection[str]) -> None:
        """Free the documents that dead owners still hold locked."""
        await end_sessions(self._connection, owners)

    async def mark_rung(self, job_ids: Iterable[str]) -> None:
        """Raises Unavailable soon where one of them is locked, for all that come after it."""
        rung = {"$set": {"rung_at": self._clock.now()}}
        async with self._connection.answering(limit_s=_MARK_S):
            await self._jobs.update_many({"_id": {"$in": list(job_ids)}}, rung)

    @verb
    async def release_forgotten(self, owner: str, holding: Collection[str]) -> int:
        """Release what the ledger says `owner` has and `owner` does not know of; return how many.

        That happens when the answer to a claim got lost. `holding` must name the jobs whose claim
        is still under way, too.
        """
        query = {"owner": owner, "_id": {"$nin": list(holding)}}
        result = await self._jobs.update_many(query, [{"$set": self._released()}])
        return int(result.modified_count)

    @verb
    async def backlog(self) -> Backlog:
        group = {"_id": KNOWN_STATE, "count": {"$sum": 1}, "oldest": OLDEST}
        groups = {g["_id"]: g async for g in self._jobs.aggregate([{"$group": group}])}
        return Backlog(
            counts={State(state): found["count"] for state, found in groups.items()},
            oldest_undelivered=min(
                (
                    groups[state]["oldest"]
                    for state in _OWED
                    if state in groups and groups[state]["oldest"]
                ),
                default=None,
            ),
        )

    async def _find_orphan(self, due: dict[str, Any]) -> dict[str, Any] | None:
        """Return owner and fence of a due job whose owner is dead.

        The job is read before the heartbeats, and owners beat before they claim: a newcomer
        cannot be taken for dead.
        """
        fields = {"owner": 1, "fence": 1, "state": 1, "kind": 1}
        job = await self._connection.latest(JOBS).find_one(due, fields)
        if job and (words := newer_words(job)):
            self._left.say(job["_id"], words)
            return None
        owner = job.get("owner") if job else None
        if job is None or owner is None:
            return None
        is_alive = await live_owners(self._connection, self._live_within_s, among=[owner])
        return None if is_alive else {"owner": owner, "fence": job.get("fence")}

    async def _take(
        self, guard: dict[str, Any], owner: str, now: datetime, *, deaths: int = 0
    ) -> Document | None:
        starting = {"$in": ["$state", [State.QUEUED.value, State.WAITING.value]]}
        is_parked = {"$eq": ["$state", State.PARKED.value]}
        changes = {
            "state": {"$cond": [starting, State.RUNNING.value, "$state"]},
            "owner": {"$literal": owner},
            "fence": {"$add": [_number("$fence"), 1]},
            "stage": {"$cond": [starting, _FIRST_STAGE, "$stage"]},
            "deaths": {"$add": [_number("$deaths"), deaths]},
            "started_at": {"$ifNull": ["$started_at", {"$cond": [is_parked, None, now]}]},
            "reason": {"$cond": [is_parked, "$reason", None]},
            "updated_at": now,
        }
        return await self._jobs.find_one_and_update(
            guard, [{"$set": changes}], return_document=ReturnDocument.AFTER
        )

    async def _write(
        self, claim: Claim, states: Sequence[State] = (), /, **changes: object
    ) -> Claim:
        update = {"$set": self._stamped(**plain(changes))}
        return self._still(claim, await self._update(claim, update, states))

    async def _update(
        self,
        claim: Claim,
        update: dict[str, Any] | list[dict[str, Any]],
        states: Sequence[State] = (),
    ) -> Document:
        job = await self._jobs.find_one_and_update(
            _guard(claim, states), update, return_document=ReturnDocument.AFTER
        )
        if job is None:
            raise LostClaim(claim.job_id)
        return job

    def _still(self, claim: Claim, job: Document) -> Claim:
        return Claim(job=read_job(job), owner=claim.owner, fence=claim.fence)

    def _stamped(self, **changes: Any) -> dict[str, Any]:
        return changes | {"updated_at": self._clock.now()}

    def _rested(self) -> dict[str, Any]:
        """Return the expressions that let go of a job; due with its next mail, if at rest."""
        now = self._clock.now()
        at_rest = {"$in": ["$state", [state.value for state in _AT_REST]]}
        return {"owner": None, "not_before": {"$cond": [at_rest, next_mail_expression(now), now]}}

    def _released(self) -> dict[str, Any]:
        return self._stamped(
            state=_unless_running(State.QUEUED), owner=None, not_before=self._clock.now()
        )


def _guard(claim: Claim, states: Sequence[State]) -> dict[str, Any]:
    guard = {"_id": claim.job_id, "owner": claim.owner, "fence": claim.fence}
    return guard | {"state": {"$in": [state.value for state in states]}} if states else guard


def _number(field: str) -> dict[str, Any]:
    """Take what is no number for none yet: whoever claims the job then sees the damage."""
    return {"$cond": [{"$isNumber": field}, field, 0]}


def _unless_running(state: State) -> dict[str, Any]:
    """Return the expression that replaces `running` and keeps every later state."""
    return {"$cond": [{"$eq": ["$state", State.RUNNING.value]}, state.value, "$state"]}
