"""OpenAI, directly: the emergency stage when OpenRouter is away."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
from pydantic import SecretStr

from domain.ports import Clock
from llm import lenient
from llm.chat import chat_messages, json_schema_format
from llm.completion import Call
from llm.direct import DirectProvider, Vendor
from llm.failures import FailureKind, Refused
from llm.hints import retry_after_s
from llm.lenient import load, table
from llm.refusals import kind_by_status
from llm.wire import read_completion

PROVIDER: Final = "OpenAI"
_OUT_OF_MONEY: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)


def request_body(call: Call) -> dict[str, Any]:
    """Build the body of a chat completion; `max_tokens` is refused by reasoning models."""
    spec, prompt = call.spec, call.prompt
    body: dict[str, Any] = {
        "model": spec.slug,
        "messages": chat_messages(prompt),
        "max_completion_tokens": spec.max_tokens,
    }
    if spec.temperature_allowed:
        body["temperature"] = prompt.temperature
    if spec.reasoning_effort is not None:
        body["reasoning_effort"] = spec.reasoning_effort
    if prompt.json_schema is not None and spec.json_schema_supported:
        body["response_format"] = json_schema_format(prompt.json_schema)
    return body


def read_error(body: bytes, status: int, headers: Mapping[str, str], now: float) -> Refused:
    """Read an error reply; an exhausted budget hides behind 429 and is not worth a retry."""
    try:
        error = table(table(load(body)).get("error"))
    except ValueError:
        error = {}
    names = {lenient.name(error.get("code")), lenient.name(error.get("type"))}
    kind = FailureKind.PAYMENT_REQUIRED if names & _OUT_OF_MONEY else kind_by_status(status)
    return Refused(
        kind,
        lenient.text(error.get("message")),
        http_status=status,
        code=lenient.name(error.get("code")) or lenient.name(error.get("type")),
        retry_after_s=retry_after_s(headers, error, now),
    )


VENDOR: Final = Vendor(PROVIDER, "x-request-id", request_body, read_completion, read_error)


def openai_provider(
    client: httpx.AsyncClient, *, base_url: str, api_key: SecretStr, clock: Clock
) -> DirectProvider:
    """`base_url` ends in `/v1`."""
    headers = {"authorization": f"Bearer {api_key.get_secret_value().strip()}"}
    url = f"{base_url.rstrip('/')}/chat/completions"
    return DirectProvider(VENDOR, client, url, headers, clock)
