"""Statistics of served requests, found only after a while, as `GET /generation` behaves."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from sandbox.openrouter.reply import Generation, usage

_REMEMBERED = 20_000


class Generations:
    """The newest generations with the number of times each was looked for."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Generation] = OrderedDict()
        self._looks: dict[str, int] = {}

    def remember(self, generation: Generation) -> None:
        # The text is the bulk of it, and the statistics never show it.
        done = replace(generation.done, text=None)
        self._known[generation.id] = replace(generation, done=done)
        if len(self._known) > _REMEMBERED:
            forgotten, _ = self._known.popitem(last=False)
            self._looks.pop(forgotten, None)

    def find(self, generation_id: str, misses: int) -> Generation | None:
        """None for unknown ids and for the first `misses` looks at a known one."""
        generation = self._known.get(generation_id)
        if generation is None:
            return None
        looks = self._looks.get(generation_id, 0)
        self._looks[generation_id] = looks + 1
        return generation if looks >= misses else None

    def clear(self) -> None:
        self._known.clear()
        self._looks.clear()


def statistics(generation: Generation, created_at: str) -> dict[str, Any]:
    """The `data` object; token counts in the model's own tokenizer."""
    done, told = generation.done, usage(generation)
    return {
        "id": generation.id,
        "upstream_id": None,
        "model": generation.model.permaslug,
        "provider_name": generation.provider,
        "created_at": created_at,
        "streamed": generation.streamed,
        "cancelled": False,
        "is_byok": False,
        "total_cost": told["cost"],
        "usage": told["cost"],
        "cache_discount": None,
        "upstream_inference_cost": None,
        "latency": 900,
        "moderation_latency": None,
        "generation_time": 4200,
        "finish_reason": done.finish,
        "native_finish_reason": generation.native_finish,
        "tokens_prompt": done.prompt_tokens,
        "tokens_completion": done.visible_tokens,
        "native_tokens_prompt": done.prompt_tokens,
        "native_tokens_completion": done.completion_tokens,
        "native_tokens_reasoning": done.reasoning_tokens,
        "native_tokens_cached": 0,
        "origin": "",
        "data_region": "global",
    }
