"""The same seed means the same rehearsal."""

from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sandbox.draws import Director
from sandbox.scenario import Scenario

MIXED: dict[str, Any] = {
    "seed": 5,
    "models": {
        "*": {
            "outcomes": ["503", {"name": "429_retry_after", "times": 2, "retry_after": 9}],
            "then": [{"outcome": "ok", "weight": 3}, {"outcome": "hang", "weight": 1}],
        }
    },
}


def names(director: Director, model: str, count: int) -> list[str]:
    return [director.chat(model).draw().step.name for _ in range(count)]


def director(**changes: Any) -> Director:
    return Director(Scenario.model_validate(MIXED | changes))


def test_listed_outcomes_come_first_and_in_order() -> None:
    """The list is consumed, repeated steps as often as they say, before any dice are thrown."""
    assert names(director(), "a/b", 3) == ["503", "429_retry_after", "429_retry_after"]


def test_weighted_draws_follow_the_list() -> None:
    """Afterwards both outcomes of the draw occur."""
    assert set(names(director(), "a/b", 60)[3:]) == {"ok", "hang"}


@given(st.integers())
def test_a_seed_fixes_the_sequence(seed: int) -> None:
    """Two directors with one scenario agree, whatever the seed."""
    assert names(director(seed=seed), "a/b", 40) == names(director(seed=seed), "a/b", 40)


def test_another_seed_gives_another_sequence() -> None:
    """The seed matters."""
    assert names(director(seed=1), "a/b", 60) != names(director(seed=2), "a/b", 60)


def test_latency_settings_do_not_move_outcomes() -> None:
    """A rule with another latency draws the same outcomes."""
    rule = MIXED["models"]["*"] | {"latency": "measured"}

    assert names(director(models={"*": rule}), "a/b", 40) == names(director(), "a/b", 40)


def test_patterns_have_dice_of_their_own() -> None:
    """Requests to one model leave the sequence of another pattern alone."""
    models = {"google/*": MIXED["models"]["*"], "*": MIXED["models"]["*"]}
    busy, quiet = director(models=models), director(models=models)
    names(busy, "google/gemini-2.5-pro", 17)

    assert names(busy, "openai/gpt-4o", 30) == names(quiet, "openai/gpt-4o", 30)


def test_an_exact_slug_wins_over_patterns() -> None:
    """The slug itself, then the first pattern, then the star."""
    models = {
        "*": {"then": ["500"]},
        "google/*": {"then": ["502"]},
        "google/gemini-2.5-pro": {"then": ["503"]},
    }
    made = director(models=models)
    asked = ["google/gemini-2.5-pro", "google/gemini-3.5-flash", "openai/gpt-4o"]

    assert [names(made, slug, 1)[0] for slug in asked] == ["503", "502", "500"]


def test_an_amended_rule_starts_again_and_others_go_on() -> None:
    """A patch re-arms the rules it names, and only those."""
    made = Director(Scenario.model_validate({"mail": {"outcomes": ["500"]}} | MIXED))
    names(made, "a/b", 2)
    made.mail().draw()
    made.amend({"mail": {"outcomes": ["500"]}})

    assert made.mail().draw().step.name == "500"
    assert names(made, "a/b", 1) == ["429_retry_after"]


def test_an_amendment_keeps_what_it_does_not_name() -> None:
    """Fields of a rule that are not named stay."""
    made = director()
    made.amend({"models": {"*": {"latency": "measured"}}})

    assert made.scenario.models["*"].outcomes[0].name == "503"


def test_measured_latencies_have_the_published_shape() -> None:
    """Median about 50 s, none above 180 s."""
    made = Director(Scenario.model_validate({"models": {"*": {"latency": "measured"}}}))
    drawn = sorted(made.chat("a/b").draw().latency_s for _ in range(2001))

    assert 45 < drawn[1000] < 55
    assert 95 < drawn[1900] < 125
    assert drawn[-1] <= 180


def test_the_scale_shortens_every_latency() -> None:
    """A tenth of the scale is a tenth of the time."""
    slow = Director(Scenario.model_validate(MIXED))
    fast = Director(Scenario.model_validate(MIXED), latency_scale=0.1)

    assert fast.chat("a/b").draw().latency_s == pytest.approx(
        slow.chat("a/b").draw().latency_s / 10
    )


def test_refusals_do_not_take_the_models_time() -> None:
    """Refusals are quick unless the step itself names a latency."""
    scenario = {"models": {"*": {"outcomes": ["401", {"name": "401", "latency": 7}]}}}
    dice = Director(Scenario.model_validate(scenario)).chat("a/b")

    assert [draw.refusal_s for draw in islice(iter(dice.draw, None), 2)] == [0.02, 7]


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": {"*": {"outcomes": ["no_such_thing"]}}},
        {"mail": {"then": [{"outcome": "apology"}]}},
        {"models": {"*": {"then": []}}},
        {"models": {"*": {"latency": {"lognormal": {"median": 9, "p95": 5, "max": 20}}}}},
        {"speed": 3},
    ],
)
def test_impossible_scenarios_are_refused(wrong: dict[str, Any]) -> None:
    """Unknown outcomes, empty draws, falling curves and unknown settings do not start."""
    with pytest.raises(ValidationError):
        Scenario.model_validate(wrong)


def test_an_unknown_outcome_is_answered_with_the_known_ones() -> None:
    """The message helps to find the right name."""
    with pytest.raises(ValidationError, match="apology_long"):
        Scenario.model_validate({"models": {"*": {"outcomes": ["apologie"]}}})
