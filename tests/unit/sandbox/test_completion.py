"""Tokens and money."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.catalogue import Catalogue, Model, per_token
from sandbox.completion import Ask, Completion, complete
from sandbox.models import MODELS
from sandbox.openrouter.reply import Generation, usage, usage_as
from sandbox.scenario import Step

CATALOGUE = Catalogue(MODELS)
PROMPT = "Rasse: Oldenburger\nAlter: 6\nStockmaß: 167 cm\nAusbildung: L\nHaupteignung: Dressur"


def model(slug: str) -> Model:
    found = CATALOGUE.get(slug)
    assert found is not None
    return found


def done(slug: str, max_tokens: int, outcome: str = "ok", budget: int | None = None) -> Completion:
    ask = Ask("", PROMPT, max_tokens, thinking_budget=budget)
    return complete(ask, model(slug), Step(name=outcome))


def generation(slug: str, completion: Completion) -> Generation:
    served = model(slug)
    return Generation("gen-1-x", 1, slug, "Google", served, completion, streamed=False)


def test_a_reasoning_model_thinks_before_it_speaks() -> None:
    """Reasoning is part of the completion tokens, the answer is whole."""
    answer = done("google/gemini-2.5-pro", 9000)

    assert answer.finish == "stop"
    assert answer.reasoning_tokens > 2000
    assert answer.completion_tokens == answer.reasoning_tokens + answer.visible_tokens


def test_a_small_limit_is_spent_on_reasoning_alone() -> None:
    """Nothing visible, finish_reason length, exactly the limit used."""
    answer = done("google/gemini-2.5-pro", 800)

    assert (answer.text, answer.finish, answer.completion_tokens) == ("", "length", 800)


def test_a_thinking_budget_leaves_room_for_the_answer() -> None:
    """The same limit is enough when thinking is capped."""
    assert done("google/gemini-2.5-pro", 3000, budget=500).finish == "stop"
    assert done("google/gemini-2.5-pro", 3000).finish == "length"


@given(st.integers(1, 12_000), st.sampled_from([m.slug for m in CATALOGUE.models]))
def test_no_answer_exceeds_its_limit(limit: int, slug: str) -> None:
    """Reasoning and text together stay within max_tokens."""
    answer = done(slug, limit)

    assert answer.completion_tokens <= limit
    assert (answer.finish == "stop") is (
        answer.text is not None and answer.text.endswith("bindend.")
    )


@pytest.mark.parametrize(
    ("outcome", "text", "finish"),
    [("empty_stop", "", "stop"), ("empty_null", None, None), ("reasoning_exhausted", "", "length")],
)
def test_empty_endings(outcome: str, text: str | None, finish: str | None) -> None:
    """Nothing arrives, each in its own way."""
    answer = done("openai/gpt-4o", 4000, outcome)

    assert (answer.text, answer.finish) == (text, finish)


def test_cost_matches_a_recorded_reply() -> None:
    """Haiku 4.5 with 16 + 18 tokens was billed at 0.000106 USD."""
    assert model("anthropic/claude-haiku-4.5").cost(16, 18) == Decimal("0.000106")


def test_long_prompts_are_billed_at_the_higher_tier() -> None:
    """Above 200,000 prompt tokens both prices change."""
    pro = model("google/gemini-2.5-pro")

    assert pro.cost(200_000, 0) == Decimal("0.25")
    assert pro.cost(200_001, 0) == Decimal("0.5000025")


def test_prices_are_listed_without_exponent() -> None:
    """Clients read the strings as decimals."""
    assert per_token("0.10") == "0.0000001"


def test_usage_adds_up() -> None:
    """Totals and cost follow from the parts."""
    answer = done("openai/gpt-4o", 4000)
    told = usage(generation("openai/gpt-4o", answer))
    expected = model("openai/gpt-4o").cost(answer.prompt_tokens, answer.completion_tokens)

    assert told["total_tokens"] == told["prompt_tokens"] + told["completion_tokens"]
    assert Decimal(str(told["cost"])) == expected


def test_a_failed_generation_costs_nothing() -> None:
    """Zero-completion insurance: an error finish is not charged."""
    failed = done("openai/gpt-4o", 4000, "finish_error")

    assert usage(generation("openai/gpt-4o", failed))["cost"] == 0


@pytest.mark.parametrize(
    ("outcome", "cost"),
    [("ok_no_cost", "absent"), ("ok_null_cost", None), ("ok_no_usage", "absent")],
)
def test_usage_can_lack_its_cost(outcome: str, cost: str | None) -> None:
    """Absent, null, or no usage at all, as other skins of the API reply."""
    told = usage_as(outcome, generation("openai/gpt-4o", done("openai/gpt-4o", 4000)))

    assert (told or {}).get("cost", "absent") == cost


def test_dead_models_are_not_on_offer() -> None:
    """Claude 3.5 Sonnet left the catalogue."""
    assert CATALOGUE.get("anthropic/claude-3.5-sonnet") is None


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ("~google/gemini-pro-latest", "google/gemini-3.1-pro-preview"),
        ("openai/gpt-4o:nitro", "openai/gpt-4o"),
    ],
)
def test_aliases_and_suffixes_resolve(asked: str, slug: str) -> None:
    """They name a model without being one."""
    assert model(asked).slug == slug


@pytest.mark.parametrize(
    ("author", "model_id", "slug"),
    [
        ("anthropic", "claude-sonnet-4-6", "anthropic/claude-sonnet-4.6"),
        ("anthropic", "claude-haiku-4-5-20251001", "anthropic/claude-haiku-4.5"),
        ("openai", "gpt-4o-2024-11-20", "openai/gpt-4o"),
        ("openai", "claude-sonnet-4-6", None),
        ("anthropic", "claude-3-5-sonnet-20241022", None),
    ],
)
def test_direct_ids(author: str, model_id: str, slug: str | None) -> None:
    """Vendors know their own ids and dated snapshots, and nobody else's."""
    found = CATALOGUE.direct(author, model_id)

    assert (found.slug if found else None) == slug
