"""`GET /orders/{session_id}`: how far an order is, for whoever holds its session id."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel

from domain.errors import Unavailable
from domain.job import Job, Kind
from domain.order import restored
from domain.ports import Clock
from producer.gate import Gate
from producer.limiting import AddressLimit
from producer.ports import OrderIndex, PaidSessions
from producer.views import OrderView, unpaid_view, view_of

READS: Final = "60 per 10 seconds"
READ_SECONDS: Final = 4.5

_SESSION_ID: Final = re.compile(r"cs_(test|live)_[A-Za-z0-9_-]{1,240}")


Found = TypeVar("Found")


class Problem(BaseModel):
    """A fixed word instead of an order."""

    status: str


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem} for status in (404, 429, 503)
}


class NoSuchOrder(Exception):  # noqa: N818 - reads as the sentence it is
    """Unknown or malformed: the answer must not tell which."""


class TooManyReads(Exception):  # noqa: N818 - reads as the sentence it is
    """One address reads too often; it may come back after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


class OrderStatus:
    """Looks an order up by its Checkout session, which is the bearer token."""

    def __init__(
        self,
        *,
        sessions: PaidSessions,
        orders: OrderIndex,
        clock: Clock,
        gate: Gate,
        reads: AddressLimit,
    ) -> None:
        self._sessions = sessions
        self._orders = orders
        self._clock = clock
        self._gate = gate
        self._reads = reads

    async def count_read(self, request: Request) -> None:
        """Raises TooManyReads."""
        if not await self._reads.allows(request):
            raise TooManyReads(self._reads.window_s)

    async def find(self, session_id: str) -> OrderView:
        """Raises NoSuchOrder and Unavailable."""
        found = await self.look_up(session_id)
        if isinstance(found, Job):
            return view_of(await self._with_result(found), self._clock.now())
        return unpaid_view(session_id, found)

    async def look_up(self, session_id: str) -> Job | Kind:
        """Return the session's job, or the product of an order that nobody has paid.

        Raises NoSuchOrder and Unavailable.
        """
        match = _SESSION_ID.fullmatch(session_id)
        if match is None:
            raise NoSuchOrder
        self._gate.check()
        return await _in_time(self._read(session_id))

    async def _with_result(self, job: Job) -> Job:
        """Read an old result from the order: the job kept its words for a while only."""
        if job.slimmed_at is None or job.erased_at is not None or job.answer is None:
            return job
        order = await _in_time(
            self._orders.find(job.kind, order_id=job.order_id, session_id=job.session_id)
        )
        answer = restored(job.answer, job.kind, order or {})
        return job.model_copy(update={"answer": answer})

    async def _read(self, session_id: str) -> Job | Kind:
        if job := await self._sessions.of_session(session_id):
            return job
        if kind := await self._orders.exists(session_id):
            return kind
        raise NoSuchOrder


async def _in_time(read: Awaitable[Found]) -> Found:
    """Raises Unavailable."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await read
    except TimeoutError:
        raise Unavailable("MongoDB did not answer in time") from None


def status_routes(status: OrderStatus) -> APIRouter:
    router = APIRouter(tags=["orders"])

    @router.get("/orders/{session_id}", responses=PROBLEMS)
    async def read(session_id: str, request: Request) -> OrderView:
        """Say how far the order of this Checkout session is."""
        await status.count_read(request)
        return await status.find(session_id)

    return router
