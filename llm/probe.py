"""The smallest question that any model, a reasoning one included, can answer with text."""

from typing import Final

from domain.answer import Prompt, PromptStamp
from llm.catalogue import ModelSpec
from llm.completion import Call, Caller, Completion

_MAX_TOKENS: Final = 2048
# Anthropic's minimum; Gemini's is lower.
_SMALLEST_BUDGET: Final = 1024
_PROMPT: Final = Prompt(
    system="",
    user="Antworte nur mit dem Wort OK.",
    stamp=PromptStamp(version="probe", sha256=""),
    temperature=0.0,
)


async def probe(caller: Caller, spec: ModelSpec, *, deadline_s: float = 10.0) -> Completion:
    """Ask one model for one word, leaving room to think; raises ModelFailure."""
    budget = spec.reasoning_budget and min(spec.reasoning_budget, _SMALLEST_BUDGET)
    tiny = spec.model_copy(
        update={"max_tokens": min(spec.max_tokens, _MAX_TOKENS), "reasoning_budget": budget}
    )
    return await caller.complete(
        Call(
            spec=tiny,
            prompt=_PROMPT,
            request_id="probe",
            deadline_s=deadline_s,
            on_first_token=_ignore,
        )
    )


async def _ignore() -> None:
    """Nobody watches a probe."""
