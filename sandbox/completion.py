"""What a model makes of a request: text, tokens and how it ends, before any vendor's shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sandbox import answers, flaws
from sandbox.catalogue import Model
from sandbox.horses import placeholder, read_horse
from sandbox.scenario import Step

_PROMPT_CHARS_PER_TOKEN = 3.6
_PING_MAX_CHARS = 240
_EFFORT = MappingProxyType(
    {"none": 0.0, "minimal": 0.15, "low": 0.4, "medium": 1.0, "high": 1.6, "xhigh": 2.0, "max": 2.5}
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, freed of its vendor's shape. `max_tokens` includes reasoning tokens.

    `thinking_budget` caps the reasoning tokens, `effort` scales them.
    """

    system: str
    user: str
    max_tokens: int
    wants_json: bool = False
    effort: str = "medium"
    thinking_budget: int | None = None

    @property
    def prompt_tokens(self) -> int:
        return math.ceil((len(self.system) + len(self.user)) / _PROMPT_CHARS_PER_TOKEN) + 8


@dataclass(frozen=True, slots=True)
class Completion:
    """`finish` is the normalised reason; `completion_tokens` includes reasoning."""

    text: str | None
    finish: str | None
    prompt_tokens: int
    visible_tokens: int
    reasoning_tokens: int
    refusal: str | None = None

    @property
    def completion_tokens(self) -> int:
        return self.visible_tokens + self.reasoning_tokens

    @property
    def billed_tokens(self) -> tuple[int, int]:
        """Prompt and completion tokens charged; an error finish or no output costs nothing."""
        if self.finish == "error" or not self.completion_tokens:
            return 0, 0
        return self.prompt_tokens, self.completion_tokens


_Ending = Callable[[Completion, Model], dict[str, Any]]


def complete(ask: Ask, model: Model, step: Step) -> Completion:
    """Answer `ask` under the token limit, then let the scripted ending have its way."""
    text = answer_text(ask, step)
    natural = _within_limit(ask, model, text)
    return _ended(natural, model, step.name)


def answer_text(ask: Ask, step: Step) -> str:
    """The answer's full text for a text outcome; every other outcome starts from a good one."""
    if step.content is not None:
        return step.content
    horse = read_horse(ask.user)
    if horse is None and len(ask.user) <= _PING_MAX_CHARS and not ask.wants_json:
        return "OK"
    horse = horse or placeholder(ask.user)
    table = flaws.CERTIFICATE_FLAWS if ask.wants_json else flaws.VALUATION_FLAWS
    flaw = table.get(step.name)
    if flaw is not None:
        return flaw(horse, ask.system)
    return answers.certificate_json(horse) if ask.wants_json else answers.valuation(horse)


def wants_certificate(system: str, user: str, response_format: Mapping[str, object] | None) -> bool:
    """A JSON response format, or a prompt that names the certificate's first key."""
    kind = (response_format or {}).get("type")
    return kind in {"json_object", "json_schema"} or "preisVon" in system or "preisVon" in user


def _within_limit(ask: Ask, model: Model, text: str) -> Completion:
    thought = min(_reasoning(ask, model, text), ask.max_tokens)
    room = ask.max_tokens - thought
    needed = _tokens(text, model)
    shown = text if needed <= room else text[: int(room * model.chars_per_token)]
    return Completion(
        text=shown,
        finish="stop" if needed <= room else "length",
        prompt_tokens=ask.prompt_tokens,
        visible_tokens=min(needed, room),
        reasoning_tokens=thought,
    )


def _reasoning(ask: Ask, model: Model, text: str) -> int:
    if not model.thinks:
        return 0
    # A short answer needs little thought, and no two valuations need exactly the same.
    usual = model.thinks + len(ask.user) % 120 if len(text) > 40 else 60
    wanted = int(usual * _EFFORT.get(ask.effort, 1.0))
    return wanted if ask.thinking_budget is None else min(wanted, ask.thinking_budget)


def _tokens(text: str, model: Model) -> int:
    return math.ceil(len(text) / model.chars_per_token)


def _ended(done: Completion, model: Model, outcome: str) -> Completion:
    """A scripted ending spends what it would have spent up to that point."""
    changes = _ENDINGS.get(outcome)
    return done if changes is None else replace(done, **changes(done, model))


def _cut(finish: str) -> _Ending:
    def changes(done: Completion, model: Model) -> dict[str, Any]:
        text = done.text or ""
        kept = text[: len(text) * 3 // 5]
        return {"text": kept, "finish": finish, "visible_tokens": _tokens(kept, model)}

    return changes


def _exhausted(done: Completion, _model: Model) -> dict[str, Any]:
    spent = done.completion_tokens
    return {"text": "", "finish": "length", "visible_tokens": 0, "reasoning_tokens": spent}


def _refused(_done: Completion, _model: Model) -> dict[str, Any]:
    return {"text": None, "refusal": flaws.APOLOGY, "visible_tokens": 30}


def _empty(_done: Completion, _model: Model) -> dict[str, Any]:
    return {"text": "", "finish": "stop", "visible_tokens": 0}


def _nothing(_done: Completion, _model: Model) -> dict[str, Any]:
    return {"text": None, "finish": None, "visible_tokens": 0, "reasoning_tokens": 0}


_ENDINGS: Mapping[str, _Ending] = MappingProxyType(
    {
        "length_cut": _cut("length"),
        "content_filter": _cut("content_filter"),
        "finish_error": _cut("error"),
        "reasoning_exhausted": _exhausted,
        "stream_reasoning_only_length": _exhausted,
        "refusal_field": _refused,
        "empty_stop": _empty,
        "empty_null": _nothing,
    }
)
