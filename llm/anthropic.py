"""Anthropic, directly: the emergency stage when OpenRouter is away."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
from pydantic import SecretStr

from domain.ports import Clock
from llm import lenient
from llm.chat import user_hash
from llm.completion import Call, Completion, Receipt
from llm.direct import DirectProvider, Vendor
from llm.failures import FailureKind, Refused
from llm.hints import retry_after_s
from llm.http import OK
from llm.lenient import load, row, table
from llm.pricing import Tokens
from llm.refusals import kind_by_status
from llm.wire import Turn, conclude, read_object, read_text

PROVIDER: Final = "Anthropic"
API_VERSION: Final = "2023-06-01"
_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_KIND_BY_TYPE: Final = {
    "authentication_error": FailureKind.UNAUTHORIZED,
    "billing_error": FailureKind.PAYMENT_REQUIRED,
    "permission_error": FailureKind.FORBIDDEN,
    "not_found_error": FailureKind.NOT_FOUND,
    "rate_limit_error": FailureKind.RATE_LIMITED,
    "timeout_error": FailureKind.GATEWAY_TIMEOUT,
    "overloaded_error": FailureKind.OVERLOADED,
}
_LOW_BALANCE: Final = "credit balance is too low"


def request_body(call: Call) -> dict[str, Any]:
    """Build the body of a message; thinking with a budget excludes a temperature."""
    spec, prompt = call.spec, call.prompt
    output: dict[str, Any] = {}
    if prompt.json_schema is not None and spec.json_schema_supported:
        output["format"] = {"type": "json_schema", "schema": prompt.json_schema}
    if spec.reasoning_effort is not None:
        output["effort"] = spec.reasoning_effort
    body: dict[str, Any] = {
        "model": spec.slug,
        "max_tokens": spec.max_tokens,
        "messages": [{"role": "user", "content": prompt.user}],
        "metadata": {"user_id": user_hash(call.request_id)},
    }
    if prompt.system:
        body["system"] = prompt.system
    if output:
        body["output_config"] = output
    if spec.reasoning_budget is not None:
        body["thinking"] = {"type": "enabled", "budget_tokens": spec.reasoning_budget}
    elif spec.temperature_allowed:
        body["temperature"] = prompt.temperature
    return body


def read_message(body: bytes, headers: Mapping[str, str], now: float) -> Completion:
    """Read the body of a 200; raises Refused or Unintelligible. Thinking blocks are skipped."""
    payload = read_object(body)
    if payload.get("type") == "error" or payload.get("error"):
        raise read_error(body, OK, headers, now)
    stop_reason = lenient.name(payload.get("stop_reason"))
    return conclude(
        Turn(
            text=read_text(row(payload.get("content"))),
            finish_reason=_FINISH.get(stop_reason or "", stop_reason),
            refusal=stop_reason if stop_reason == "refusal" else "",
            receipt=Receipt(
                model_served=lenient.name(payload.get("model")),
                provider=PROVIDER,
                generation_id=lenient.name(payload.get("id")),
                tokens=read_tokens(table(payload.get("usage"))),
            ),
        )
    )


def read_tokens(usage: Mapping[str, Any]) -> Tokens | None:
    """Read `usage`, whose `input_tokens` leaves out what the cache gave or took."""
    if not usage:
        return None
    cached = lenient.count(usage.get("cache_read_input_tokens"))
    written = lenient.count(usage.get("cache_creation_input_tokens"))
    return Tokens(
        input=lenient.count(usage.get("input_tokens")) + cached + written,
        output=lenient.count(usage.get("output_tokens")),
        reasoning=lenient.count(table(usage.get("output_tokens_details")).get("thinking_tokens")),
        cached=cached,
    )


def read_error(body: bytes, status: int, headers: Mapping[str, str], now: float) -> Refused:
    """Read an error reply by its type, then by its status."""
    try:
        error = table(table(load(body)).get("error"))
    except ValueError:
        error = {}
    kind = _KIND_BY_TYPE.get(lenient.text(error.get("type"))) or kind_by_status(status)
    if _out_of_money(error, headers):
        kind = FailureKind.PAYMENT_REQUIRED
    return Refused(
        kind,
        lenient.text(error.get("message")),
        http_status=status,
        code=lenient.name(error.get("type")),
        retry_after_s=retry_after_s(headers, error, now),
    )


def _out_of_money(error: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """A spend limit comes as 429 without a hint, an empty account as 400 with words."""
    reason = table(error.get("details")).get("error_code")
    limited = reason == "enforced_spend_limit_reached" and "retry-after" not in headers
    return limited or _LOW_BALANCE in lenient.text(error.get("message")).lower()


VENDOR: Final = Vendor(PROVIDER, "request-id", request_body, read_message, read_error)


def anthropic_provider(
    client: httpx.AsyncClient, *, base_url: str, api_key: SecretStr, clock: Clock
) -> DirectProvider:
    """`base_url` has no path."""
    headers = {"x-api-key": api_key.get_secret_value().strip(), "anthropic-version": API_VERSION}
    url = f"{base_url.rstrip('/')}/v1/messages"
    return DirectProvider(VENDOR, client, url, headers, clock)
