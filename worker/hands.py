"""The jobs a worker process has in hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from structlog.contextvars import bound_contextvars

IN_HAND: Final = "in_hand"

Work = Callable[[str], Awaitable[str]]


class Hands:
    """Which jobs are being worked on here. Belongs to one event loop."""

    def __init__(self) -> None:
        self._jobs: dict[str, asyncio.Task[object]] = {}
        self._may_start = asyncio.Event()
        self._may_start.set()
        self._one_at_a_time = asyncio.Lock()

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(self._jobs)

    @property
    def tasks(self) -> set[asyncio.Task[object]]:
        return set(self._jobs.values())

    async def carry(self, job_id: str, work: Work) -> str:
        """Do the work with the job in hand; return its outcome, or that it is in hand already."""
        if job_id in self:
            return IN_HAND
        async with self.holding(job_id):
            with bound_contextvars(job_id=job_id):
                return await work(job_id)

    @asynccontextmanager
    async def holding(self, job_id: str) -> AsyncIterator[None]:
        """Count the job as in hand from before its claim until after its last write."""
        task = asyncio.current_task()
        if task is None or job_id in self._jobs:
            raise RuntimeError(f"{job_id} is in hand already")
        self._jobs[job_id] = task
        try:
            await self._may_start.wait()
            yield
        finally:
            del self._jobs[job_id]

    @asynccontextmanager
    async def standstill(self) -> AsyncIterator[frozenset[str]]:
        """Hand out the ids in hand; no further claim starts until the block is left.

        Without it a job claimed while the ledger compares would be taken for forgotten.
        """
        async with self._one_at_a_time:
            self._may_start.clear()
            try:
                yield self.ids
            finally:
                self._may_start.set()
