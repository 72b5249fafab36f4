"""Every attempt is on the record, under the owner's field names."""

import pytest

from domain.answer import AttemptOutcome, Tier
from domain.order import horse_data
from ledger.names import AI_REQUESTS, ERROR_LOGS
from tests.builders import NOW, ORDER_ID, SESSION_ID, horse
from tests.integration.ledger.examples import make_attempt
from tests.integration.ledger.world import World


async def test_an_accepted_attempt_is_recorded_without_its_text(world: World) -> None:
    """Model, provider, tokens, cost and time stand there; the text stands in the order alone."""
    job = await world.open()
    await world.records.attempt(job, horse(), make_attempt())
    [request] = await world.documents(AI_REQUESTS)
    del request["_id"]
    assert request == {
        "session_id": SESSION_ID,
        "job_id": job.id,
        "timestamp": NOW,
        "model_used": "google/gemini-2.5-pro-002",
        "model_tier": "primary",
        "model_asked": "google/gemini-2.5-pro",
        "model_served": "google/gemini-2.5-pro-002",
        "provider": "Google",
        "generation_id": "gen-1",
        "retry_number": 0,
        "prompt_version": "2026-11",
        "prompt_sha256": "0" * 64,
        "horse_data": horse_data(horse()),
        "response_data": {
            "response_time_ms": 48_000,
            "token_usage": {
                "input_tokens": 1000,
                "output_tokens": 4600,
                "total_tokens": 5600,
                "reasoning_tokens": 2900,
                "cached_tokens": 0,
                "cost_usd": 0.047,
                "cost_estimated": False,
            },
        },
        "success": True,
        "verdict": [],
    }


async def test_a_failed_attempt_says_why(world: World) -> None:
    """The model that was asked is charged with it; the details are on the record."""
    failed = make_attempt(
        outcome=AttemptOutcome.RATE_LIMIT,
        model_served=None,
        error_type="rate_limit_exceeded",
        error_code="429",
        error_message="slow down",
        http_status=429,
    )
    await world.records.attempt(await world.open(), horse(), failed)
    [request] = await world.documents(AI_REQUESTS)
    assert (request["success"], request["model_used"]) == (False, "google/gemini-2.5-pro")
    assert request["error_details"] == {
        "outcome": "rate_limit",
        "error_type": "rate_limit_exceeded",
        "error_code": "429",
        "error_message": "slow down",
        "http_status": 429,
    }


async def test_an_unaccepted_text_is_kept_for_judging_the_filter(world: World) -> None:
    """Verdict and text stand side by side."""
    unaccepted = make_attempt(
        outcome=AttemptOutcome.UNACCEPTED, verdict=("no_price",), rejected_text="Leider nein."
    )
    await world.records.attempt(await world.open(), horse(), unaccepted)
    [request] = await world.documents(AI_REQUESTS)
    assert request["response_data"]["content"] == "Leider nein."
    assert request["verdict"] == ["no_price"]


@pytest.mark.parametrize("tier", [Tier.PRIMARY, Tier.SECONDARY])
async def test_an_error_is_logged_with_ids_only(world: World, tier: Tier) -> None:
    """Whether a fallback was used is read from the attempts."""
    claim = await world.claim(await world.open())
    await world.jobs.count_attempt(claim)
    job = await world.get(claim.job_id)
    await world.records.attempt(job, horse(), make_attempt(tier=tier))
    await world.records.error(
        job=job, error_type="chain", code="chain_exhausted", message="3 failed", model="m"
    )
    [error] = await world.documents(ERROR_LOGS)
    del error["_id"]
    assert error == {
        "timestamp": world.clock.now(),
        "session_id": SESSION_ID,
        "model_used": "m",
        "error_type": "chain",
        "error_code": "chain_exhausted",
        "error_message": "3 failed",
        "stack_trace": None,
        "request_data": {"job_id": job.id, "order_id": ORDER_ID},
        "retry_attempts": 1,
        "fallback_used": tier is not Tier.PRIMARY,
        "resolved": False,
    }


async def test_an_error_without_a_job_is_logged_too(world: World) -> None:
    """Not everything that fails belongs to an order."""
    await world.records.error(job=None, error_type="start", code="x", message="y", stack="z")
    [error] = await world.documents(ERROR_LOGS)
    assert (error["session_id"], error["stack_trace"]) == (None, "z")
    assert (error["request_data"], error["retry_attempts"]) == ({}, 0)
