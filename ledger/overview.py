"""What people want to know about the ledger as a whole: reading only, no customer text."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pymongo.errors import OperationFailure

from domain.duties import BROKEN_PROMISES
from domain.job import Job, MailState, MailTo, ReasonCode, State
from ledger.connection import Connection, Document, verb
from ledger.damage import KNOWN_CODE, KNOWN_STATE, OLDEST, readable
from ledger.documents import read_job
from ledger.names import AI_REQUESTS, ERROR_LOGS, JOBS, STRIPE_EVENTS
from ledger.newer import IN_UNKNOWN_STATE

_VITAL_INDEXES: Final = {
    JOBS: frozenset({"due", "one_paid_session_per_order", "session", "payment"}),
}
_NAMESPACE_NOT_FOUND: Final = 26
_MOST_ENTRIES: Final = 1000
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MAILS: Final = {"$cond": [{"$eq": [{"$type": "$mails"}, "object"]}, "$mails", {}]}


class Pile(BaseModel):
    """Jobs of one state and reason, and the birth of the oldest."""

    model_config = ConfigDict(frozen=True)

    state: State
    code: ReasonCode | None
    count: int
    oldest: datetime


class MailPile(BaseModel):
    """Mails of one kind in one state."""

    model_config = ConfigDict(frozen=True)

    to: MailTo
    state: MailState
    count: int


class Server(BaseModel):
    """The server as it describes itself."""

    model_config = ConfigDict(frozen=True)

    version: str
    replica_set: str | None
    time: datetime


class EventSeen(BaseModel):
    """One document of `stripe_events`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(alias="_id")
    type: str
    created: datetime
    received_at: datetime | None = None
    deliveries: int = 0
    outcome: str | None = None


class AttemptSeen(BaseModel):
    """One document of `ai_requests`, without horse and text."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    timestamp: datetime
    model_used: str
    model_tier: str | None = None
    provider: str | None = None
    generation_id: str | None = None
    success: bool
    verdict: tuple[str, ...] = ()
    response_data: dict[str, Any] = Field(default_factory=dict)
    error_details: dict[str, Any] = Field(default_factory=dict)


class ErrorSeen(BaseModel):
    """One document of `error_logs`, without message and stack."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    timestamp: datetime
    error_type: str
    error_code: str | None = None
    model_used: str | None = None


class Overview:
    """Every verb raises Unavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs = connection.latest(JOBS)

    @verb
    async def piles(self) -> list[Pile]:
        """Return all jobs, counted by state and reason."""
        key = {"state": KNOWN_STATE, "code": KNOWN_CODE}
        group = {"_id": key, "count": {"$sum": 1}, "oldest": OLDEST}
        cursor = self._jobs.aggregate([{"$group": group}])
        return [
            Pile(
                state=found["_id"]["state"],
                code=found["_id"].get("code"),
                count=found["count"],
                oldest=found["oldest"] or _EPOCH,
            )
            async for found in cursor
        ]

    @verb
    async def mails(self) -> list[MailPile]:
        """Return the mails of delivered and parked jobs, counted by purpose and state."""
        stages: list[dict[str, Any]] = [
            {"$match": {"state": {"$in": [State.DELIVERED.value, State.PARKED.value]}}},
            {"$project": {"mail": {"$objectToArray": _MAILS}}},
            {"$unwind": "$mail"},
            {"$group": {"_id": {"to": "$mail.k", "state": "$mail.v.state"}, "count": {"$sum": 1}}},
        ]
        cursor = self._jobs.aggregate(stages)
        return readable(MailPile, [found["_id"] | found async for found in cursor])

    @verb
    async def newest(self, states: Collection[State], limit: int) -> list[Job]:
        """Return jobs in these states, newest first, without their answers.

        Those in a state of a newer build come first, among the waiting.
        """
        newer = await self._newest(IN_UNKNOWN_STATE, limit) if State.WAITING in states else []
        known = {"state": {"$in": [state.value for state in states]}}
        return [*newer, *await self._newest(known, limit)][:limit]

    async def _newest(self, query: dict[str, Any], limit: int) -> list[Job]:
        cursor = self._jobs.find(query, {"answer": 0}).sort("created_at", -1).limit(limit)
        return [read_job(document) async for document in cursor]

    @verb
    async def broken_promises(self, limit: int) -> list[Job]:
        """Return the parked jobs for which a refund is proposed, oldest first."""
        codes = [code.value for code in BROKEN_PROMISES]
        query = {"state": State.PARKED.value, "reason.code": {"$in": codes}}
        cursor = self._jobs.find(query, {"answer": 0}).sort("created_at", 1).limit(limit)
        return [read_job(document) async for document in cursor]

    @verb
    async def events(self, sessions: Sequence[str], payments: Sequence[str]) -> list[EventSeen]:
        """Return what Stripe said about these sessions and payments, oldest first."""
        query = {
            "$or": [
                {"session_id": {"$in": list(sessions)}},
                {"payment_intent": {"$in": list(payments)}},
            ]
        }
        cursor = self._connection.latest(STRIPE_EVENTS).find(query).sort("created", 1)
        return readable(EventSeen, await cursor.to_list(_MOST_ENTRIES))

    @verb
    async def attempts(self, sessions: Sequence[str]) -> list[AttemptSeen]:
        """Return the calls to models for these sessions, oldest first."""
        private = {"horse_data": 0, "response_data.content": 0, "error_details.error_message": 0}
        found = await self._of_sessions(AI_REQUESTS, sessions, private)
        return readable(AttemptSeen, found)

    @verb
    async def errors(self, sessions: Sequence[str]) -> list[ErrorSeen]:
        """Return what went wrong with these sessions, oldest first."""
        private = {"error_message": 0, "stack_trace": 0, "request_data": 0}
        found = await self._of_sessions(ERROR_LOGS, sessions, private)
        return readable(ErrorSeen, found)

    @verb
    async def server(self) -> Server:
        admin = self._connection.client.admin
        hello = await admin.command("hello")
        build = await admin.command("buildInfo")
        # Commands answer in naive UTC, whatever the client's own setting.
        time = hello["localTime"].replace(tzinfo=UTC)
        return Server(version=build["version"], replica_set=hello.get("setName"), time=time)

    @verb
    async def missing_indexes(self) -> list[str]:
        """Return the indexes that correctness or speed depend on and that are not there."""
        missing = []
        for collection, names in _VITAL_INDEXES.items():
            missing += sorted(
                f"{collection}.{name}" for name in names - await self._index_names(collection)
            )
        return missing

    async def _index_names(self, collection: str) -> frozenset[str]:
        try:
            found = await self._connection.database[collection].index_information()
        except OperationFailure as error:
            if error.code != _NAMESPACE_NOT_FOUND:
                raise
            return frozenset()
        return frozenset(found)

    async def _of_sessions(
        self, collection: str, sessions: Sequence[str], private: dict[str, int]
    ) -> list[Document]:
        query = {"session_id": {"$in": list(sessions)}}
        cursor = self._connection.latest(collection).find(query, private).sort("timestamp", 1)
        return await cursor.to_list(_MOST_ENTRIES)
