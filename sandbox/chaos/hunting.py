"""Lying in wait for a worker that has a job at a named step.

Nothing in the workers helps: their writes show in MongoDB's change stream, their calls in the
sandbox's records. Steps of a millisecond are made longer by a MongoDB that answers late.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from sandbox.chaos.history import JobHistory
from sandbox.chaos.outside import Providers
from sandbox.chaos.plan import Step
from sandbox.chaos.servers import BreakableMongo
from sandbox.chaos.watching import LedgerWatch
from sandbox.client import SandboxControl

_PATIENCE_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.02
_SLOW_MS: Final = 150
_SHORTLY_BEFORE: Final = 20

SLOWED: Final = {
    Step.CLAIMED: "find",
    Step.RECEIVED: "insert",
    Step.JOURNALED: "commitTransaction",
}
"""The command that stands between a step and the next one, and is answered late meanwhile."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """`marks` tells by job id which horse a job is about."""

    mongo: BreakableMongo
    control: SandboxControl
    ledger: LedgerWatch
    providers: Providers
    marks: Mapping[str, str]

    @asynccontextmanager
    async def slowed(self, step: Step | None) -> AsyncIterator[None]:
        """Hold up what follows the step while the block runs."""
        command = SLOWED.get(step) if step else None
        if command is None:
            yield
            return
        how = {"blockConnection": True, "blockTimeMS": _SLOW_MS}
        await self.mongo.fail([command], "alwaysOn", **how)
        try:
            yield
        finally:
            await self.mongo.behave()

    async def until(self, owner: str, step: Step | None) -> None:
        """Return when the owner has a job at `step`, or any job; or after a time without one."""
        sees = SIGHTS[step] if step else _anything
        history = await self.ledger.lurk(
            lambda job: job.now.owner == owner and sees(job), timeout_s=_PATIENCE_S
        )
        if history is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                if step in {Step.ASKED, Step.RECEIVED}:
                    await self._model_asked(history.job_id)
                if step is Step.RECEIVED:
                    await self._model_answered(history.job_id)
                elif step is Step.MAILED:
                    await self._mail_taken(history.job_id)

    async def _model_asked(self, job_id: str) -> None:
        mark = self.marks.get(job_id, "")
        before = self.providers.asked(mark)
        while self.providers.asked(mark) == before:
            await asyncio.sleep(_LOOK_AGAIN_S)
            await self.providers.look()

    async def _model_answered(self, job_id: str) -> None:
        """The ledger hears of an answer by the journal only, which is the next step."""
        mark = self.marks.get(job_id, "")
        calls = (await self.providers.calls()).get(mark)
        while calls and calls[-1].ended is None:
            await asyncio.sleep(_LOOK_AGAIN_S)
            calls = (await self.providers.calls()).get(mark)

    async def _mail_taken(self, job_id: str) -> None:
        # The mailbox numbers its mails from 1 and never loses one.
        since = max(0, (await self.control.health())["mails"] - _SHORTLY_BEFORE)
        while True:
            mails = await self.control.mails(since=since)
            if any(str(mail["idempotency_key"]).startswith(f"{job_id}:") for mail in mails):
                return
            await asyncio.sleep(_LOOK_AGAIN_S)


def _just_claimed(job: JobHistory) -> bool:
    before = job.moments[-2].fence if len(job.moments) > 1 else -1
    return job.now.state == "running" and job.now.fence != before


def _is_asking(job: JobHistory) -> bool:
    return job.now.state == "running" and job.now.stage in {"analyzing", "generating"}


def _anything(_job: JobHistory) -> bool:
    return True


SIGHTS: Final[Mapping[Step, Callable[[JobHistory], bool]]] = {
    Step.CLAIMED: _just_claimed,
    Step.PREPARED: lambda job: job.now.state == "running" and job.now.stage == "analyzing",
    Step.ASKED: _is_asking,
    Step.RECEIVED: _is_asking,
    Step.JOURNALED: lambda job: job.now.state == "answered",
    Step.DELIVERED: lambda job: job.now.state == "delivered" and job.now.owes_mails,
    Step.MAILED: lambda job: job.now.state == "delivered" and job.now.owes_mails,
}
"""Which newest write of a job shows that it is there, or will be in a moment."""
