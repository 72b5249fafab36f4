"""What is known of a model, from the table and from OpenRouter's list."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.answer import Tier, Usage
from llm.catalogue import Catalogue, ModelTraits, display_name
from llm.listing import ListedModel, read_models
from llm.pricing import Price, Tokens, usage_from
from llm.slugs import Concern, check_slugs
from tests.unit.llm.builders import spec

GEMINI = "google/gemini-2.5-pro"
TABLE = {
    GEMINI: ModelTraits(
        name="Gemini 2.5 Pro",
        max_tokens=12_000,
        reasoning_budget=4096,
        price_in=1.25,
        price_out=10.0,
    )
}
ENTRY: dict[str, Any] = {
    "id": GEMINI,
    "canonical_slug": "google/gemini-2.5-pro-20250617",
    "pricing": {"prompt": "0.00000125", "completion": "0.00001", "image": "0.00516"},
    "top_provider": {"context_length": 1048576, "max_completion_tokens": 65536},
    "supported_parameters": ["max_tokens", "reasoning", "structured_outputs", "temperature"],
    "expiration_date": "2026-12-01",
    "reasoning": {"mandatory": True, "supported_efforts": None},
}


def listed(**changes: Any) -> ListedModel:
    return read_models({"data": [ENTRY | changes]})[0]


def test_a_known_model_keeps_its_traits() -> None:
    """The table's word counts; the display name is lower case."""
    known = Catalogue(TABLE).spec_for(GEMINI, Tier.PRIMARY)
    assert (known.name, known.max_tokens, known.reasoning_budget) == (
        "gemini 2.5 pro",
        12_000,
        4096,
    )
    assert known.price == Price(1.25, 10.0)


def test_any_slug_has_a_spec() -> None:
    """An unknown model gets room to think and what OpenRouter would drop if unsupported."""
    unknown = Catalogue({}).spec_for("meta/llama-9-405b:nitro", Tier.TERTIARY)
    assert (unknown.name, unknown.max_tokens) == ("llama 9 405b", 12_000)
    assert unknown.temperature_allowed
    assert not unknown.json_schema_supported
    assert unknown.price is None


def test_an_unknown_direct_model_gets_no_temperature() -> None:
    """Direct APIs answer 400 to a knob the model does not have."""
    direct = Catalogue({}).spec_for("claude-sonnet-9", Tier.EMERGENCY)
    assert not direct.temperature_allowed


def test_a_listing_fills_in_what_the_table_does_not_know() -> None:
    """Supported parameters and prices come from the list."""
    catalogue = Catalogue({})
    catalogue.learn([listed()])
    found = catalogue.spec_for(GEMINI, Tier.PRIMARY)
    assert found.json_schema_supported
    assert found.price == Price(1.25, 10.0)


def test_a_listing_lowers_a_cap_that_is_too_large() -> None:
    """Asking for more than a provider gives would exclude that provider."""
    catalogue = Catalogue(TABLE)
    catalogue.learn([listed(top_provider={"max_completion_tokens": 4096})])
    found = catalogue.spec_for(GEMINI, Tier.PRIMARY)
    assert (found.max_tokens, found.reasoning_budget) == (4096, 2048)
    assert found.with_more_room().max_tokens == 4096


def test_prices_are_found_under_the_name_that_served() -> None:
    """Responses name the dated slug, not the one that was asked."""
    catalogue = Catalogue({})
    catalogue.learn([listed()])
    asked = spec("some/alias")
    assert catalogue.price_of("google/gemini-2.5-pro-20250617", asked) == Price(1.25, 10.0)
    assert catalogue.price_of("never/heard-of", asked) is None
    assert catalogue.price_of(None, spec(price_in=1.0, price_out=2.0)) == Price(1.0, 2.0)


@pytest.mark.parametrize(
    ("max_tokens", "cap", "expected"),
    [(8000, None, 16_000), (20_000, None, 32_000), (8000, 10_000, 10_000), (40_000, None, 40_000)],
)
def test_more_room_is_twice_as_much_within_the_cap(
    max_tokens: int, cap: int | None, expected: int
) -> None:
    """It never shrinks and never exceeds what the model gives."""
    assert spec(max_tokens=max_tokens, output_cap=cap).with_more_room().max_tokens == expected


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("google/gemini-2.5-pro", "gemini 2.5 pro"),
        ("~openai/gpt-latest", "gpt latest"),
        ("deepseek/r1:free", "r1"),
        ("claude-sonnet-5", "claude sonnet 5"),
    ],
)
def test_a_name_can_be_made_from_any_slug(slug: str, name: str) -> None:
    """Lower case, no vendor, no routing suffix."""
    assert display_name(slug) == name


def test_a_typo_in_the_table_is_refused() -> None:
    """A misspelt trait must not silently become a default."""
    with pytest.raises(ValidationError):
        ModelTraits.model_validate({"max_token": 1})


def test_a_listed_model_is_read() -> None:
    """String prices per token, the removal date, reasoning and the cap."""
    model = listed()
    assert model.price == Price(1.25, 10.0)
    assert model.expires == date(2026, 12, 1)
    assert model.reasoning_mandatory
    assert model.max_completion_tokens == 65536


@pytest.mark.parametrize(
    "changes",
    [
        {"pricing": {"prompt": "-1", "completion": "-1"}},
        {"pricing": None, "top_provider": None, "expiration_date": None, "reasoning": None},
        {"supported_parameters": None, "expiration_date": "someday"},
        {"pricing": {"prompt": "free"}, "expiration_date": 7},
    ],
)
def test_odd_entries_are_read_as_far_as_possible(changes: dict[str, Any]) -> None:
    """An unknown price is no price, not a zero."""
    model = listed(**changes)
    assert model.id == GEMINI
    assert model.price is None or "pricing" not in changes


KEYS = st.sampled_from(["data", "id", "pricing"])


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    )
)
def test_any_listing_can_be_read(payload: object) -> None:
    """The list never fails the start."""
    assert all(model.id for model in read_models(payload))


TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("wanted", "changes", "concerns"),
    [
        ({}, {"expiration_date": None}, []),
        ({}, {"expiration_date": "2027-01-05"}, []),
        ({}, {"expiration_date": "2027-01-04"}, [Concern.EXPIRING]),
        ({}, {"expiration_date": "2026-01-01"}, [Concern.EXPIRING]),
        ({"slug": "gone/model"}, {}, [Concern.UNKNOWN]),
        ({"slug": "google/gemini-2.5-pro:nitro"}, {"expiration_date": None}, []),
        ({"slug": "google/gemini-2.5-pro:free"}, {}, [Concern.UNKNOWN]),
        ({"max_tokens": 70_000}, {"expiration_date": None}, [Concern.CAP_TOO_LARGE]),
        ({"max_tokens": 3000}, {"expiration_date": None}, [Concern.NO_ROOM_TO_THINK]),
        ({"slug": "claude-sonnet-5", "tier": Tier.EMERGENCY}, {}, []),
    ],
)
def test_slugs_are_checked_against_the_list(
    wanted: dict[str, Any], changes: dict[str, Any], concerns: list[Concern]
) -> None:
    """Unknown, about to go within 45 days, asking too much or leaving too little."""
    warnings = check_slugs([spec(**({"slug": GEMINI} | wanted))], [listed(**changes)], TODAY)
    assert [warning.concern for warning in warnings] == concerns


@pytest.mark.parametrize(
    ("tokens", "price", "usage"),
    [
        (None, Price(1, 2), Usage()),
        (
            Tokens(1000, 500, 300, 200, Decimal("0.00625")),
            Price(9, 9),
            Usage(
                input_tokens=1000,
                output_tokens=500,
                reasoning_tokens=300,
                cached_tokens=200,
                cost_usd=0.00625,
            ),
        ),
        (
            Tokens(1000, 500),
            Price(1.25, 10.0),
            Usage(input_tokens=1000, output_tokens=500, cost_usd=0.00625, cost_estimated=True),
        ),
        (
            Tokens(1000, 500),
            None,
            Usage(input_tokens=1000, output_tokens=500, cost_estimated=True),
        ),
        (Tokens(1, 1, cost=Decimal(0)), Price(1, 1), Usage(input_tokens=1, output_tokens=1)),
    ],
)
def test_cost_is_charged_or_marked_as_an_estimate(
    tokens: Tokens | None, price: Price | None, usage: Usage
) -> None:
    """The provider's own figure is used as it is, also when it is zero."""
    assert usage_from(tokens, price) == usage
