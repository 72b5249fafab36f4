"""The ledger watched from outside: MongoDB's change stream, followed through every outage."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from sandbox.chaos.history import FINAL, JobHistory, OrderHistory

Json = dict[str, Any]

JOBS: Final = "jobs"
ORDERS: Final = ("bewertungen", "wertgutachten")
_LOOK_AGAIN_S: Final = 0.2
_LONG_TEXTS: Final = (
    "updateDescription.updatedFields.answer",
    "updateDescription.updatedFields.bewertung",
    "updateDescription.updatedFields.zertifikat_data",
)


def _pipeline() -> list[Json]:
    """Leave the long texts at the server: that they were written is all we follow."""
    told = {
        path: {"$cond": [{"$gt": [f"${path}", None]}, True, "$$REMOVE"]} for path in _LONG_TEXTS
    }
    return [{"$match": {"ns.coll": {"$in": [JOBS, *ORDERS]}}}, {"$set": told}]


@dataclass(slots=True)
class _Lurker:
    sees: Callable[[JobHistory], bool]
    found: asyncio.Future[JobHistory]


@dataclass(slots=True)
class LedgerWatch:
    """Keeps every job's and order's history. `follow` runs until it is cancelled.

    What happens before `opened` is set is not seen.
    """

    jobs: dict[str, JobHistory] = field(default_factory=dict)
    orders: dict[str, OrderHistory] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    changes: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    _lurkers: list[_Lurker] = field(default_factory=list)

    async def follow(self, client: AsyncMongoClient[Json], database: str) -> None:
        token: Any = None
        while True:
            try:
                async with await client[database].watch(
                    _pipeline(), resume_after=token, max_await_time_ms=500
                ) as stream:
                    while stream.alive:
                        change = await stream.try_next()
                        token = stream.resume_token
                        self.opened.set()
                        if change is not None:
                            self.take(change)
            except PyMongoError:
                await asyncio.sleep(_LOOK_AGAIN_S)

    def take(self, change: Json) -> None:
        """Fold one change in and wake whoever lay in wait for it."""
        self.changes += 1
        document_id = str(change["documentKey"]["_id"])
        if change["ns"]["coll"] in ORDERS:
            self.orders.setdefault(document_id, OrderHistory(document_id)).take(change)
            return
        history = self.jobs.setdefault(document_id, JobHistory(document_id))
        history.take(change, change["wallTime"].timestamp())
        (self.ended.add if history.now.state in FINAL else self.ended.discard)(document_id)
        for lurker in tuple(self._lurkers):
            if not lurker.found.done() and lurker.sees(history):
                lurker.found.set_result(history)

    async def lurk(
        self, sees: Callable[[JobHistory], bool], *, timeout_s: float
    ) -> JobHistory | None:
        """Return the first job whose newest write is what we wait for; None after the time."""
        lurker = _Lurker(sees, asyncio.get_running_loop().create_future())
        self._lurkers.append(lurker)
        try:
            return await asyncio.wait_for(lurker.found, timeout_s)
        except TimeoutError:
            return None
        finally:
            self._lurkers.remove(lurker)

    async def settled(self, job_id: str, *, timeout_s: float) -> bool:
        """Wait until a job is final and owes no mail; return whether it is."""
        known = self.jobs.get(job_id)
        if known and known.is_settled:
            return True
        seen = await self.lurk(
            lambda history: history.job_id == job_id and history.is_settled, timeout_s=timeout_s
        )
        return seen is not None
