"""What a rehearsal looks like: which outcome comes next, how long it takes.

A scenario is JSON, all parts optional:

    {"seed": 7,
     "models": {"google/*": {"outcomes": ["503", {"name": "429_retry_after", "retry_after": 1}],
                             "then": [{"outcome": "ok", "weight": 9}, {"outcome": "hang"}],
                             "latency": "measured"}},
     "stripe": {"outcomes": ["503", "503"]},
     "mail": {"outcomes": ["accepted_then_reset"]}}

`outcomes` are consumed in order, afterwards each request draws from `then`. An outcome is a
name or an object (`Step`). `latency` is seconds, {"fixed": s}, {"lognormal": {"median": s,
"p95": s, "max": s}} or the preset "measured". Refusals that a vendor gives before any work
answer within 0.02 s unless their step names a latency. Model patterns are exact slugs or
fnmatch patterns; an exact slug wins, then the first pattern that matches, then the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sandbox import outcomes
from sandbox.outcomes import Outcome


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fixed(_Value):
    fixed: float = Field(ge=0, description="seconds")


class LognormalShape(_Value):
    median: float = Field(gt=0, description="seconds")
    p95: float = Field(gt=0, description="seconds")
    max: float = Field(gt=0, description="seconds; longer draws are cut to this")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.median <= self.p95 <= self.max:
            raise ValueError("a lognormal latency needs median <= p95 <= max")
        return self


class Lognormal(_Value):
    lognormal: LognormalShape


# Latencies of long valuations as reported for the production models of 2025.
MEASURED = Lognormal(lognormal=LognormalShape(median=50, p95=110, max=180))


def _spell_out_latency(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"fixed": value}
    if value == "measured":
        return MEASURED
    return value


Latency = Annotated[Fixed | Lognormal, BeforeValidator(_spell_out_latency)]


class Step(_Value):
    """One outcome with its particulars. Fields an outcome has no use for are ignored."""

    name: str
    latency: Latency | None = None
    times: int = Field(1, ge=1, le=100_000, description="how often in a row")
    retry_after: int = Field(2, ge=0, description="seconds, for outcomes that give a hint")
    status: int = Field(522, ge=400, le=599, description="for 52x_html")
    content: str | None = Field(None, description="the answer, word for word")
    model: str | None = Field(None, description="served slug, for ok_fallback_model")
    provider: str | None = Field(None, description="display name of the provider")


def _spell_out_step(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


StepField = Annotated[Step, BeforeValidator(_spell_out_step)]


class Weighted(_Value):
    outcome: StepField
    weight: float = Field(1, gt=0)


def _spell_out_weighted(value: object) -> object:
    plain = isinstance(value, str) or (isinstance(value, Mapping) and "outcome" not in value)
    return {"outcome": value} if plain else value


WeightedField = Annotated[Weighted, BeforeValidator(_spell_out_weighted)]


class Rule(_Value):
    """Raises ValueError listing the known outcomes when one is unknown."""

    known: ClassVar[Mapping[str, Outcome]]

    outcomes: tuple[StepField, ...] = ()
    then: tuple[WeightedField, ...] = Field(
        (Weighted(outcome=Step(name="ok")),), min_length=1, description="weighted draw"
    )
    latency: Latency = Fixed(fixed=0.3)

    @model_validator(mode="after")
    def _known_outcomes(self) -> Self:
        for step in (*self.outcomes, *(choice.outcome for choice in self.then)):
            outcomes.require_known(step.name, self.known)
        return self


class ChatRule(Rule):
    known = outcomes.CHAT


class ServiceRule(Rule):
    known = outcomes.SERVICE
    latency: Latency = Fixed(fixed=0.02)


class MailRule(ServiceRule):
    known = outcomes.MAIL


class Scenario(_Value):
    seed: int = 1
    models: dict[str, ChatRule] = Field(default_factory=dict)
    reads: ServiceRule = Field(
        default_factory=ServiceRule, description="OpenRouter's GET endpoints"
    )
    stripe: ServiceRule = Field(default_factory=ServiceRule)
    mail: MailRule = Field(default_factory=MailRule)
    retired_models: tuple[str, ...] = Field(
        (), description="slugs taken out of the catalogue on top of those long gone"
    )
    credit_usd: float | None = Field(
        None, description="requests that could cost more than this get 402; null: no limit"
    )
    generation_misses: int = Field(2, ge=0, description="404s before a generation is found")
    strict_provider: bool = Field(True, description="unknown provider keys get 400")
    kept_messages: int = Field(
        10_000, ge=0, description="journal entries that keep their request body"
    )


_MERGED_LEVELS = {"models": 2, "reads": 1, "stripe": 1, "mail": 1}


def amended(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """Merge `changes` down to the fields of a rule; a field named is replaced as a whole.

    Raises pydantic.ValidationError.
    """
    present = scenario.model_dump(exclude_unset=True)
    for key, value in changes.items():
        present[key] = _merged(present.get(key, {}), value, _MERGED_LEVELS.get(key, 0))
    return Scenario.model_validate(present)


def _merged(base: object, changes: object, levels: int) -> object:
    if not levels or not isinstance(base, Mapping) or not isinstance(changes, Mapping):
        return changes
    nested = {key: _merged(base.get(key, {}), value, levels - 1) for key, value in changes.items()}
    return {**base, **nested}
