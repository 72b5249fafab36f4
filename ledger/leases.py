"""Chores of the clock: each done by one process at a time and once per period."""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import LostClaim, Unavailable
from domain.ports import Clock
from ledger.connection import Connection, verb
from ledger.damage import readable
from ledger.names import LEASES

SKIPPED: Final = "skipped"
"""Outcome of a run that was somebody else's to do, or nobody's yet."""

DAY_S: Final = 86_400.0

# A tick that comes a little early must not cost a whole period.
_RESTED: Final = 0.9

Work = Callable[[], Awaitable[str]]


class Fault(BaseModel):
    """How a run failed; only the error's type, because its text may quote customers."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    type: str


class ChoreAge(BaseModel):
    """How a chore is doing. `age_s` are the seconds since its last success, None before it.

    `period_s` is how far apart successes should be; `holder` is who does it right now. A fault is
    news while it is younger than the last success.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field(alias="_id")
    period_s: float
    age_s: float | None = None
    last_started: datetime
    last_success: datetime | None = None
    last_error: Fault | None = None
    duration_ms: float | None = None
    runs: int
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class _Lease:
    name: str
    holder: str

    @property
    def guard(self) -> dict[str, Any]:
        return {"_id": self.name, "holder": self.holder}


class Leases:
    """Who does which chore until when, on MongoDB's own clock.

    A holder that dies lets the lease run out after `lease_s`; the chore is then due at once.
    """

    def __init__(
        self, connection: Connection, clock: Clock, *, holder: str, lease_s: float = 10.0
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._holder = holder
        self._lease_s = lease_s
        self._leases = connection.collection(LEASES)

    async def run(
        self, name: str, *, every_s: float, work: Work, since: datetime | None = None
    ) -> str:
        """Do `work` and return its outcome, or SKIPPED when it is not due or in other hands.

        It is due `every_s` after its last start; with `since` only until a run that began at or
        after that moment has succeeded. Whatever `work` raises is recorded and raised.
        Raises Unavailable, and LostClaim when the lease ran out under the work, which is
        cancelled then.
        """
        lease = await self._take(name, every_s, since)
        if lease is None:
            return SKIPPED
        try:
            outcome = await self._while_held(lease, work)
        except asyncio.CancelledError:
            with contextlib.suppress(Unavailable):
                await self._hand_back(lease)
            raise
        except Exception as error:
            with contextlib.suppress(Unavailable):
                await self._end(lease, _failed(error))
            raise
        await self._end(lease, _SUCCEEDED)
        return outcome

    @verb
    async def ages(self) -> list[ChoreAge]:
        """Return all chores ever begun, by name. Raises Unavailable."""
        now = {
            "age_s": {"$divide": [{"$subtract": ["$$NOW", _date("$last_success")]}, 1000]},
            "holder": {"$cond": [{"$gt": ["$until", "$$NOW"]}, "$holder", None]},
        }
        begun = {"$match": {"last_started": {"$ne": None}}}
        cursor = self._connection.latest(LEASES).aggregate(
            [begun, {"$set": now}, {"$sort": {"_id": 1}}]
        )
        return readable(ChoreAge, [document async for document in cursor])

    @verb
    async def _take(self, name: str, every_s: float, since: datetime | None) -> _Lease | None:
        lease = _Lease(name, f"{self._holder}/{uuid.uuid4().hex[:8]}")
        await self._leases.update_one(
            {"_id": name}, {"$setOnInsert": {"holder": None}}, upsert=True
        )
        fields = {
            "holder": {"$literal": lease.holder},
            "until": self._later(),
            "last_started": "$$NOW",
            "period_s": DAY_S if since else every_s,
            "runs": {"$add": [{"$ifNull": ["$runs", 0]}, 1]},
        }
        due = {"_id": name, "$expr": _is_due(every_s, since)}
        result = await self._leases.update_one(due, [{"$set": fields}])
        return lease if result.matched_count else None

    async def _while_held(self, lease: _Lease, work: Work) -> str:
        working, keeping = asyncio.ensure_future(work()), asyncio.ensure_future(self._keep(lease))
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise LostClaim(lease.name)
            return working.result()
        finally:
            for task in (working, keeping):
                task.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)

    async def _keep(self, lease: _Lease) -> None:
        """Renew until the lease is lost, or may be because MongoDB was away for too long."""
        renewed = self._clock.monotonic()
        while self._clock.monotonic() - renewed < self._lease_s:
            await self._clock.sleep(self._lease_s / 3)
            with contextlib.suppress(Unavailable):
                asked = self._clock.monotonic()
                if not await self._set(lease, {"until": self._later()}):
                    return
                renewed = asked

    async def _end(self, lease: _Lease, fields: dict[str, Any]) -> None:
        duration = {"$subtract": ["$$NOW", "$last_started"]}
        await self._set(lease, fields | {"duration_ms": duration, "holder": None, "until": "$$NOW"})

    async def _hand_back(self, lease: _Lease) -> None:
        """Look as if we had died, so that the chore is due at once."""
        await self._set(lease, {"until": "$$NOW"})

    @verb
    async def _set(self, lease: _Lease, fields: dict[str, Any]) -> bool:
        result = await self._leases.update_one(lease.guard, [{"$set": fields}])
        return bool(result.matched_count)

    def _later(self) -> dict[str, Any]:
        return {"$add": ["$$NOW", round(self._lease_s * 1000)]}


def _date(field: str) -> dict[str, Any]:
    return {"$cond": [{"$eq": [{"$type": field}, "date"]}, field, None]}


_SUCCEEDED: Final = {"last_success": "$$NOW", "success_began": "$last_started"}


def _failed(error: Exception) -> dict[str, Any]:
    return {"last_error": {"at": "$$NOW", "type": type(error).__name__}}


def _is_due(every_s: float, since: datetime | None) -> dict[str, Any]:
    """Return the condition under which the lease may be taken. A missing date is an early one."""
    rest_ms = round(every_s * 1000 * _RESTED)
    rested = {"$lte": [{"$add": ["$last_started", rest_ms]}, "$$NOW"]}
    died = {"$ne": ["$holder", None]}
    nobody = {"$lte": ["$until", "$$NOW"]}
    undone = [{"$lt": ["$success_began", since]}] if since else []
    return {"$and": [nobody, {"$or": [died, rested]}, *undone]}
