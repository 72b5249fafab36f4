"""Answers as server-sent events, whole and broken.

Source: OpenRouter API reference (streaming, errors-and-debugging) and recorded streams: the
role repeats in every chunk and the finish reason arrives twice, again with the usage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sandbox.draws import Draw
from sandbox.openrouter.reply import (
    ODD_BODIES,
    Generation,
    thoughts,
    upstream_error,
    usage,
    usage_as,
)
from sandbox.wire import HANG, Ending, Head, Piece, Script, encode, html, reset_after

COMMENT = b": OPENROUTER PROCESSING\n\n"
_DONE = b"data: [DONE]\n\n"
_DELTAS = 12

_Events = list[bytes]
_Tail = Callable[[Generation], _Events]


def event(value: object) -> bytes:
    return b"data: " + encode(value) + b"\n\n"


def _chunk(generation: Generation, choices: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {
        "id": generation.id,
        "provider": generation.provider,
        "model": generation.served,
        "object": "chat.completion.chunk",
        "created": generation.created,
        "choices": choices,
    }


def _choice(delta: Mapping[str, Any], finish: str | None, native: str | None) -> dict[str, Any]:
    return {
        "index": 0,
        "delta": {"role": "assistant", **delta},
        "finish_reason": finish,
        "native_finish_reason": native,
        "logprobs": None,
    }


def _delta(generation: Generation, **delta: Any) -> bytes:
    return event(_chunk(generation, [_choice(delta, None, None)]))


def _finish_choice(generation: Generation) -> dict[str, Any]:
    delta = {"content": "", "refusal": generation.done.refusal}
    return _choice(delta, generation.done.finish, generation.native_finish)


def _finish(generation: Generation) -> _Events:
    return [event(_chunk(generation, [_finish_choice(generation)]))]


def _usage(generation: Generation, outcome: str) -> _Events:
    empty = outcome == "stream_usage_empty_choices"
    told = usage_as(outcome, generation)
    if told is None:
        return []
    choices = [] if empty else [_finish_choice(generation)]
    return [event(_chunk(generation, choices) | {"usage": told})]


def _reasoning(generation: Generation) -> _Events:
    thought = thoughts(generation.done)
    if thought is None:
        return []
    return [_delta(generation, content="", reasoning=part) for part in thought.split("\n\n")]


def _text(generation: Generation) -> _Events:
    text = generation.done.text or ""
    size = max(1, -(-len(text) // _DELTAS))
    return [
        _delta(generation, content=text[start : start + size])
        for start in range(0, len(text), size)
    ]


def _complete(generation: Generation, outcome: str) -> _Events:
    return [*_finish(generation), *_usage(generation, outcome), _DONE]


def _error_chunk(generation: Generation, finish: str | None, error: dict[str, Any]) -> bytes:
    choice = _choice({"content": ""}, finish, None)
    return event(_chunk(generation, [choice]) | {"error": error})


def _error_mid(generation: Generation) -> _Events:
    return [_error_chunk(generation, "error", upstream_error(generation))]


def _error_mid_null_finish(generation: Generation) -> _Events:
    error = {"code": 400, "message": "Token limit reached"}
    last = event(_chunk(generation, [_finish_choice(generation)]) | {"usage": usage(generation)})
    return [_error_chunk(generation, None, error), last, _DONE]


# Half the text, then this; the ending of the script says whether the line stays open.
_AFTER_HALF: Mapping[str, _Tail] = MappingProxyType(
    {
        "stream_error_mid": _error_mid,
        "finish_error": _error_mid,
        "stream_error_mid_null_finish": _error_mid_null_finish,
        "stream_no_done": lambda _: [],
        "stream_stall": lambda _: [],
        "stream_stall_comments": lambda _: [],
        "cut_json": lambda generation: [_finish(generation)[0][:60]],
        "reset_mid_json": lambda generation: [_finish(generation)[0][:60]],
    }
)


def _odd(name: str) -> _Tail:
    return lambda generation: [event(ODD_BODIES[name](generation))]


# Nothing of the answer at all, only comments and then this.
_INSTEAD: Mapping[str, _Tail] = MappingProxyType(
    {
        "stream_error_first": _odd("error_in_200"),
        "error_in_200": _odd("error_in_200"),
        "error_in_200_symbolic": _odd("error_in_200_symbolic"),
        "error_in_200_null_code": _odd("error_in_200_null_code"),
        "null_everything_524": _odd("null_everything_524"),
        "null_choices": lambda generation: [event(_chunk(generation, None)), _DONE],
        "empty_choices": lambda generation: [event(_chunk(generation, [])), _DONE],
        "pads_only": lambda _: [],
        "hang_after_pads": lambda _: [],
        "slow_pads": lambda _: [],
        "reset_after_pads": lambda _: [],
    }
)
_ENDINGS: Mapping[str, Ending] = MappingProxyType(
    {
        "stream_stall": Ending.SILENCE,
        "hang_after_pads": Ending.SILENCE,
        "stream_stall_comments": Ending.DRIP,
        "slow_pads": Ending.DRIP,
        "reset_mid_json": Ending.RESET,
        "reset_after_pads": Ending.RESET,
    }
)


def script(generation: Generation, draw: Draw) -> Script:
    """How this generation reaches a caller who asked for a stream."""
    name, latency_s = draw.step.name, draw.latency_s
    if name == "hang":
        return HANG
    if name == "reset_before_headers":
        return reset_after(latency_s)
    if name == "html_200":
        return html(200, latency_s)
    return Script(
        content_type="text/event-stream",
        headers=generation.headers | {"Cache-Control": "no-cache"},
        pieces=_timed(_events(generation, name), latency_s),
        head=Head.EARLY,
        ending=_ENDINGS.get(name, Ending.CLOSE),
        drip=COMMENT,
    )


def _events(generation: Generation, name: str) -> _Events:
    if name in _INSTEAD:
        return _INSTEAD[name](generation)
    thinking, text = _reasoning(generation), _text(generation)
    if name in _AFTER_HALF:
        half = text[: len(text) // 2]
        return [*thinking, *half, *_AFTER_HALF[name](generation)]
    whole = [*thinking, *text, *_complete(generation, name)]
    return whole[:-1] if name == "stream_no_done_after_finish" else whole


def _timed(events: _Events, latency_s: float) -> list[Piece]:
    """Comments while the model thinks, then the events over the second half of the time."""
    opening: list[Piece] = [(0, COMMENT), (latency_s / 4, COMMENT), (latency_s / 4, COMMENT)]
    pause = latency_s / 2 / max(1, len(events))
    return [*opening, *((pause, data) for data in events)]
