"""The story of one paid order, told through ports: from a claim to a delivered result."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from domain.acceptance import Accepted, Verdict
from domain.answer import Answer, Attempt, AttemptOutcome, Prompt
from domain.errors import InvalidOrder, Unavailable
from domain.job import Claim, Kind, RawOrder, Stage, State
from domain.order import RESULT_FIELD, Horse, has_result, read_horse
from domain.ports import Ask, Chain, Clock, Jobs, Orders, Records, Watch
from worker.decisions import Deadly, DuplicatePayment, ForeignResult, OrderMissing, Patience
from worker.endings import Endings, Outcome, left_to_rescue
from worker.insist import finish, insist
from worker.mails import OwedMails

log = structlog.get_logger(__name__)

_OUTCOMES: Final = {State.PARKED: Outcome.PARKED, State.DELIVERED: Outcome.DELIVERED}

Judge = Callable[[Kind, Horse, str], Awaitable[Verdict]]
Prompts = Callable[[Kind, Horse, str], Prompt]


@dataclass(frozen=True, slots=True)
class Story:
    """Everything one job needs. `prompts` renders (kind, horse, job id); `judge` accepts texts."""

    jobs: Jobs
    orders: Orders
    records: Records
    chain: Chain
    prompts: Prompts
    judge: Judge
    mails: OwedMails
    endings: Endings
    clock: Clock
    patience: Patience

    async def work(self, job_id: str, *, owner: str) -> Outcome:
        """Take the job as far as it goes. Raises only CancelledError, the job handed back."""
        try:
            claim = await self.jobs.claim(job_id, owner=owner)
        except Exception as error:  # noqa: BLE001 - there is no claim yet that could be ended
            return left_to_rescue(job_id, error)
        if claim is None:
            return Outcome.NOTHING_DUE
        log.info("job_claimed", job_id=job_id, state=claim.job.state.value, fence=claim.fence)
        try:
            if claim.job.state in (State.RUNNING, State.ANSWERED):
                self._refuse_deadly(claim)
                claim = await self._produce(claim)
                log.info("job_delivered", job_id=job_id, attempts=claim.job.attempts)
            await self.mails.settle(claim)
        except asyncio.CancelledError:
            await finish(self.endings.hand_back(claim))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not be lost
            return await finish(self.endings.conclude(claim, error))
        return _OUTCOMES.get(claim.job.state, Outcome.NOTHING_DUE)

    def _refuse_deadly(self, claim: Claim) -> None:
        """Stop a job that takes every process with it, before it takes this one."""
        if claim.job.deaths > self.patience.deaths:
            raise Deadly(f"{claim.job.deaths} workers died with this job in hand")

    async def _produce(self, claim: Claim) -> Claim:
        if claim.job.answer is None:
            async with asyncio.timeout(self.patience.job_s):
                answer = await self._win_answer(claim)
            claim = await self._journal(claim, answer)
        answered, owed = claim, self.mails.owed()
        return await finish(
            insist(
                lambda: self.jobs.deliver(answered, owed),
                clock=self.clock,
                limit_s=self.patience.insist_s,
            )
        )

    async def _journal(self, claim: Claim, answer: Answer) -> Claim:
        return await finish(
            insist(
                lambda: self.jobs.journal(claim, answer),
                clock=self.clock,
                limit_s=self.patience.insist_s,
            )
        )

    async def _win_answer(self, claim: Claim) -> Answer:
        job = claim.job
        horse = await self._read(claim)
        ask = Ask(
            kind=job.kind,
            prompt=self.prompts(job.kind, horse, job.id),
            judge=lambda text: self.judge(job.kind, horse, text),
            request_id=job.id,
        )
        return await self.chain.answer(ask, self._watch(claim, horse))

    async def _read(self, claim: Claim) -> Horse:
        """Make sure that the order is this job's to answer, before any model is paid."""
        job = claim.job
        raw = await self.orders.find(job.kind, order_id=job.order_id, session_id=job.session_id)
        if raw is None:
            raise OrderMissing("no order with this id or session")
        is_linked = job.holds_order and job.order_id == raw["_id"]
        if not is_linked and not await self.jobs.link(claim, raw["_id"]):
            raise DuplicatePayment(f"order {raw['_id']} belongs to another paid session")
        if has_result(job.kind, raw):
            raise ForeignResult(await self._describe_result(job.kind, raw))
        return read_horse(raw)

    async def _describe_result(self, kind: Kind, raw: RawOrder) -> str:
        """Say for the human who decides whether the result found would have been accepted."""
        value: Any = raw[RESULT_FIELD[kind]]
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        try:
            verdict = await self.judge(kind, read_horse(raw), text)
        except InvalidOrder as error:
            return f"a result exists; the order's {error.field} cannot be read"
        if isinstance(verdict, Accepted):
            return "a result exists and passes acceptance"
        return f"a result exists and fails acceptance: {', '.join(verdict.reasons)}"

    def _watch(self, claim: Claim, horse: Horse) -> Watch:
        async def on_attempt(attempt: Attempt) -> None:
            await self.records.attempt(claim.job, horse, attempt)
            if attempt.outcome is AttemptOutcome.ACCEPTED:
                return  # counted by the journal, which comes next
            try:
                await self.jobs.count_attempt(claim)
            except Unavailable:
                log.warning("attempt_not_counted", job_id=claim.job_id)

        async def on_stage(stage: Stage) -> None:
            # The others ride on the claim or the link, and on the journal.
            if stage is Stage.GENERATING:
                await self._reach(claim, stage)

        return Watch(on_attempt=on_attempt, on_stage=on_stage)

    async def _reach(self, claim: Claim, stage: Stage) -> None:
        """Show progress; a page that does not see it is no reason to stop."""
        try:
            await self.jobs.reach(claim, stage)
        except Unavailable:
            log.warning("stage_not_shown", job_id=claim.job_id, stage=stage.value)
