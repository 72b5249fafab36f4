"""What failures know, and what they must not tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer import AttemptOutcome
from llm.completion import Receipt
from llm.failures import (
    MESSAGE_LIMIT,
    NATURE,
    FailureKind,
    ModelFailure,
    Unintelligible,
    scrub,
    without_echo,
)
from llm.pricing import Tokens
from tests.unit.llm.builders import PROMPT


def test_every_kind_has_a_nature() -> None:
    """No failure may leave the chain without a decision."""
    assert set(NATURE) == set(FailureKind)


@pytest.mark.parametrize("kind", FailureKind)
def test_content_never_speaks_against_a_models_health(kind: FailureKind) -> None:
    """Only what looks like an outage counts towards the breaker."""
    nature = NATURE[kind]
    if nature.outcome in (AttemptOutcome.OTHER, AttemptOutcome.UNACCEPTED):
        assert not nature.trips


@pytest.mark.parametrize(
    "secret",
    [
        "sk-or-v1-0123456789abcdef",
        "sk-ant-api03-abc_def",
        "Bearer abc.def",
        "re_abcdefghij",
        "sk-****wxyz",
        "anna.meier@example.org",
        "AIzaSyA0123456789",
    ],
)
def test_keys_and_addresses_are_removed(secret: str) -> None:
    """Providers like to quote the key they refuse."""
    assert secret not in scrub(f"Incorrect API key provided: {secret}.")


@given(st.text())
def test_a_message_is_short_and_on_one_line(text: str) -> None:
    """Whatever a provider writes, a record stays a line."""
    assert len(scrub(text)) <= MESSAGE_LIMIT
    assert "\n" not in scrub(text)


def test_the_provider_is_not_quoted_by_the_exception() -> None:
    """The text of an exception ends up in logs; it names the kind and nothing else."""
    failure = ModelFailure(FailureKind.FORBIDDEN, "flagged: Frau Meier aus Celle")
    assert (str(failure), repr(failure)) == ("forbidden", "ModelFailure('forbidden')")


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("invalid input 'Frau Meier aus Celle reitet' at 3", "invalid input [prompt] at 3"),
        ("messages.0: Du bewertest Pferde.", "messages.0: Du bewertest Pferde."),
        ("No endpoints found", "No endpoints found"),
        ("", ""),
    ],
)
def test_an_echo_of_the_prompt_is_cut_out(message: str, kept: str) -> None:
    """Four words in a row are a quotation; fewer are coincidence."""
    assert without_echo(message, PROMPT) == kept


@pytest.mark.parametrize(
    ("kind", "reasoning", "wants"),
    [
        (FailureKind.TRUNCATED, 0, True),
        (FailureKind.EMPTY, 800, True),
        (FailureKind.EMPTY, 0, False),
        (FailureKind.REFUSAL, 800, False),
    ],
)
def test_thinking_that_ate_the_cap_asks_for_more_room(
    kind: FailureKind, reasoning: int, *, wants: bool
) -> None:
    """Only then is a larger cap likely to help."""
    receipt = Receipt(tokens=Tokens(reasoning=reasoning))
    assert Unintelligible(kind, receipt=receipt).wants_room is wants
