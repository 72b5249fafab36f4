"""What can be counted in the ledger, counted by MongoDB and read through its indexes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bson import MinKey

from domain.answer import AttemptOutcome
from domain.figures import (
    COST_BOUNDS_USD,
    LATENCY_BOUNDS_MS,
    AttemptFigures,
    ChoreFigures,
    Figures,
    JobFigures,
    JobLine,
    MailFigures,
    Performance,
    WorkerFigures,
)
from domain.job import Job, MailState, MailTo, State
from domain.ports import Clock
from ledger.connection import Connection, Document, verb
from ledger.damage import KNOWN_STATE, OLDEST, readable
from ledger.documents import read_job, read_order
from ledger.leases import Leases
from ledger.names import AI_REQUESTS, JOBS, MODEL_PERFORMANCE
from ledger.newer import IN_UNKNOWN_STATE
from ledger.proof import ProofBook
from ledger.workers import MongoPresence

ATTEMPTS_OF: Final = timedelta(hours=24)
MAILS_OF: Final = timedelta(days=7)
_ALL_STATES: Final = [state.value for state in State]
_OWED_MAILS: Final = [MailState.PENDING.value, MailState.FAILED.value]
_LATENCY: Final = "$response_data.response_time_ms"
_COST: Final = "$response_data.token_usage.cost_usd"


class MongoFigures:
    """Every verb raises Unavailable."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._presence = MongoPresence(connection)
        self._leases = Leases(connection, clock, holder="")

    async def figures(self) -> Figures:
        now = self._clock.now()
        return Figures(
            jobs=await self.by_state(),
            proof=await ProofBook(self._connection).last(),
            mails=[figure for to in MailTo for figure in await self._mails(to, now - MAILS_OF)],
            attempts=await self._attempts(now - ATTEMPTS_OF),
            workers=await self._workers(),
            chores=await self._chores(),
        )

    @verb
    async def jobs(self, state: State | None, limit: int) -> list[JobLine]:
        """Return the newest jobs, of one state or of all; a newer build's first, as waiting."""
        is_asked = state in {None, State.WAITING}
        newer = await self._lines(IN_UNKNOWN_STATE, limit) if is_asked else []
        # Naming every state lets the index on state and birth serve both cases.
        known = {"state": {"$in": [state.value] if state else _ALL_STATES}}
        return [*newer, *await self._lines(known, limit)][:limit]

    async def _lines(self, query: dict[str, Any], limit: int) -> list[JobLine]:
        fields = {name: 1 for name in JobLine.model_fields if name != "id"}
        found = self._connection.collection(JOBS).find(query, fields)
        newest = found.sort("created_at", -1).limit(limit)
        return [_line(read_job(job)) async for job in newest]

    @verb
    async def performance(self, since: datetime) -> list[Performance]:
        """Return what the daily aggregation wrote for the days since, newest first."""
        found = self._connection.collection(MODEL_PERFORMANCE).find({"date": {"$gte": since}})
        days = found.sort([("date", -1), ("model_id", 1)])
        return readable(Performance, [day | {"date": day["date"].date()} async for day in days])

    @verb
    async def by_state(self) -> list[JobFigures]:
        """Return all jobs, counted by state."""
        # Match and group name indexed fields only, so that no job is fetched.
        group = {"_id": KNOWN_STATE, "count": {"$sum": 1}, "oldest": OLDEST}
        # Whatever is there: a job of an unknown state is in the index as well.
        match = {"state": {"$gte": MinKey()}}
        stages: list[dict[str, Any]] = [{"$match": match}, {"$group": group}]
        found = self._connection.collection(JOBS).aggregate(stages)
        now = self._clock.now()
        return [
            JobFigures(state=job["_id"], count=job["count"], oldest=job["oldest"] or now)
            async for job in found
        ]

    @verb
    async def _mails(self, to: MailTo, since: datetime) -> list[MailFigures]:
        state = f"mails.{to}.state"
        match = {
            "state": {"$in": [State.DELIVERED.value, State.PARKED.value]},
            "created_at": {"$gte": since},
            state: {"$in": _OWED_MAILS},
        }
        group = {"$group": {"_id": f"${state}", "count": {"$sum": 1}}}
        stages: list[dict[str, Any]] = [{"$match": match}, group]
        found = self._connection.collection(JOBS).aggregate(stages)
        counts = {group["_id"]: group["count"] async for group in found}
        return [
            MailFigures(to=to, state=MailState(state), count=counts.get(state, 0))
            for state in _OWED_MAILS
        ]

    @verb
    async def _attempts(self, since: datetime) -> list[AttemptFigures]:
        stages = [{"$match": {"timestamp": {"$gte": since}}}, {"$group": _attempt_group()}]
        found = self._connection.collection(AI_REQUESTS).aggregate(stages)
        figures = readable(AttemptFigures, [_attempt_figures(group) async for group in found])
        return sorted(figures, key=lambda f: (f.tier, f.model, f.outcome))

    async def _workers(self) -> WorkerFigures:
        workers = await self._presence.workers()
        alive = [worker for worker in workers if worker.alive]
        return WorkerFigures(
            alive=len(alive),
            silent=len(workers) - len(alive),
            holding=sum(len(worker.holding) for worker in alive),
        )

    async def _chores(self) -> list[ChoreFigures]:
        return [
            ChoreFigures(name=chore.name, period_s=chore.period_s, age_s=chore.age_s)
            for chore in await self._leases.ages()
        ]


def _attempt_group() -> dict[str, Any]:
    outcome = {"$ifNull": ["$error_details.outcome", AttemptOutcome.ACCEPTED.value]}
    fields: dict[str, Any] = {
        "_id": {"model": "$model_asked", "tier": "$model_tier", "outcome": outcome},
        "count": {"$sum": 1},
        "latency_ms": {"$sum": _LATENCY},
        "cost_usd": {"$sum": _COST},
    }
    return (
        fields
        | _bucket_sums("latency", _LATENCY, LATENCY_BOUNDS_MS)
        | _bucket_sums("cost", _COST, COST_BOUNDS_USD)
    )


def _bucket_sums(name: str, field: str, bounds: Sequence[float]) -> dict[str, Any]:
    return {
        f"{name}_{place}": {"$sum": {"$cond": [{"$lte": [field, bound]}, 1, 0]}}
        for place, bound in enumerate(bounds)
    }


def _line(job: Job) -> JobLine:
    return JobLine.model_validate(job.model_dump(include=set(JobLine.model_fields), by_alias=True))


def _attempt_figures(group: Document) -> Document:
    """Return the fields of AttemptFigures."""
    return read_order(group["_id"] | group) | {
        "latency_buckets": [group[f"latency_{i}"] for i in range(len(LATENCY_BOUNDS_MS))],
        "cost_buckets": [group[f"cost_{i}"] for i in range(len(COST_BOUNDS_USD))],
    }
