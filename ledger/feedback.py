"""What customers think of their valuation, kept beside the attempt that produced it."""

from domain.job import Job
from domain.ports import Clock
from ledger.connection import Connection, verb
from ledger.names import AI_REQUESTS


class Feedback:
    """Writes `user_feedback` of `ai_requests`. Every verb raises Unavailable."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._requests = connection.collection(AI_REQUESTS)
        self._connection = connection
        self._clock = clock

    @verb
    async def rate(self, job: Job, rating: int) -> bool:
        """Note a rating from 1 to 5, replacing an earlier one; False when no attempt is on record.

        `updated_at` tells the aggregation of a past day that there is something new.
        """
        now = self._clock.now()
        query = {"session_id": job.session_id, "job_id": job.id, "success": True}
        if job.answer is not None and job.answer.generation_id is not None:
            query["generation_id"] = job.answer.generation_id
        feedback = {"rating": rating, "timestamp": now}
        rated = await self._requests.find_one_and_update(
            query,
            {"$set": {"user_feedback": feedback, "updated_at": now}},
            projection={"_id": 1},
            sort=[("timestamp", -1)],
        )
        return rated is not None
