"""What is sent to each provider, and what the direct ones answer."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm import anthropic, openai, openrouter
from llm.completion import Call
from llm.failures import FailureKind, ModelFailure, Refused
from llm.http import header_safe
from tests.unit.llm.builders import NOW, PROMPT, call, encoded, spec

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
WITH_SCHEMA = PROMPT.model_copy(update={"json_schema": SCHEMA})
BUILDERS = [openrouter.request_body, openai.request_body, anthropic.request_body]


def test_the_openrouter_request() -> None:
    """Streamed, capped, with usage and without anything that was not asked for."""
    body = openrouter.request_body(call())
    assert body == {
        "model": "google/gemini-2.5-pro",
        "messages": [
            {"role": "system", "content": PROMPT.system},
            {"role": "user", "content": PROMPT.user},
        ],
        "max_tokens": 12_000,
        "stream": True,
        "usage": {"include": True},
        "temperature": 0.3,
        "user": body["user"],
    }
    assert "cs_live_1" not in body["user"]


def test_a_schema_is_strict_and_binds_the_routing() -> None:
    """Only then must every parameter be supported."""
    body = openrouter.request_body(
        call(prompt=WITH_SCHEMA, spec=spec(json_schema_supported=True, reasoning_budget=4096))
    )
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["provider"] == {"require_parameters": True}
    assert body["reasoning"] == {"max_tokens": 4096}


def test_an_effort_is_passed_on_where_the_model_knows_one() -> None:
    """Each provider has its own place for it."""
    asked = call(spec=spec(reasoning_effort="low"))
    assert openrouter.request_body(asked)["reasoning"] == {"effort": "low"}
    assert openai.request_body(asked)["reasoning_effort"] == "low"
    assert anthropic.request_body(asked)["output_config"] == {"effort": "low"}


@pytest.mark.parametrize("build", BUILDERS)
def test_nothing_unsupported_is_sent(build: Callable[[Call], dict[str, Any]]) -> None:
    """No temperature and no schema where the model takes none."""
    body = build(call(prompt=WITH_SCHEMA, spec=spec(temperature_allowed=False)))
    assert not {"temperature", "response_format", "output_config", "provider"} & set(body)


@pytest.mark.parametrize("build", BUILDERS)
def test_an_empty_system_prompt_is_left_out(build: Callable[[Call], dict[str, Any]]) -> None:
    """Some providers refuse an empty message."""
    body = build(call(prompt=PROMPT.model_copy(update={"system": ""})))
    assert "system" not in body
    assert [message["role"] for message in body["messages"]] == ["user"]


def test_the_openai_request_names_the_cap_as_reasoning_models_want_it() -> None:
    """`max_tokens` would be refused."""
    body = openai.request_body(call(prompt=WITH_SCHEMA, spec=spec(json_schema_supported=True)))
    assert body["max_completion_tokens"] == 12_000
    assert "max_tokens" not in body
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA


def test_the_anthropic_request() -> None:
    """The system prompt stands apart; a thinking budget excludes a temperature."""
    thinking = spec(reasoning_budget=2000, json_schema_supported=True)
    body = anthropic.request_body(call(prompt=WITH_SCHEMA, spec=thinking))
    assert body["system"] == PROMPT.system
    assert body["messages"] == [{"role": "user", "content": PROMPT.user}]
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert "temperature" not in body
    assert anthropic.request_body(call())["temperature"] == 0.3


@pytest.mark.parametrize(
    ("value", "sent"),
    [("PferdeWert KI-Bewertung", "PferdeWert KI-Bewertung"), ("Für Dich\r\nX: y", "Fr DichX: y")],
)
def test_headers_stay_plain(value: str, sent: str) -> None:
    """No header can be split and none needs an encoding."""
    assert header_safe(value) == sent


MESSAGE: dict[str, Any] = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-20260630",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},
        {"type": "text", "text": "Gut."},
    ],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 30,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 40},
    },
}


def test_an_anthropic_message_is_read() -> None:
    """Thinking is no text; cached tokens belong to the input; there is no cost to read."""
    completion = anthropic.read_message(encoded(MESSAGE), {}, NOW)
    tokens = completion.receipt.tokens
    assert completion.text == "Gut."
    assert completion.receipt.model_served == "claude-sonnet-5-20260630"
    assert tokens is not None
    assert (tokens.input, tokens.output, tokens.reasoning, tokens.cached) == (150, 50, 40, 30)
    assert tokens.cost is None


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"stop_reason": "max_tokens"}, "truncated"),
        ({"stop_reason": "model_context_window_exceeded"}, "truncated"),
        ({"stop_reason": "refusal", "content": []}, "refusal"),
        ({"content": [{"type": "thinking", "thinking": "…"}]}, "empty"),
        ({"content": None, "usage": None}, "empty"),
        ({"type": "error", "error": {"type": "overloaded_error"}}, "overloaded"),
        ({"type": "error"}, "server"),
    ],
)
def test_an_anthropic_200_may_be_a_failure(changes: dict[str, Any], kind: str) -> None:
    """Stopped early, refused, nothing said, or an error after all."""
    with pytest.raises(ModelFailure) as caught:
        anthropic.read_message(encoded(MESSAGE | changes), {}, NOW)
    assert caught.value.kind is FailureKind(kind)


ODD_VALUES = st.none() | st.text() | st.integers() | st.lists(st.text())
ODD_MESSAGES = st.dictionaries(st.sampled_from(sorted(MESSAGE)), ODD_VALUES).map(encoded)


@given(st.binary() | ODD_MESSAGES)
def test_any_anthropic_body_is_an_answer_or_a_failure_of_ours(raw: bytes) -> None:
    """Nothing else is ever raised."""
    with contextlib.suppress(ModelFailure):
        assert anthropic.read_message(raw, {}, NOW).text.strip()


def anthropic_error(body: bytes, status: int, headers: dict[str, str]) -> Refused:
    return anthropic.read_error(body, status, headers, NOW)


@pytest.mark.parametrize(
    ("status", "error", "headers", "kind"),
    [
        (400, {"type": "invalid_request_error", "message": "temperature"}, {}, "bad_request"),
        (
            400,
            {"type": "invalid_request_error", "message": "Your credit balance is too low to …"},
            {},
            "payment_required",
        ),
        (401, {"type": "authentication_error"}, {}, "unauthorized"),
        (402, {"type": "billing_error"}, {}, "payment_required"),
        (404, {"type": "not_found_error"}, {}, "not_found"),
        (413, {"type": "request_too_large"}, {}, "bad_request"),
        (429, {"type": "rate_limit_error"}, {"retry-after": "3"}, "rate_limited"),
        (
            429,
            {
                "type": "rate_limit_error",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
            {},
            "payment_required",
        ),
        (500, {"type": "api_error"}, {}, "server"),
        (504, {"type": "timeout_error"}, {}, "gateway_timeout"),
        (529, {"type": "overloaded_error"}, {}, "overloaded"),
    ],
)
def test_anthropic_errors(
    status: int, error: dict[str, Any], headers: dict[str, str], kind: str
) -> None:
    """By type first; money troubles hide behind other types."""
    failure = anthropic_error(encoded({"type": "error", "error": error}), status, headers)
    assert (failure.kind, failure.http_status) == (FailureKind(kind), status)
    assert failure.retry_after_s == (3.0 if headers else None)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"type": "invalid_request_error", "code": None}, "bad_request"),
        (401, {"code": "invalid_api_key"}, "unauthorized"),
        (429, {"code": "rate_limit_exceeded"}, "rate_limited"),
        (429, {"type": "insufficient_quota", "code": "insufficient_quota"}, "payment_required"),
        (429, {"type": "insufficient_quota", "code": "new_name"}, "payment_required"),
        (429, {"code": "credit_balance_exhausted"}, "payment_required"),
        (500, {"type": "server_error"}, "server"),
        (503, {"code": "server_is_overloaded"}, "overloaded"),
    ],
)
def test_openai_errors(status: int, error: dict[str, Any], kind: str) -> None:
    """An empty account comes as a 429 that no waiting cures."""
    failure = openai.read_error(encoded({"error": error}), status, {}, NOW)
    assert failure.kind is FailureKind(kind)


@pytest.mark.parametrize("read_error", [openai.read_error, anthropic.read_error])
@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'"x"', b'{"error": "x"}'])
def test_direct_errors_need_no_json(read_error: Any, raw: bytes) -> None:
    """Then the status alone decides."""
    assert read_error(raw, 502, {}, NOW).kind is FailureKind.SERVER
