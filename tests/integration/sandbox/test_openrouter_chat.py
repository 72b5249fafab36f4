"""OpenRouter without streaming, over real HTTP."""

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.client import SandboxControl
from tests.integration.sandbox.asking import OPENROUTER, ask, body


async def test_a_good_reply_is_padded_and_complete(http: httpx.AsyncClient) -> None:
    """Chunked, padding first, then the object in the recorded order."""
    response = await ask(http)
    told = response.json()

    assert response.headers["transfer-encoding"] == "chunked"
    assert response.content.startswith(b"\n         \n")
    assert list(told)[:5] == ["id", "object", "created", "model", "provider"]
    assert response.headers["x-generation-id"] == told["id"]
    assert told["choices"][0]["finish_reason"] == "stop"
    assert told["usage"]["cost"] > 0


async def test_the_served_model_is_named_by_its_permaslug(http: httpx.AsyncClient) -> None:
    """The response's model differs from the slug asked for."""
    told = (await ask(http, model="anthropic/claude-haiku-4.5")).json()

    assert told["model"] == "anthropic/claude-4.5-haiku-20251001"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("error_in_200", 502),
        ("error_in_200_symbolic", "server_error"),
        ("error_in_200_null_code", None),
        ("null_everything_524", 524),
    ],
)
async def test_errors_inside_a_200(http: httpx.AsyncClient, outcome: str, code: object) -> None:
    """Status 200, no choices, the error in the body."""
    response = await ask(http, outcome)

    assert response.status_code == 200
    assert response.json().get("choices") is None
    assert response.json()["error"]["code"] == code


@pytest.mark.parametrize(("outcome", "choices"), [("null_choices", None), ("empty_choices", [])])
async def test_replies_without_choices(
    http: httpx.AsyncClient, outcome: str, choices: object
) -> None:
    """No error, and nothing to read."""
    assert (await ask(http, outcome)).json()["choices"] == choices


@pytest.mark.parametrize(
    ("outcome", "finish", "has_text"),
    [
        ("length_cut", "length", True),
        ("content_filter", "content_filter", True),
        ("finish_error", "error", True),
        ("empty_stop", "stop", False),
        ("empty_null", None, False),
        ("reasoning_exhausted", "length", False),
        ("refusal_field", "stop", False),
    ],
)
async def test_unclean_endings(
    http: httpx.AsyncClient,
    outcome: str,
    finish: str | None,
    has_text: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """A normal envelope that does not hold a product."""
    choice = (await ask(http, outcome)).json()["choices"][0]

    assert choice["finish_reason"] == finish
    assert bool(choice["message"]["content"]) is has_text


async def test_a_finish_error_says_why(http: httpx.AsyncClient) -> None:
    """The choice carries the error next to its partial content."""
    choice = (await ask(http, "finish_error")).json()["choices"][0]

    assert choice["error"]["metadata"]["error_type"] == "provider_unavailable"


@pytest.mark.parametrize("outcome", ["cut_json", "pads_only", "html_200"])
async def test_bodies_that_are_not_json(http: httpx.AsyncClient, outcome: str) -> None:
    """HTTP is intact, the JSON is not."""
    response = await ask(http, outcome)

    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        response.json()


REFUSALS = {
    "400_bad_param": 400,
    "400_unknown_model": 400,
    "400_context": 400,
    "400_reasoning_mandatory": 400,
    "400_upstream": 400,
    "401": 401,
    "402": 402,
    "403_moderation": 403,
    "403_guardrail": 403,
    "403_region": 403,
    "404_no_endpoints": 404,
    "404_deprecated": 404,
    "404_availability_retryable": 404,
    "404_upstream": 404,
    "408": 408,
    "413": 413,
    "422": 422,
    "429_platform": 429,
    "429_upstream": 429,
    "429_retry_after": 429,
    "429_availability": 429,
    "429_quota": 402,
    "500": 500,
    "502": 502,
    "503": 503,
    "503_retry_after": 503,
    "503_availability": 503,
    "504": 504,
    "524": 524,
    "529": 529,
}


@pytest.mark.parametrize(("outcome", "status"), REFUSALS.items())
async def test_refusals_have_a_true_status(
    http: httpx.AsyncClient, outcome: str, status: int
) -> None:
    """Status line and error.code agree, and the kind is named."""
    response = await ask(http, outcome)
    error = response.json()["error"]

    assert (response.status_code, error["code"]) == (status, status)
    assert error["metadata"]["error_type"]


async def test_edge_errors_are_html(http: httpx.AsyncClient) -> None:
    """No JSON to read, only a status."""
    response = await ask(http, "52x_html")

    assert response.status_code == 522
    assert response.headers["content-type"].startswith("text/html")


async def test_the_four_dressings_of_a_429(http: httpx.AsyncClient) -> None:
    """Platform headers, nothing, Retry-After, and the availability object."""
    names = ("429_platform", "429_upstream", "429_retry_after", "429_availability")
    platform, bare, hinted, available = [await ask(http, name) for name in names]

    assert int(platform.headers["x-ratelimit-reset"]) > 10**12
    assert not {"retry-after", "x-ratelimit-reset"} & set(bare.headers)
    assert hinted.headers["retry-after"] == "2"
    assert "retry-after" not in available.headers
    assert available.json()["error"]["availability"]["retry_after"] == 2


async def test_a_404_may_be_retryable(http: httpx.AsyncClient) -> None:
    """Only the availability object tells the two apart."""
    gone = (await ask(http, "404_no_endpoints")).json()["error"]["availability"]
    later = (await ask(http, "404_availability_retryable")).json()["error"]["availability"]

    assert (gone["retryable"], later["retryable"]) == (False, True)


@pytest.mark.parametrize("outcome", ["reset_before_headers", "reset_after_pads", "reset_mid_json"])
async def test_connections_die(
    http: httpx.AsyncClient, control: SandboxControl, outcome: str
) -> None:
    """The caller sees a transport error, the journal a reset."""
    with pytest.raises(httpx.TransportError):
        await ask(http, outcome)
    (entry,) = await control.journal("chat")

    assert entry["ended"] == "reset"


@pytest.mark.parametrize("outcome", ["hang", "hang_after_pads", "slow_pads"])
async def test_silence_lasts_until_the_caller_leaves(
    http: httpx.AsyncClient, control: SandboxControl, outcome: str
) -> None:
    """A total deadline is the only way out, and the journal notes who left."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await ask(http, outcome)
    (entry,) = await _settled(control)

    assert entry["ended"] == "client_left"


async def _settled(control: SandboxControl) -> list[dict[str, Any]]:
    async with asyncio.timeout(5):
        while True:
            entries = await control.journal("chat")
            if all(entry["ended"] for entry in entries):
                return entries


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"model": "google/gemini-9"}, 400, "not a valid model ID"),
        ({"model": "anthropic/claude-3.5-sonnet"}, 404, "No endpoints found"),
        ({"reasoning": {"enabled": False}}, 400, "Reasoning is mandatory"),
        ({"reasoning": {"effort": "none"}}, 400, "Reasoning is mandatory"),
        ({"reasoning": {"effort": "low", "max_tokens": 500}}, 400, "either effort or max_tokens"),
        ({"provider": {"orders": []}}, 400, "orders"),
        ({"temperature": 3}, 400, "temperature"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user", "content": "x" * 4_000_000}]}, 400, "context length"),
        ({"model": None}, 400, "model"),
    ],
)
async def test_what_a_request_gets_wrong_is_said(
    http: httpx.AsyncClient, change: dict[str, Any], status: int, says: str
) -> None:
    """Refused before any outcome is drawn."""
    response = await ask(http, **change)

    assert response.status_code == status
    assert says in response.json()["error"]["message"]


async def test_harmless_relics_are_ignored(http: httpx.AsyncClient) -> None:
    """Deprecated and unknown fields outside `provider` do no harm."""
    response = await ask(
        http,
        usage={"include": True},
        stream_options={"include_usage": True},
        transforms=[],
        provider={"allow_fallbacks": False},
    )

    assert response.status_code == 200


@pytest.mark.parametrize("key", ["", "Basic abcd", "Bearer sk-or-v1-revoked"])
async def test_bad_keys_are_refused(http: httpx.AsyncClient, key: str) -> None:
    """No key, another scheme and a revoked key get 401."""
    response = await http.post(OPENROUTER, json=body(), headers={"Authorization": key})

    assert response.status_code == 401


async def test_models_are_tried_in_turn(http: httpx.AsyncClient, control: SandboxControl) -> None:
    """A refusing model is skipped; the answer names the one that served."""
    await control.set_scenario({"models": {"google/*": {"then": ["503"]}, "*": {"latency": 0}}})
    told = (await ask(http, models=["anthropic/claude-3.5-sonnet", "openai/gpt-4o"])).json()

    assert told["model"] == "openai/gpt-4o"


async def test_the_last_refusal_is_told(http: httpx.AsyncClient, control: SandboxControl) -> None:
    """When every model refuses, the last one's error counts."""
    await control.set_scenario({"models": {"google/*": {"then": ["503"]}, "*": {"then": ["529"]}}})

    assert (await ask(http, models=["openai/gpt-4o"])).status_code == 529


@pytest.mark.parametrize(
    ("credit", "limit", "status"), [(0.05, 3000, 200), (0.02, 3000, 402), (0.05, None, 402)]
)
async def test_credit_is_checked_before_the_call(
    http: httpx.AsyncClient,
    control: SandboxControl,
    credit: float,
    limit: int | None,
    status: int,
) -> None:
    """The estimate uses max_tokens, or the model's longest output without one."""
    await control.amend_scenario({"credit_usd": credit})
    response = await ask(http, max_tokens=limit)

    assert response.status_code == status


async def test_a_json_request_gets_a_certificate(http: httpx.AsyncClient) -> None:
    """The response format decides which product is answered."""
    response = await ask(http, response_format={"type": "json_object"})

    assert '"preisVon"' in response.json()["choices"][0]["message"]["content"]
