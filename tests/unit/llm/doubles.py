"""Honest stand-ins for the world around the chain, in virtual time."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from redis.asyncio import Redis

from domain.acceptance import Accepted, Rejected, Verdict
from domain.answer import Attempt, Tier
from domain.job import Kind, Stage
from domain.ports import Ask, Watch
from domain.retry import RetryPolicy
from llm.breaker import Breaker
from llm.budgets import Budgets
from llm.catalogue import Catalogue
from llm.chain import FallbackChain, ModelStage
from llm.completion import Call, Completion
from llm.failures import FailureKind, ModelFailure, Unreachable
from llm.limiter import Limiter
from llm.shared import RedisAway, Result, SharedState
from tests.fakes.clock import FakeClock
from tests.unit.llm.builders import PROMPT, completion

BUDGETS = Budgets(connect_s=5, attempt_s=45, model_s=90, chain_s=360)
GEMINI, CLAUDE, GPT = "google/gemini-2.5-pro", "anthropic/claude-sonnet-5", "openai/gpt-4o"
DIRECT_CLAUDE, DIRECT_GPT = "claude-sonnet-5", "gpt-4o"


class NoRedis(SharedState):
    """Redis that is never there."""

    def __init__(self) -> None:
        """Nothing to connect to."""

    async def run(self, operation: Callable[[Redis], Awaitable[Result]]) -> Result:
        raise RedisAway(operation)


@dataclass
class Step:
    """What a model does when asked, and how many seconds it takes for it."""

    outcome: Completion | ModelFailure
    takes_s: float = 10.0


@dataclass
class Seen:
    slug: str
    at: float
    call: Call


@dataclass
class ScriptedCaller:
    """Follows a script per model and keeps deadlines as a real caller must.

    The last step of a script repeats; a model without one answers well.
    """

    clock: FakeClock
    account: str = "openrouter"
    script: dict[str, list[Step]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    turns: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def complete(self, call: Call) -> Completion:
        slug = call.spec.slug
        self.seen.append(Seen(slug, self.clock.monotonic(), call))
        steps = self.script.get(slug, [Step(completion(f"{slug} sagt: gut."))])
        step = steps[min(self.turns[slug], len(steps) - 1)]
        self.turns[slug] += 1
        if step.takes_s > call.deadline_s:
            self.clock.advance(call.deadline_s)
            raise Unreachable(FailureKind.TIMEOUT)
        self.clock.advance(step.takes_s)
        if isinstance(step.outcome, ModelFailure):
            raise step.outcome
        await call.on_first_token()
        return step.outcome


class HangingCaller:
    """Never answers; knows whether it was cancelled."""

    account = "openrouter"

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.cancelled = False

    async def complete(self, call: Call) -> Completion:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        raise AssertionError(call)


@dataclass
class Diary:
    """Keeps what a chain tells its watch."""

    attempts: list[Attempt] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)

    async def on_attempt(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)

    async def on_stage(self, stage: Stage) -> None:
        self.stages.append(stage)

    @property
    def watch(self) -> Watch:
        return Watch(self.on_attempt, self.on_stage)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(attempt.model_asked, attempt.outcome.value) for attempt in self.attempts]


async def judge(text: str) -> Verdict:
    """Accept every text that calls the horse good."""
    if "gut" in text.lower():
        return Accepted(text.strip(), price_low=8000, price_high=10_000)
    return Rejected(("apology", "no_price"))


def ask(**changes: Any) -> Ask:
    fields: dict[str, Any] = {
        "kind": Kind.VALUATION,
        "prompt": PROMPT,
        "judge": judge,
        "request_id": "valuation:cs_live_1",
    }
    return Ask(**(fields | changes))


@dataclass
class World:
    """A chain of three models through OpenRouter and two direct ones, on one fake clock."""

    clock: FakeClock = field(default_factory=FakeClock)
    diary: Diary = field(default_factory=Diary)

    def __post_init__(self) -> None:
        self.openrouter = ScriptedCaller(self.clock)
        self.anthropic = ScriptedCaller(self.clock, account="anthropic")
        self.openai = ScriptedCaller(self.clock, account="openai")
        self.breaker = Breaker(NoRedis(), self.clock)
        self.limiter = Limiter(NoRedis(), self.clock)

    @property
    def stages(self) -> list[ModelStage]:
        return [
            ModelStage(self.openrouter, GEMINI, Tier.PRIMARY),
            ModelStage(self.openrouter, CLAUDE, Tier.SECONDARY),
            ModelStage(self.openrouter, GPT, Tier.TERTIARY),
            ModelStage(self.anthropic, DIRECT_CLAUDE, Tier.EMERGENCY),
            ModelStage(self.openai, DIRECT_GPT, Tier.EMERGENCY),
        ]

    def chain(self, stages: Sequence[ModelStage] | None = None, **changes: Any) -> FallbackChain:
        parts: dict[str, Any] = {
            "catalogue": Catalogue({}),
            "budgets": BUDGETS,
            "policy": RetryPolicy(),
            "breaker": self.breaker,
            "limiter": self.limiter,
            "clock": self.clock,
            "rng": Random(1),  # noqa: S311 - jitter, not cryptography
        }
        return FallbackChain(self.stages if stages is None else stages, **(parts | changes))

    def asked(self) -> list[str]:
        """Name the models in the order they were called."""
        seen = [*self.openrouter.seen, *self.anthropic.seen, *self.openai.seen]
        return [entry.slug for entry in sorted(seen, key=lambda entry: entry.at)]

    def all_fail(self, *outcomes: ModelFailure | Completion, takes_s: float = 1.0) -> None:
        """Give every model the same script."""
        for caller in (self.openrouter, self.anthropic, self.openai):
            for stage in self.stages:
                caller.script[stage.slug] = [Step(outcome, takes_s) for outcome in outcomes]
