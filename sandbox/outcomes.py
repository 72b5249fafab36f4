"""The vocabulary of scripted outcomes.

A chat outcome is decided at one of six stages; the stage tells which part of a vendor's
module plays it. Shapes follow OpenRouter docs (errors-and-debugging, streaming) and
replies recorded in public client test suites.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Stage(StrEnum):
    TEXT = "text"
    FINISH = "finish"
    BODY = "body"
    STATUS = "status"
    SOCKET = "socket"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`unstreamed` names what a stream-only outcome becomes when no stream was asked for."""

    name: str
    stage: Stage
    summary: str
    unstreamed: str | None = None


_TEXT = {
    "ok": "a good answer",
    "ok_fallback_model": "served by another model than the one asked for",
    "ok_no_cost": "usage without the cost field",
    "ok_null_cost": "usage.cost is null",
    "ok_no_usage": "no usage at all",
    "ok_null_details": "token detail objects are null",
    "ok_content_parts": "content is an array of text parts",
    "ok_unpadded": "no keep-alive padding, Content-Length set",
    "apology": "one sentence of regret instead of the product",
    "apology_long": "a polished apology of several paragraphs",
    "refusal": "declines in prose with finish_reason stop",
    "english": "the whole report in English",
    "no_price": "the report without any price",
    "price_is_height": "the headline range is the height in centimetres",
    "inverted_range": "upper bound before lower bound",
    "truncated_text": "finish_reason stop although the text ends inside a sentence",
    "missing_section": "one required section or key is absent",
    "wrong_order": "sections in another order",
    "meta_talk": "talks about itself after the report",
    "leaked_prompt": "opens with the system prompt",
    "absurd_price": "a range no horse of this kind fetches",
    "chatty_prefix": "a greeting before the first heading",
    "certificate_bad_json": "JSON that does not parse",
    "certificate_missing_key": "JSON without the price keys",
    "certificate_fenced": "good JSON inside a fenced block (acceptable)",
    "certificate_prose": "good JSON with a sentence around it (acceptable)",
}

_FINISH = {
    "empty_stop": 'content "" with finish_reason stop',
    "empty_null": "content null with finish_reason null",
    "reasoning_exhausted": "reasoning used up the whole limit, content empty, length",
    "length_cut": "cut by the token limit, finish_reason length",
    "content_filter": "stopped by the provider's filter with partial content",
    "refusal_field": "message.refusal set, content null",
    "finish_error": "finish_reason error with choices[].error and partial content",
}

_BODY = {
    "error_in_200": "200 whose body is only an error",
    "error_in_200_symbolic": "the same with a symbolic error code",
    "error_in_200_null_code": "the same with a null error code",
    "null_everything_524": "200, every field null, error code 524",
    "null_choices": "choices is null, no error",
    "empty_choices": "choices is an empty list, no error",
    "cut_json": "body ends inside the JSON, HTTP framing intact",
    "pads_only": "padding and nothing after it",
    "html_200": "200 with an HTML page",
}

_STATUS = {
    "400_bad_param": "a parameter is malformed",
    "400_unknown_model": "unknown model id, availability.model_not_found",
    "400_context": "context length exceeded",
    "400_reasoning_mandatory": "reasoning was switched off where it is mandatory",
    "400_upstream": "refused by one provider, another may accept",
    "401": "key missing, disabled or expired",
    "402": "balance or key limit too low for max_tokens",
    "403_moderation": "input flagged by moderation",
    "403_guardrail": "blocked by a guardrail",
    "403_region": "region restricted",
    "404_no_endpoints": "no endpoints found, not retryable",
    "404_deprecated": "the model was removed",
    "404_availability_retryable": "no endpoints found, availability.retryable is true",
    "404_upstream": "provider returned 404 with an empty raw body (transient)",
    "408": "timed out",
    "413": "payload too large",
    "422": "unprocessable",
    "429_platform": "platform limit with X-RateLimit headers, reset in milliseconds",
    "429_upstream": "upstream limit without any hint",
    "429_retry_after": "upstream limit with Retry-After",
    "429_availability": "capacity_exhausted with availability.retry_after only",
    "429_quota": "money is used up (insufficient_quota at OpenAI)",
    "500": "masked internal error",
    "502": "provider down or invalid output",
    "503": "no provider available",
    "503_retry_after": "the same with Retry-After",
    "503_availability": "temporarily_unavailable with availability.retry_after",
    "504": "provider too slow",
    "524": "edge time-out",
    "529": "provider overloaded",
    "52x_html": "an edge error page in HTML (status 522, or the step's own)",
}

_SOCKET = {
    "hang": "no reply at all until the caller gives up",
    "hang_after_pads": "headers and padding, then silence",
    "slow_pads": "padding for ever, so no read timeout ever fires",
    "reset_before_headers": "connection reset before any byte",
    "reset_after_pads": "connection reset after headers and padding",
    "reset_mid_json": "connection reset inside the body",
}

_STREAM = {
    "stream_error_first": ("an error as the first event of a 200", "error_in_200"),
    "stream_error_mid": ("an error after half the text, finish_reason error", "finish_error"),
    "stream_error_mid_null_finish": (
        "an error after half the text, finish_reason null, usage and [DONE] follow",
        "finish_error",
    ),
    "stream_no_done": ("ends after half the text without finish and [DONE]", "cut_json"),
    "stream_no_done_after_finish": ("complete but for [DONE] (acceptable)", "ok"),
    "stream_stall": ("silence after half the text", "hang_after_pads"),
    "stream_stall_comments": ("only comments after half the text", "slow_pads"),
    "stream_usage_empty_choices": ("usage chunk with empty choices (acceptable)", "ok"),
    "stream_reasoning_only_length": ("only reasoning, then length", "reasoning_exhausted"),
}

_SERVICE = {
    "ok": "the real thing",
    "401": "key refused",
    "403": "not allowed",
    "404": "not found",
    "422": "unprocessable",
    "429": "rate limited with Retry-After",
    "500": "internal error",
    "502": "bad gateway",
    "503": "unavailable",
    "503_html": "unavailable, HTML body",
    "hang": "no reply at all until the caller gives up",
    "reset": "connection reset before any byte",
}

_MAIL = {
    "429_quota": "daily quota exceeded",
    "accepted_then_500": "the mail is taken, the reply says 500",
    "accepted_then_reset": "the mail is taken, the connection dies",
    "accepted_then_hang": "the mail is taken, no reply ever comes",
}


def _stage(stage: Stage, names: Mapping[str, str]) -> dict[str, Outcome]:
    return {name: Outcome(name, stage, summary) for name, summary in names.items()}


def _streamed() -> dict[str, Outcome]:
    return {
        name: Outcome(name, Stage.STREAM, summary, unstreamed)
        for name, (summary, unstreamed) in _STREAM.items()
    }


CHAT: Mapping[str, Outcome] = MappingProxyType(
    _stage(Stage.TEXT, _TEXT)
    | _stage(Stage.FINISH, _FINISH)
    | _stage(Stage.BODY, _BODY)
    | _stage(Stage.STATUS, _STATUS)
    | _stage(Stage.SOCKET, _SOCKET)
    | _streamed()
)
SERVICE: Mapping[str, Outcome] = MappingProxyType(_stage(Stage.STATUS, _SERVICE))
MAIL: Mapping[str, Outcome] = MappingProxyType(_stage(Stage.STATUS, _SERVICE | _MAIL))


class UnknownOutcomeError(ValueError):
    """The message names every known outcome."""


def require_known(name: str, known: Mapping[str, Outcome]) -> str:
    """Return `name`. Raises UnknownOutcomeError."""
    if name not in known:
        raise UnknownOutcomeError(f"unknown outcome {name!r}; known: {', '.join(known)}")
    return name
