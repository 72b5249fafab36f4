"""Anthropic and OpenAI in their own words."""

from typing import Any

import httpx
import pytest

from sandbox.client import SandboxControl
from tests.integration.sandbox.asking import HORSE, SYSTEM

CLAUDE = {"x-api-key": "sk-ant-rehearsal", "anthropic-version": "2023-06-01"}
GPT = {"Authorization": "Bearer sk-rehearsal"}


async def claude(
    http: httpx.AsyncClient, outcome: str = "ok", headers: dict[str, str] = CLAUDE, **more: Any
) -> httpx.Response:
    body = {
        "model": "claude-sonnet-5",
        "max_tokens": 6000,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": HORSE}],
        **more,
    }
    return await http.post(
        "/v1/messages", json=body, headers=headers | {"x-sandbox-outcome": outcome}
    )


async def gpt(http: httpx.AsyncClient, outcome: str = "ok", **more: Any) -> httpx.Response:
    body = {
        "model": "gpt-4o",
        "max_completion_tokens": 4000,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": HORSE}],
        **more,
    }
    headers = GPT | {"x-sandbox-outcome": outcome}
    return await http.post("/v1/chat/completions", json=body, headers=headers)


async def test_claude_thinks_before_the_text(http: httpx.AsyncClient) -> None:
    """A thinking block precedes the text block."""
    told = (await claude(http)).json()

    assert [block["type"] for block in told["content"]] == ["thinking", "text"]
    assert told["stop_reason"] == "end_turn"
    assert "cost" not in told["usage"]


@pytest.mark.parametrize(
    ("outcome", "status", "kind"),
    [
        ("401", 401, "authentication_error"),
        ("402", 402, "billing_error"),
        ("413", 413, "request_too_large"),
        ("429_retry_after", 429, "rate_limit_error"),
        ("429_quota", 429, "rate_limit_error"),
        ("500", 500, "api_error"),
        ("504", 504, "timeout_error"),
        ("529", 529, "overloaded_error"),
        ("error_in_200", 500, "api_error"),
    ],
)
async def test_claude_refuses_natively(
    http: httpx.AsyncClient, outcome: str, status: int, kind: str
) -> None:
    """Type, status and request id as the vendor sends them."""
    response = await claude(http, outcome)

    assert response.status_code == status
    assert response.json()["type"] == "error"
    assert response.json()["error"]["type"] == kind
    assert response.headers["request-id"] == response.json()["request_id"]


@pytest.mark.parametrize(
    ("outcome", "stop", "texts"),
    [
        ("length_cut", "max_tokens", 1),
        ("refusal_field", "refusal", 0),
        ("content_filter", "refusal", 1),
        ("empty_stop", "end_turn", 0),
        ("empty_choices", "end_turn", 0),
    ],
)
async def test_claude_ends_natively(
    http: httpx.AsyncClient, outcome: str, stop: str, texts: int
) -> None:
    """The endings in the vendor's own stop reasons."""
    told = (await claude(http, outcome)).json()

    assert told["stop_reason"] == stop
    assert sum(block["type"] == "text" for block in told["content"]) == texts


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"temperature": 0.3}, 400),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, 400),
        ({"model": "claude-sonnet-4-6", "temperature": 0.3}, 200),
        ({"model": "claude-3-5-sonnet-20241022"}, 404),
        ({"max_tokens": None}, 400),
        ({"messages": [{"role": "system", "content": "x"}]}, 400),
        ({"headers": {"x-api-key": "sk-ant-rehearsal"}}, 400),
        ({"headers": {"anthropic-version": "2023-06-01"}}, 401),
    ],
)
async def test_claude_knows_its_rules(
    http: httpx.AsyncClient, change: dict[str, Any], status: int
) -> None:
    """What the direct API rejects and OpenRouter lets pass."""
    assert (await claude(http, **change)).status_code == status


async def test_gpt_answers(http: httpx.AsyncClient) -> None:
    """The familiar shape, without cost or provider."""
    told = (await gpt(http)).json()

    assert told["choices"][0]["finish_reason"] == "stop"
    assert told["choices"][0]["message"]["content"].startswith("### Zusammenfassung")
    assert "provider" not in told


@pytest.mark.parametrize(
    ("outcome", "status", "kind", "code"),
    [
        ("401", 401, "invalid_request_error", "invalid_api_key"),
        ("429_retry_after", 429, "requests", "rate_limit_exceeded"),
        ("429_quota", 429, "insufficient_quota", "credit_balance_exhausted"),
        ("500", 500, "server_error", None),
        ("503", 503, "server_error", "server_is_overloaded"),
        ("529", 503, "server_error", "server_is_overloaded"),
    ],
)
async def test_gpt_refuses_natively(
    http: httpx.AsyncClient, outcome: str, status: int, kind: str, code: str | None
) -> None:
    """Type and code as the vendor sends them."""
    response = await gpt(http, outcome)
    error = response.json()["error"]

    assert (response.status_code, error["type"], error["code"]) == (status, kind, code)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "gpt-6-luna"}, 200),
        ({"model": "gpt-6-luna", "max_tokens": 4000}, 400),
        ({"model": "gpt-6-luna", "temperature": 0.3}, 400),
        ({"model": "gpt-3"}, 404),
        ({"messages": []}, 400),
    ],
)
async def test_gpt_knows_its_rules(
    http: httpx.AsyncClient, change: dict[str, Any], status: int
) -> None:
    """Reasoning models refuse the old parameters."""
    assert (await gpt(http, **change)).status_code == status


@pytest.mark.parametrize("outcome", ["reset_before_headers", "reset_mid_json", "reset_after_pads"])
async def test_direct_connections_die_too(http: httpx.AsyncClient, outcome: str) -> None:
    """Transport faults are the same everywhere."""
    with pytest.raises(httpx.TransportError):
        await claude(http, outcome)


async def test_direct_models_have_rules_of_their_own(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """A pattern without an author matches only direct calls."""
    await control.set_scenario({"models": {"claude-*": {"then": ["529"]}, "*": {"latency": 0}}})
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Sag OK."}]}
    calm = await http.post("/v1/chat/completions", json=body, headers=GPT)
    plain = {"model": "claude-sonnet-5", "max_tokens": 50}
    busy = await http.post(
        "/v1/messages",
        json=plain | {"messages": [{"role": "user", "content": "Sag OK."}]},
        headers=CLAUDE,
    )

    assert (calm.status_code, busy.status_code) == (200, 529)


async def test_openai_lists_its_models(http: httpx.AsyncClient) -> None:
    """Ids with their shutdown dates, for a valid key."""
    listed = (await http.get("/v1/models", headers=GPT)).json()["data"]

    assert {m["id"]: m["shutdown_date"] for m in listed}["gpt-4o"] == "2027-01-14"
    assert (await http.get("/v1/models")).status_code == 401
