"""From a scenario to the next outcome, the same for the same seed whatever the timing."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain, repeat
from typing import Any

from sandbox.outcomes import CHAT
from sandbox.scenario import ChatRule, Fixed, Latency, Rule, Scenario, Step, amended

# Vendors refuse before any model works; only time-outs take their time.
_REFUSAL_S = 0.02
_Z95 = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Draw:
    """`latency_s` for an answer, `refusal_s` for a refusal; both in scaled seconds."""

    step: Step
    latency_s: float
    refusal_s: float

    def unstreamed(self) -> Draw:
        """The same draw for a caller who did not ask for a stream."""
        twin = CHAT[self.step.name].unstreamed
        if twin is None:
            return self
        return replace(self, step=self.step.model_copy(update={"name": twin}))


def latency_of(shape: Latency, rng: random.Random) -> float:
    """Seconds; a lognormal takes its sigma from the distance of p95 to the median."""
    if isinstance(shape, Fixed):
        return shape.fixed
    curve = shape.lognormal
    sigma = math.log(curve.p95 / curve.median) / _Z95
    return min(curve.max, rng.lognormvariate(math.log(curve.median), sigma))


class Dice:
    """The draws of one rule.

    Outcomes, latencies and overrides have separate generators, so that changing one of them
    leaves the other sequences as they were.
    """

    def __init__(self, rule: Rule, seed: str, scale: float) -> None:
        self.rule = rule
        self._scale = scale
        self._choices = random.Random(f"{seed}|outcome")
        self._latencies = random.Random(f"{seed}|latency")
        self._overrides = random.Random(f"{seed}|override")
        self._script: Iterator[Step] = chain.from_iterable(
            repeat(step, step.times) for step in rule.outcomes
        )
        self._steps = [choice.outcome for choice in rule.then]
        self._weights = [choice.weight for choice in rule.then]

    def draw(self) -> Draw:
        step = next(self._script, None) or self._choose()
        return self._timed(step, self._latencies)

    def override(self, step: Step) -> Draw:
        return self._timed(step, self._overrides)

    def _choose(self) -> Step:
        return self._choices.choices(self._steps, self._weights)[0]

    def _timed(self, step: Step, rng: random.Random) -> Draw:
        usual = latency_of(self.rule.latency, rng)
        latency = usual if step.latency is None else latency_of(step.latency, rng)
        refusal = min(latency, _REFUSAL_S) if step.latency is None else latency
        return Draw(step, latency * self._scale, refusal * self._scale)


class Director:
    """Holds the current scenario and one set of dice per model pattern and service."""

    def __init__(self, scenario: Scenario, latency_scale: float = 1.0) -> None:
        self._scale = latency_scale
        self._default = ChatRule()
        self.scenario = scenario
        self._dice: dict[str, Dice] = {}

    def replace(self, scenario: Scenario) -> None:
        """Start `scenario` from the beginning."""
        self.scenario = scenario
        self._dice = {}

    def amend(self, changes: Mapping[str, Any]) -> None:
        """Merge `changes` in; rules they name start again, the others keep their place.

        Raises pydantic.ValidationError.
        """
        before, self.scenario = self.scenario, amended(self.scenario, changes)
        if before.seed != self.scenario.seed:
            self._dice = {}
        for scope in _scopes(changes):
            self._dice.pop(scope, None)

    def chat(self, model: str) -> Dice:
        pattern, rule = self._rule_for(model)
        return self._dice_for(f"model:{pattern}", rule)

    def reads(self) -> Dice:
        return self._dice_for("reads", self.scenario.reads)

    def stripe(self) -> Dice:
        return self._dice_for("stripe", self.scenario.stripe)

    def mail(self) -> Dice:
        return self._dice_for("mail", self.scenario.mail)

    def _rule_for(self, model: str) -> tuple[str, Rule]:
        models = self.scenario.models
        if model in models:
            return model, models[model]
        for pattern, rule in models.items():
            if pattern != "*" and fnmatchcase(model, pattern):
                return pattern, rule
        return "*", models.get("*", self._default)

    def _dice_for(self, scope: str, rule: Rule) -> Dice:
        dice = self._dice.get(scope)
        if dice is None or (dice.rule is not rule and dice.rule != rule):
            dice = Dice(rule, f"{self.scenario.seed}|{scope}", self._scale)
            self._dice[scope] = dice
        return dice


def _scopes(changes: Mapping[str, Any]) -> list[str]:
    patterns = changes.get("models", {})
    return [*changes, *(f"model:{pattern}" for pattern in patterns)]
