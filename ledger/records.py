"""The owner's collections `ai_requests` and `error_logs`, under the owner's field names."""

from collections import deque
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import structlog
from bson import ObjectId
from pymongo.errors import DuplicateKeyError, PyMongoError

from domain.answer import Attempt, AttemptOutcome, Tier
from domain.errors import Unavailable
from domain.job import Job
from domain.order import Horse, horse_data
from domain.ports import Clock
from ledger.connection import Connection, Document
from ledger.documents import plain
from ledger.erasure import forget_if_late, job_of
from ledger.names import AI_REQUESTS, ERROR_LOGS

MOST_HELD: Final = 1000
KEEP_UP_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


class MongoRecords:
    """Implements `domain.ports.Records`. Never raises: a record is no duty, the order goes on.

    What MongoDB does not take now is held, up to `MOST_HELD`, and written by `keep_up` or
    along with the next record.
    """

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._held: deque[tuple[str, Document]] = deque()

    async def attempt(self, job: Job, horse: Horse, attempt: Attempt) -> None:
        await self._keep(AI_REQUESTS, request_document(job, horse, attempt))

    async def error(
        self,
        *,
        job: Job | None,
        error_type: str,
        code: str,
        message: str,
        model: str | None = None,
        stack: str | None = None,
    ) -> None:
        document = error_document(
            job,
            now=self._clock.now(),
            error_type=error_type,
            code=code,
            message=message,
            model=model,
            stack=stack,
        )
        await self._keep(ERROR_LOGS, document, job=job)

    async def keep_up(self) -> None:
        """Write what is held as soon as MongoDB takes it again, for ever."""
        while True:
            await self._clock.sleep(KEEP_UP_SECONDS)
            await self.write_held()

    async def write_held(self) -> None:
        """Write what is held, oldest first, until something is not taken."""
        while self._held:
            entry = self._held.popleft()
            is_settled = False
            try:
                is_settled = await self._write(*entry)
            finally:
                # Whoever is interrupted here must not take a record along.
                if not is_settled:
                    self._held.appendleft(entry)
            if not is_settled:
                return

    async def _keep(self, collection: str, document: Document, *, job: Job | None = None) -> None:
        """Queue a document and write the queue, all within one operation's time.

        The id is our own, so that a repetition is recognised.
        """
        entry = (collection, {"_id": ObjectId(), **document})
        is_queued = False
        try:
            with suppress(Unavailable, PyMongoError):
                async with self._connection.answering():
                    if job is not None:
                        entry[1]["fallback_used"] = await self._used_a_fallback(job)
                    self._held.append(entry)
                    is_queued = True
                    await self.write_held()
        finally:
            if not is_queued:
                self._held.append(entry)
        while len(self._held) > MOST_HELD:
            self._lose(*self._held.popleft(), error="too many are held")

    async def _used_a_fallback(self, job: Job) -> bool:
        query = {"job_id": job.id, "session_id": job.session_id}
        beyond_primary = query | {"model_tier": {"$ne": Tier.PRIMARY.value}}
        requests = self._connection.collection(AI_REQUESTS)
        return await requests.find_one(beyond_primary, {"_id": 1}) is not None

    async def _write(self, collection: str, document: Document) -> bool:
        """Return False when MongoDB is away; a document that is refused is given up."""
        try:
            async with self._connection.answering():
                with suppress(DuplicateKeyError):
                    await self._connection.collection(collection).insert_one(document)
                await forget_if_late(self._connection, collection, document)
        except Unavailable:
            return False
        except Exception as error:  # noqa: BLE001 - a record is no duty: the order goes on
            self._lose(collection, document, error=type(error).__name__)
        return True

    def _lose(self, collection: str, document: Document, *, error: str) -> None:
        log.warning("record_lost", collection=collection, job_id=job_of(document), error_type=error)


def request_document(job: Job, horse: Horse, attempt: Attempt) -> dict[str, Any]:
    """Return one document of `ai_requests`; the accepted text stands in the order alone."""
    response: dict[str, Any] = {
        "response_time_ms": attempt.latency_ms,
        "token_usage": plain(attempt.usage) | {"total_tokens": attempt.usage.total_tokens},
    }
    if attempt.rejected_text is not None:
        response["content"] = attempt.rejected_text
    document = {
        "session_id": job.session_id,
        "job_id": job.id,
        "timestamp": attempt.started_at,
        "model_used": attempt.model_served or attempt.model_asked,
        "model_tier": attempt.tier.value,
        "model_asked": attempt.model_asked,
        "model_served": attempt.model_served,
        "provider": attempt.provider,
        "generation_id": attempt.generation_id,
        "retry_number": attempt.retry_number,
        "prompt_version": attempt.prompt.version,
        "prompt_sha256": attempt.prompt.sha256,
        "horse_data": horse_data(horse),
        "response_data": response,
        "success": attempt.outcome is AttemptOutcome.ACCEPTED,
        "verdict": list(attempt.verdict),
    }
    return document if document["success"] else document | {"error_details": _failure(attempt)}


def error_document(
    job: Job | None,
    *,
    now: datetime,
    error_type: str,
    code: str,
    message: str,
    model: str | None,
    stack: str | None,
) -> dict[str, Any]:
    """Return one document of `error_logs`; `request_data` holds ids only."""
    return {
        "timestamp": now,
        "session_id": job.session_id if job else None,
        "model_used": model,
        "error_type": error_type,
        "error_code": code,
        "error_message": message,
        "stack_trace": stack,
        "request_data": {"job_id": job.id, "order_id": job.order_id} if job else {},
        "retry_attempts": job.attempts if job else 0,
        "fallback_used": False,
        "resolved": False,
    }


def _failure(attempt: Attempt) -> dict[str, Any]:
    return {
        "outcome": attempt.outcome.value,
        "error_type": attempt.error_type,
        "error_code": attempt.error_code,
        "error_message": attempt.error_message,
        "http_status": attempt.http_status,
    }
