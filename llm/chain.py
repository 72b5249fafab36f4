"""The fallback chain: one question, several models, one clock.

Every model is asked with a few retries until one gives an acceptable answer. What is decided
here is the order of things; how a call fails, whether a retry is due, how long anything may take
and what an answer must look like are pure functions elsewhere.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

import structlog

from domain.acceptance import Accepted
from domain.answer import Answer, Attempt, Tier
from domain.errors import ChainExhausted, LostClaim
from domain.job import Stage
from domain.ports import Ask, Clock, Watch
from domain.retry import RetryPolicy, delay_s, should_retry
from llm.breaker import Breaker
from llm.budgets import Budgets, Countdown
from llm.catalogue import Catalogue
from llm.completion import Call, Caller, Completion, Receipt
from llm.failures import FailureKind, ModelFailure, Scope, Unintelligible
from llm.limiter import Limiter
from llm.pricing import usage_from
from llm.records import (
    Asked,
    Spent,
    accepted_answer,
    accepted_attempt,
    failed_attempt,
    interrupted_attempt,
    unaccepted_attempt,
)

log = structlog.get_logger(__name__)

_PROGRESS: Final = tuple(Stage)


@dataclass(frozen=True, slots=True)
class ModelStage:
    """One stage of the chain: whom to ask for which model."""

    caller: Caller
    slug: str
    tier: Tier


@dataclass(slots=True)
class _Pursuit:
    """One order's pursuit of an answer, and what it has come to so far."""

    ask: Ask
    watch: Watch
    countdown: Countdown
    story: dict[str, list[str]] = field(default_factory=dict)
    closed_accounts: set[str] = field(default_factory=set)
    calls: int = 0
    reached: Stage = Stage.PREPARING

    async def reach(self, stage: Stage) -> None:
        """Report progress, never backwards: a second model is no news to the customer."""
        if _PROGRESS.index(stage) > _PROGRESS.index(self.reached):
            self.reached = stage
            await self.watch.on_stage(stage)

    async def generating(self) -> None:
        await self.reach(Stage.GENERATING)

    def note(self, slug: str, what: str) -> None:
        self.story.setdefault(slug, []).append(what)

    def detail(self) -> str:
        chapters = (f"{slug}: {', '.join(events)}" for slug, events in self.story.items())
        return "; ".join(chapters) or "no stage is configured"


class FallbackChain:
    """Implements domain.ports.Chain. `direct_only` is asked anew for every order."""

    def __init__(
        self,
        stages: Sequence[ModelStage],
        *,
        catalogue: Catalogue,
        budgets: Budgets,
        policy: RetryPolicy,
        breaker: Breaker,
        limiter: Limiter,
        clock: Clock,
        rng: Random,
        direct_only: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stages = tuple(stages)
        self._catalogue = catalogue
        self._budgets = budgets
        self._policy = policy
        self._breaker = breaker
        self._limiter = limiter
        self._clock = clock
        self._rng = rng
        self._direct_only = direct_only

    async def answer(self, ask: Ask, watch: Watch) -> Answer:
        """Return the first accepted answer; raises ChainExhausted within the chain's budget."""
        pursuit = _Pursuit(ask, watch, Countdown(self._budgets, self._clock))
        await pursuit.reach(Stage.ANALYZING)
        direct_only = self._direct_only()
        stages = [s for s in self._stages if s.tier is Tier.EMERGENCY or not direct_only]
        answer = await self._walk(pursuit, stages)
        if answer is None and not pursuit.calls:
            # With every breaker open, somebody has to find out whether that is still right.
            answer = await self._walk(pursuit, stages[:1], probing=True)
        if answer is None:
            raise ChainExhausted(pursuit.detail())
        return answer

    async def _walk(
        self, pursuit: _Pursuit, stages: Sequence[ModelStage], *, probing: bool = False
    ) -> Answer | None:
        for position, stage in enumerate(stages, start=1):
            ends = pursuit.countdown.model_ends(later=len(stages) - position, stages=len(stages))
            answer = await self._insist(pursuit, stage, ends, probing=probing)
            if answer is not None:
                return answer
        return None

    async def _insist(
        self, pursuit: _Pursuit, stage: ModelStage, ends: float, *, probing: bool
    ) -> Answer | None:
        """Ask one model until it answers, is not worth another attempt, or its time is over."""
        spec = self._catalogue.spec_for(stage.slug, stage.tier)
        failures: list[ModelFailure] = []
        while await self._admitted(pursuit, stage, ends, probing=probing):
            asked = Asked(spec, pursuit.ask.prompt.stamp, self._clock.now(), len(failures))
            outcome = await self._ask(pursuit, stage, asked, ends)
            if isinstance(outcome, Answer):
                return outcome
            failures.append(outcome)
            spec = spec.with_more_room() if outcome.wants_room else spec
            if probing or not await self._wait_for_retry(pursuit, stage, failures, ends):
                break
        return None

    async def _admitted(
        self, pursuit: _Pursuit, stage: ModelStage, ends: float, *, probing: bool
    ) -> bool:
        """Say whether a call may begin now, after waiting for the account's turn if need be."""
        account, obstacle = stage.caller.account, None
        spare_s = pursuit.countdown.spare_s(ends)
        if account in pursuit.closed_accounts:
            obstacle = f"{account} is closed"
        elif spare_s < 0:
            obstacle = "no time left"
        elif not probing and not await self._breaker.admits(stage.slug):
            obstacle = "breaker open"
        elif not await self._limiter.turn(account, max_wait_s=spare_s):
            obstacle = f"{account} is paused"
        if obstacle is not None:
            pursuit.note(stage.slug, obstacle)
        return obstacle is None

    async def _ask(
        self, pursuit: _Pursuit, stage: ModelStage, asked: Asked, ends: float
    ) -> Answer | ModelFailure:
        """Make one call and put it on record, whatever comes of it."""
        pursuit.calls += 1
        started = self._clock.monotonic()
        call = Call(
            spec=asked.spec,
            prompt=pursuit.ask.prompt,
            request_id=pursuit.ask.request_id,
            deadline_s=pursuit.countdown.attempt_s(ends),
            on_first_token=pursuit.generating,
        )
        try:
            completion = await stage.caller.complete(call)
        except (LostClaim, asyncio.CancelledError):
            await self._record_interruption(pursuit, asked, started)
            raise
        except ModelFailure as failure:
            spent = self._spent(asked, failure.receipt, started)
            await self._record(pursuit, failed_attempt(asked, failure, spent))
            await self._draw_consequences(pursuit, stage, failure, call.deadline_s)
            return failure
        spent = self._spent(asked, completion.receipt, started)
        await self._breaker.succeeded(stage.slug)
        return await self._judge(pursuit, asked, completion, spent)

    async def _judge(
        self, pursuit: _Pursuit, asked: Asked, completion: Completion, spent: Spent
    ) -> Answer | ModelFailure:
        verdict = await pursuit.ask.judge(completion.text)
        if isinstance(verdict, Accepted):
            attempt = accepted_attempt(asked, completion, spent)
            await self._record(pursuit, attempt)
            await pursuit.reach(Stage.FINALIZING)
            return accepted_answer(attempt, asked, verdict, self._clock.now())
        await self._record(pursuit, unaccepted_attempt(asked, completion, verdict, spent))
        reasons = ", ".join(verdict.reasons)
        pursuit.note(asked.spec.slug, f"unaccepted ({reasons})")
        return Unintelligible(FailureKind.UNACCEPTED, reasons, receipt=completion.receipt)

    async def _draw_consequences(
        self, pursuit: _Pursuit, stage: ModelStage, failure: ModelFailure, deadline_s: float
    ) -> None:
        """Tell the story, the breaker and the rest of the chain what a failure means to them."""
        status = f" {failure.http_status}" if failure.http_status else ""
        pursuit.note(stage.slug, f"{failure.kind.value}{status}")
        if failure.scope is Scope.ACCOUNT:
            pursuit.closed_accounts.add(stage.caller.account)
        # A timeout in the last seconds of an order says nothing about the model.
        curtailed = deadline_s < self._budgets.attempt_s and failure.kind is FailureKind.TIMEOUT
        if failure.trips and not curtailed:
            await self._breaker.failed(stage.slug)
        elif isinstance(failure, Unintelligible):
            await self._breaker.succeeded(stage.slug)

    async def _wait_for_retry(
        self, pursuit: _Pursuit, stage: ModelStage, failures: Sequence[ModelFailure], ends: float
    ) -> bool:
        """Wait until the model may be asked again; False when it is not worth it or too late."""
        latest = failures[-1]
        pause_s = delay_s(
            len(failures), self._policy, roll=self._rng.random(), hint_s=latest.retry_after_s
        )
        if latest.scope is Scope.PLATFORM:
            await self._limiter.pause(stage.caller.account, pause_s)
        if not should_retry([failure.persistence for failure in failures], self._policy):
            return False
        if pursuit.countdown.spare_s(ends) < pause_s:
            return False
        await self._clock.sleep(pause_s)
        return True

    def _spent(self, asked: Asked, receipt: Receipt, started: float) -> Spent:
        elapsed_s = self._clock.monotonic() - started
        price = self._catalogue.price_of(receipt.model_served, asked.spec)
        return Spent(usage_from(receipt.tokens, price), round(elapsed_s * 1000))

    async def _record_interruption(self, pursuit: _Pursuit, asked: Asked, started: float) -> None:
        """Put a call on record that was broken off by us: the provider may bill it all the same."""
        spent = self._spent(asked, Receipt(), started)
        with suppress(LostClaim):
            await self._record(pursuit, interrupted_attempt(asked, spent))

    async def _record(self, pursuit: _Pursuit, attempt: Attempt) -> None:
        log.info(
            "model_attempt",
            request_id=pursuit.ask.request_id,
            tier=attempt.tier.value,
            model=attempt.model_asked,
            model_served=attempt.model_served,
            provider=attempt.provider,
            generation_id=attempt.generation_id,
            outcome=attempt.outcome.value,
            error_type=attempt.error_type,
            http_status=attempt.http_status,
            verdict=attempt.verdict,
            retry_number=attempt.retry_number,
            latency_ms=attempt.latency_ms,
            tokens=attempt.usage.total_tokens,
            cost_usd=attempt.usage.cost_usd,
        )
        await pursuit.watch.on_attempt(attempt)
