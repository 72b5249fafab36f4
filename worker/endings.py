"""Ending a job's story when it does not end well: write it to the ledger, say it aloud."""

import contextlib
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from domain.errors import DomainError, LostClaim, Unavailable
from domain.job import Claim, Reason
from domain.ports import Clock, Jobs, Records, Ringer
from worker.decisions import Drop, Ending, HandBack, Park, Patience, Postpone, ending_of

log = structlog.get_logger(__name__)

Excuse = Callable[[Claim], Awaitable[Claim]]


async def no_excuse(claim: Claim) -> Claim:
    """Tell the customer nothing while the job is still being tried."""
    return claim


class Outcome(StrEnum):
    """What became of one ring, as Flower shows it."""

    NOTHING_DUE = "nothing_due"
    DELIVERED = "delivered"
    WAITING = "waiting"
    PARKED = "parked"
    HANDED_BACK = "handed_back"
    LOST = "lost"
    LEFT_TO_RESCUE = "left_to_rescue"


@dataclass(frozen=True, slots=True)
class Endings:
    """Carries out what `decisions` decides. Never raises: what fails here the rescue loop finds."""

    jobs: Jobs
    records: Records
    ringer: Ringer
    clock: Clock
    patience: Patience
    excuse: Excuse = no_excuse

    async def conclude(self, claim: Claim, error: Exception) -> Outcome:
        """Park, postpone, hand back or drop the job, and record a surprise with its stack."""
        try:
            if not isinstance(error, DomainError):
                await self._record_surprise(claim, error)
            now = self.clock.now()
            ending = ending_of(error, claim.job, now=now, patience=self.patience)
            return await self._carry_out(claim, ending, error)
        except LostClaim:
            return self._lost(claim)
        except Exception as second:  # noqa: BLE001 - the job stays in the ledger, somebody will find it
            return left_to_rescue(claim.job_id, second)

    async def hand_back(self, claim: Claim) -> None:
        """Release the job for another process and ring, so that it goes on at once."""
        try:
            await self.jobs.release(claim)
        except Exception as error:  # noqa: BLE001 - the job stays in the ledger, somebody will find it
            left_to_rescue(claim.job_id, error)
            return
        self.ringer.ring(claim.job_id)
        log.info("job_handed_back", job_id=claim.job_id)

    async def _carry_out(self, claim: Claim, ending: Ending, error: Exception) -> Outcome:
        match ending:
            case Drop():
                return self._lost(claim)
            case HandBack():
                await self.jobs.release(claim)
                log.warning("job_released", job_id=claim.job_id, error=type(error).__name__)
                return Outcome.HANDED_BACK
            case Postpone():
                with contextlib.suppress(Unavailable):
                    claim = await self.excuse(claim)
                await self.jobs.wait(claim, ending.until, ending.reason)
                code, until = ending.reason.code.value, ending.until.isoformat()
                log.warning("job_waits", job_id=claim.job_id, code=code, until=until)
                return Outcome.WAITING
            case Park():
                await self.jobs.park(claim, ending.reason)
                await self._record_parking(claim, ending.reason)
                return Outcome.PARKED

    def _lost(self, claim: Claim) -> Outcome:
        log.info("claim_lost", job_id=claim.job_id, fence=claim.fence)
        return Outcome.LOST

    async def _record_parking(self, claim: Claim, reason: Reason) -> None:
        code = reason.code.value
        log.error("job_parked", job_id=claim.job_id, code=code, field=reason.field)
        await self.records.error(
            job=claim.job, error_type="job_parked", code=code, message=reason.detail
        )

    async def _record_surprise(self, claim: Claim, error: Exception) -> None:
        name = type(error).__name__
        log.error("job_failed", job_id=claim.job_id, error=name)
        await self.records.error(
            job=claim.job,
            error_type="internal_error",
            code=name,
            message=name,
            stack=stack_of(error),
        )


def left_to_rescue(job_id: str, error: Exception) -> Outcome:
    """Say that nothing could be written down; the rescue loop takes it from here."""
    log.warning("job_left_to_rescue", job_id=job_id, error=type(error).__name__)
    return Outcome.LEFT_TO_RESCUE


def stack_of(error: BaseException) -> str:
    """Return where an error came from, without its text, which may quote the customer."""
    return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
