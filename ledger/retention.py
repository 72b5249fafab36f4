"""What we let go of, and when. The site's collections are never touched here."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from domain.job import State
from domain.ports import Clock
from ledger.connection import Connection, verb
from ledger.erasure import WORDS_OF_ATTEMPT, forget_words
from ledger.names import AI_REQUESTS, ERROR_LOGS, JOBS, STRIPE_EVENTS

EXPIRY: Final = "expiry"
"""The name of a TTL index whose age is a setting."""

WORDS: Final = "words"
"""The name of an index that holds a document only while it has words."""

NEVER_S: Final = 2**31 - 1
"""The longest age MongoDB takes ("TTL Indexes"): 68 years."""

RECEIPTS_KEPT: Final = timedelta(days=4 * 365 + 1)
"""Whoever doubts an erasure may ask until the end of the third year after it."""

BATCH: Final = 500

# A worker may write down a call some time after its job was erased, if MongoDB was away.
_LATE_RECORDS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Ages:
    """How long things are kept: words of customers and models, then whole documents."""

    words: timedelta
    attempts: timedelta
    events: timedelta
    errors: timedelta


class MongoRetention:
    """Every verb raises Unavailable, takes one batch, and may be repeated or cut short anywhere.

    Each returns how many documents it changed: 0 means that nothing is left to do.
    """

    def __init__(
        self, connection: Connection, clock: Clock, ages: Ages, *, batch: int = BATCH
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._ages = ages
        self._batch = batch

    @verb
    async def set_ages(self) -> None:
        """Tell MongoDB's own clearing thread how old documents may become."""
        ages = {
            AI_REQUESTS: self._ages.attempts,
            STRIPE_EVENTS: self._ages.events,
            ERROR_LOGS: self._ages.errors,
        }
        for collection, age in ages.items():
            expiry = {"name": EXPIRY, "expireAfterSeconds": age // timedelta(seconds=1)}
            await self._connection.database.command("collMod", collection, index=expiry)

    @verb
    async def slim_delivered(self) -> int:
        """Take the text from jobs delivered long ago, unless a mail is still owed.

        The order has it. What stays is who was paid how much for which model's answer.
        """
        old = {
            "answer.text": {"$gt": ""},
            "state": State.DELIVERED.value,
            "delivered_at": {"$lt": self._clock.now() - self._ages.words},
            "not_before": None,
            "owner": None,
        }
        no_words = {"answer.text": "", "answer.certificate": None}
        return await self._change(JOBS, old, {"$set": no_words | {"slimmed_at": self._clock.now()}})

    @verb
    async def slim_cancelled(self) -> int:
        """Take the whole answer from jobs cancelled long ago.

        Without its text it must not look like one: a won dispute then asks a model again. The
        raised fence makes a dispute that is being settled look again.
        """
        old = {
            "answer.text": {"$gt": ""},
            "state": State.CANCELLED.value,
            "updated_at": {"$lt": self._clock.now() - self._ages.words},
        }
        return await self._change(JOBS, old, {"$set": {"answer": None}, "$inc": {"fence": 1}})

    @verb
    async def slim_attempts(self) -> int:
        """Take horse and texts from old attempts; their figures stay."""
        oldest = self._clock.now() - self._ages.words
        old = {"horse_data": {"$exists": True}, "timestamp": {"$lt": oldest}}
        unset = dict.fromkeys(WORDS_OF_ATTEMPT, "")
        return await self._change(AI_REQUESTS, old, {"$unset": unset})

    @verb
    async def finish_erasures(self) -> int:
        """Forget what was written about erased sessions while or after they were erased."""
        since = self._clock.now() - _LATE_RECORDS
        erased = self._connection.latest(JOBS).find({"erased_at": {"$gte": since}})
        sessions = [job["session_id"] async for job in erased]
        return sum((await forget_words(self._connection, sessions)).values())

    async def _change(self, collection: str, old: dict[str, Any], update: dict[str, Any]) -> int:
        documents = self._connection.collection(collection)
        # The planner would as soon walk through all that was slimmed in other nights.
        found = documents.find(old, {"_id": 1}).hint(WORDS).limit(self._batch)
        ids = [document["_id"] async for document in found]
        # Asked again: a job may have been re-opened since.
        result = await documents.update_many({"_id": {"$in": ids}} | old, update)
        return int(result.modified_count)
