"""Answers with HTTP 200 that are not streamed, whole and broken.

Shape and key order as recorded on the wire: keep-alive padding of eleven bytes, then the
object. Source: OpenRouter API reference (overview) and recordings in public client suites.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sandbox.catalogue import Model
from sandbox.completion import Completion
from sandbox.draws import Draw
from sandbox.outcomes import CHAT, Stage
from sandbox.wire import HANG, Ending, Head, Piece, Script, encode, html, reset_after

PAD = b"\n         \n"
_NATIVE = MappingProxyType(
    {"length": "MAX_TOKENS", "content_filter": "SAFETY", "error": None, None: None}
)


@dataclass(frozen=True, slots=True)
class Generation:
    """One served request. `served` is what `model` says in the response."""

    id: str
    created: int
    served: str
    provider: str
    model: Model
    done: Completion
    streamed: bool

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-Generation-Id": self.id,
            "Access-Control-Expose-Headers": "X-Generation-Id,X-Provider-Name,request-id,cf-ray",
        }

    @property
    def native_finish(self) -> str | None:
        finish = self.done.finish
        return self.model.native_stop if finish == "stop" else _NATIVE.get(finish)


def usage(generation: Generation) -> dict[str, Any]:
    """The usage object; `cost` in USD from the catalogue's prices, summed as Decimal."""
    done = generation.done
    billed_prompt, billed_completion = done.billed_tokens
    model = generation.model
    prompt_cost = model.cost(billed_prompt, 0)
    cost = model.cost(billed_prompt, billed_completion)
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
        "cost": float(cost),
        "is_byok": False,
        "prompt_tokens_details": {
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "audio_tokens": 0,
            "video_tokens": 0,
        },
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": float(prompt_cost),
            "upstream_inference_completions_cost": float(cost - prompt_cost),
        },
        "completion_tokens_details": {
            "reasoning_tokens": done.reasoning_tokens,
            "image_tokens": 0,
            "audio_tokens": 0,
        },
    }


def usage_as(outcome: str, generation: Generation) -> dict[str, Any] | None:
    """Usage in the dress of an ok_* outcome; None for no usage at all."""
    told = usage(generation)
    if outcome == "ok_no_usage":
        return None
    if outcome == "ok_no_cost":
        del told["cost"], told["cost_details"]
    if outcome == "ok_null_cost":
        told["cost"] = None
    if outcome == "ok_null_details":
        details = ("prompt_tokens_details", "completion_tokens_details", "cost_details")
        told |= dict.fromkeys(details)
    return told


def result(generation: Generation, outcome: str) -> dict[str, Any]:
    """The chat.completion object."""
    body = {
        "id": generation.id,
        "object": "chat.completion",
        "created": generation.created,
        "model": generation.served,
        "provider": generation.provider,
        "system_fingerprint": None,
        "choices": [_choice(generation, outcome)],
    }
    told = usage_as(outcome, generation)
    return body if told is None else body | {"usage": told}


def _choice(generation: Generation, outcome: str) -> dict[str, Any]:
    done = generation.done
    content: object = done.text
    if outcome == "ok_content_parts":
        content = [{"type": "text", "text": done.text}]
    message = {"role": "assistant", "content": content, "refusal": done.refusal}
    message["reasoning"] = thoughts(done)
    choice = {
        "logprobs": None,
        "finish_reason": done.finish,
        "native_finish_reason": generation.native_finish,
        "index": 0,
        "message": message,
    }
    if done.finish == "error":
        choice["error"] = upstream_error(generation)
    return choice


def thoughts(done: Completion) -> str | None:
    if not done.reasoning_tokens:
        return None
    return "**Einordnung**\n\nIch vergleiche Alter, Ausbildung und Markt."


def upstream_error(generation: Generation) -> dict[str, Any]:
    return {
        "code": 502,
        "message": "Upstream idle timeout exceeded",
        "metadata": {
            "error_type": "provider_unavailable",
            "provider_name": generation.provider,
        },
    }


def _bare_error(code: object) -> Callable[[Generation], dict[str, Any]]:
    def body(generation: Generation) -> dict[str, Any]:
        error = {
            "message": "Provider returned error",
            "code": code,
            "metadata": {"provider_name": generation.provider, "raw": '{"error":"internal"}'},
        }
        return {"error": error, "user_id": "user_2sandbox"}

    return body


def _null_everything(_generation: Generation) -> dict[str, Any]:
    error = {
        "code": 524,
        "message": "Provider returned error",
        "metadata": {"raw": "error code: 524", "provider_name": "Google AI Studio"},
    }
    nothing = dict.fromkeys(("id", "choices", "model", "object", "provider"))
    return {**nothing, "error": error}


ODD_BODIES: Mapping[str, Callable[[Generation], dict[str, Any]]] = MappingProxyType(
    {
        "error_in_200": _bare_error(502),
        "error_in_200_symbolic": _bare_error("server_error"),
        "error_in_200_null_code": _bare_error(None),
        "null_everything_524": _null_everything,
        "null_choices": lambda generation: result(generation, "ok") | {"choices": None},
        "empty_choices": lambda generation: result(generation, "ok") | {"choices": []},
    }
)


def script(generation: Generation, draw: Draw) -> Script:
    """How this generation reaches a caller who did not ask for a stream."""
    name = draw.step.name
    if CHAT[name].stage is Stage.SOCKET:
        return _faulty(generation, name, draw.latency_s)
    if name == "html_200":
        return html(200, draw.latency_s)
    if name == "ok_unpadded":
        body = encode(result(generation, name))
        return Script(headers=generation.headers, pieces=((draw.latency_s, body),))
    return _padded(generation, _body(generation, name), draw.latency_s)


def _body(generation: Generation, name: str) -> bytes:
    if name == "pads_only":
        return b""
    odd = ODD_BODIES.get(name)
    whole = encode(odd(generation) if odd else result(generation, name))
    return whole[: len(whole) * 2 // 3] if name == "cut_json" else whole


def _pads(latency_s: float) -> list[Piece]:
    return [(latency_s / 3, PAD), (latency_s / 3, PAD)]


def _padded(generation: Generation, body: bytes, latency_s: float) -> Script:
    pieces = [*_pads(latency_s), (latency_s / 3, body)]
    return Script(headers=generation.headers, pieces=pieces, head=Head.EARLY)


def _faulty(generation: Generation, name: str, latency_s: float) -> Script:
    if name == "hang":
        return HANG
    if name == "reset_before_headers":
        return reset_after(latency_s)
    pieces = _pads(latency_s)
    if name == "reset_mid_json":
        whole = encode(result(generation, "ok"))
        pieces.append((latency_s / 3, whole[: len(whole) // 2]))
    endings = {"hang_after_pads": Ending.SILENCE, "slow_pads": Ending.DRIP}
    return Script(
        headers=generation.headers,
        pieces=pieces,
        head=Head.EARLY,
        ending=endings.get(name, Ending.RESET),
        drip=PAD,
    )
