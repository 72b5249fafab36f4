"""Who is alive: one heartbeat document per worker process, on MongoDB's own clock."""

from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from ledger.connection import Connection, SessionId, verb
from ledger.damage import readable
from ledger.failures import is_passing
from ledger.names import WORKERS

LIVE_WITHIN_S: Final = 2.0
"""Silence that means death. A false alarm costs one model call at most, never a result."""

_FORGOTTEN_AFTER_MS: Final = 600_000
_MOST_SESSIONS: Final = 256

log = structlog.get_logger(__name__)


class Worker(BaseModel):
    """One worker process as the ledger last saw it. `holding` are job ids."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    owner: str = Field(alias="_id")
    since: datetime
    seen_at: datetime
    holding: tuple[str, ...] = ()
    alive: bool


class MongoPresence:
    """Implements `domain.ports.Presence`; `live_within_s` is the silence that means death."""

    def __init__(self, connection: Connection, *, live_within_s: float = LIVE_WITHIN_S) -> None:
        self._connection = connection
        self._live_within_s = live_within_s
        # A beat is worth nothing a second later; waiting for a majority would only make the
        # living look dead.
        self._workers = connection.database.get_collection(WORKERS, write_concern=WriteConcern(w=1))
        self._sessions: deque[SessionId] = deque(maxlen=_MOST_SESSIONS)

    def speak_for(self, owner: str) -> None:
        """Name every session of this process in the owner's heartbeat, before it holds locks."""

        async def introduce(session: SessionId) -> None:
            if session in self._sessions:
                return
            # In the list first: a beat under way at the same time would take it out again.
            self._sessions.append(session)
            try:
                named = {"$addToSet": {"sessions": session}}
                await self._workers.update_one({"_id": owner}, named)
            except BaseException:
                self._sessions.remove(session)
                raise

        self._connection.introduce = introduce

    @verb
    async def beat(self, owner: str, *, holding: Collection[str]) -> None:
        fields = {
            "seen_at": "$$NOW",
            "since": {"$ifNull": ["$since", "$$NOW"]},
            "expires_at": {"$add": ["$$NOW", _FORGOTTEN_AFTER_MS]},
            "holding": {"$literal": sorted(holding)},
            "sessions": {"$literal": list(self._sessions)},
        }
        await self._workers.update_one({"_id": owner}, [{"$set": fields}], upsert=True)

    @verb
    async def leave(self, owner: str) -> None:
        await self._workers.delete_one({"_id": owner})

    async def live(self) -> list[str]:
        """Return the owners heard of lately. Raises Unavailable."""
        return [worker.owner for worker in await self.workers() if worker.alive]

    @verb
    async def workers(self) -> list[Worker]:
        """Return everybody heard of in the last ten minutes, the silent ones too."""
        alive = {"$set": {"alive": _heard_of_within(self._live_within_s)}}
        cursor = self._connection.latest(WORKERS).aggregate([alive, {"$sort": {"_id": 1}}])
        return readable(Worker, [document async for document in cursor])


async def end_sessions(connection: Connection, owners: Collection[str]) -> None:
    """End the transactions that dead owners left open.

    Their locks would stand for `transactionLifetimeLimitSeconds`, a minute by default, and nobody
    could take over the very job that was being delivered. An owner that lives after all begins
    its transaction again. Source: MongoDB manual, "killSessions".
    """
    workers = connection.latest(WORKERS).with_options(write_concern=WriteConcern(w=1))
    left_open = {"_id": {"$in": list(owners)}, "sessions.0": {"$exists": True}}
    async for worker in workers.find(left_open, {"sessions": 1}):
        try:
            await connection.client.admin.command("killSessions", worker["sessions"])
        except OperationFailure as error:
            if is_passing(error):
                raise
            # Hosts may refuse the command; the rescue loop must go on, and the locks run out.
            log.warning("sessions_not_ended", owner=worker["_id"], code=error.code)
        await workers.update_one({"_id": worker["_id"]}, {"$unset": {"sessions": ""}})


async def live_owners(
    connection: Connection, live_within_s: float, *, among: Sequence[str] | None = None
) -> list[str]:
    """Return the ids of living owners, all of them or those among the given."""
    query: dict[str, Any] = {"$expr": _heard_of_within(live_within_s)}
    if among is not None:
        query["_id"] = {"$in": list(among)}
    cursor = connection.latest(WORKERS).find(query, {"_id": 1})
    return [document["_id"] async for document in cursor]


def _heard_of_within(seconds: float) -> dict[str, Any]:
    """Compare on the server, so that hosts with wrong clocks neither die nor live for ever."""
    since = {"$subtract": ["$$NOW", round(seconds * 1000)]}
    # The end keeps out what was damaged by hand: other types sort behind every date.
    until = {"$add": ["$$NOW", _FORGOTTEN_AFTER_MS]}
    return {"$and": [{"$gt": ["$seen_at", since]}, {"$lt": ["$seen_at", until]}]}
