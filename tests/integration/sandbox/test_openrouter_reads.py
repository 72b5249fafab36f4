"""OpenRouter's catalogue and account endpoints."""

from decimal import Decimal

import httpx
import pytest

from sandbox.client import SandboxControl
from tests.integration.sandbox.asking import KEY, ask

SECTION_SIX = [
    "google/gemini-2.5-pro",
    "google/gemini-2.5-flash",
    "google/gemini-3.1-pro-preview",
    "google/gemini-3.5-flash",
    "google/gemini-3.8-flash",
    "anthropic/claude-sonnet-4.5",
    "anthropic/claude-sonnet-4.6",
    "anthropic/claude-sonnet-5",
    "anthropic/claude-sonnet-5.5",
    "anthropic/claude-haiku-4.5",
    "openai/gpt-4o",
    "openai/gpt-6-luna",
    "openai/gpt-6-sol",
]


async def test_the_catalogue_lists_what_can_be_asked(http: httpx.AsyncClient) -> None:
    """Current models with string prices, no dead ones, no key needed."""
    listed = {model["id"]: model for model in (await http.get("/api/v1/models")).json()["data"]}
    pro = listed["google/gemini-2.5-pro"]

    assert set(SECTION_SIX) <= set(listed)
    assert "anthropic/claude-3.5-sonnet" not in listed
    assert Decimal(pro["pricing"]["prompt"]) == Decimal("0.00000125")
    assert pro["pricing"]["overrides"][0]["completion"] == "0.000015"
    assert pro["expiration_date"] == "2026-12-01"
    assert pro["reasoning"]["mandatory"] is True
    assert "response_format" in pro["supported_parameters"]
    assert pro["top_provider"]["max_completion_tokens"] == 65_536


async def test_a_retired_model_disappears_everywhere(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """Catalogue, model page and chat agree."""
    slug = "google/gemini-2.5-pro"
    await control.amend_scenario({"retired_models": [slug]})
    listed = (await http.get("/api/v1/models")).json()["data"]

    assert slug not in {model["id"] for model in listed}
    assert (await http.get(f"/api/v1/model/{slug}")).status_code == 404
    assert (await ask(http, model=slug)).status_code == 404


async def test_endpoints_of_a_model(http: httpx.AsyncClient) -> None:
    """One endpoint per provider."""
    data = (await http.get("/api/v1/models/google/gemini-2.5-pro/endpoints")).json()["data"]

    assert [e["provider_name"] for e in data["endpoints"]] == ["Google", "Google AI Studio"]


async def test_a_good_key_stays_good_during_a_storm(http: httpx.AsyncClient) -> None:
    """Chat may answer 401 while /key says the key is fine."""
    storm = await ask(http, "401")
    key = await http.get("/api/v1/key", headers=KEY)

    assert (storm.status_code, key.status_code) == (401, 200)
    assert key.json()["data"]["label"].endswith("abcd")


async def test_an_ordinary_key_may_not_read_credits(http: httpx.AsyncClient) -> None:
    """Credits are for management keys."""
    assert (await http.get("/api/v1/credits", headers=KEY)).status_code == 403
    assert (await http.get("/api/v1/key")).status_code == 401


async def test_a_generation_is_found_late(http: httpx.AsyncClient) -> None:
    """404 for the first two looks, then the numbers of the reply."""
    told = (await ask(http)).json()
    query = {"id": told["id"]}
    looks = [await http.get("/api/v1/generation", params=query, headers=KEY) for _ in range(3)]

    assert [look.status_code for look in looks] == [404, 404, 200]
    assert looks[2].json()["data"]["total_cost"] == told["usage"]["cost"]


@pytest.mark.parametrize(("outcome", "status"), [("401", 401), ("500", 500), ("503_html", 503)])
async def test_reads_can_fail_too(
    http: httpx.AsyncClient, control: SandboxControl, outcome: str, status: int
) -> None:
    """The scenario's `reads` rule covers every GET."""
    await control.amend_scenario({"reads": {"outcomes": [outcome]}})

    assert (await http.get("/api/v1/models")).status_code == status
    assert (await http.get("/api/v1/models")).status_code == 200
