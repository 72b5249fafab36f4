"""Prompts, specs and bodies for the tests of this package."""

import json
from typing import Any

from domain.answer import Prompt, PromptStamp, Tier
from llm.catalogue import ModelSpec
from llm.completion import Call, Completion, Receipt
from llm.pricing import Tokens

NOW = 1_795_176_000.0
STAMP = PromptStamp(version="1", sha256="0" * 64)
PROMPT = Prompt(
    system="Du bewertest Pferde.",
    user="Rasse: Hannoveraner. Besonderheiten: Frau Meier aus Celle reitet ihn seit Jahren.",
    stamp=STAMP,
    temperature=0.3,
)


def spec(slug: str = "google/gemini-2.5-pro", **changes: Any) -> ModelSpec:
    fields = {"slug": slug, "tier": Tier.PRIMARY, "name": "gemini 2.5 pro"} | changes
    return ModelSpec.model_validate(fields)


async def nothing() -> None:
    """Nobody watches."""


def call(**changes: Any) -> Call:
    fields: dict[str, Any] = {
        "spec": spec(),
        "prompt": PROMPT,
        "request_id": "valuation:cs_live_1",
        "deadline_s": 5.0,
        "on_first_token": nothing,
    }
    return Call(**(fields | changes))


def completion(text: str = "Gut.", **receipt: Any) -> Completion:
    fields: dict[str, Any] = {"model_served": "google/gemini-2.5-pro", "tokens": Tokens(1000, 500)}
    return Completion(text, "stop", Receipt(**(fields | receipt)))


def body(**changes: Any) -> dict[str, Any]:
    """A completion as OpenRouter sends it, fields in the observed order."""
    message = {"role": "assistant", "content": "Gut.", "refusal": None, "reasoning": None}
    return {
        "id": "gen-1763631600-AbCdEfGhIjKlMnOpQrSt",
        "provider": "Google",
        "model": "google/gemini-2.5-pro",
        "object": "chat.completion",
        "created": 1763631600,
        "choices": [
            {
                "logprobs": None,
                "finish_reason": "stop",
                "native_finish_reason": "STOP",
                "index": 0,
                "message": message | changes.pop("message", {}),
            }
            | changes.pop("choice", {})
        ],
        "usage": {
            "prompt_tokens": 1000,
            "completion_tokens": 500,
            "total_tokens": 1500,
            "cost": 0.00625,
            "is_byok": False,
            "prompt_tokens_details": {"cached_tokens": 200, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 300, "image_tokens": 0},
        },
    } | changes


def encoded(payload: object) -> bytes:
    return json.dumps(payload).encode()


def event(payload: object) -> bytes:
    return b"data: " + encoded(payload) + b"\n\n"


def chunk(content: str | None = None, *, finish: str | None = None, **changes: Any) -> bytes:
    """One streamed chunk as OpenRouter sends it."""
    delta = {"role": "assistant", "content": content} | changes.pop("delta", {})
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    payload = {
        "id": "gen-1763631600-AbCdEfGhIjKlMnOpQrSt",
        "object": "chat.completion.chunk",
        "model": "google/gemini-2.5-pro",
        "provider": "Google",
        "choices": [choice],
    }
    return event(payload | changes)


USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "cost": 0.00625}
DONE = b"data: [DONE]\n\n"
