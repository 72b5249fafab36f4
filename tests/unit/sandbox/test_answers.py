"""The answers are worth judging: good ones pass acceptance, flawed ones do not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.acceptance import Accepted, judge
from domain.job import Kind
from domain.order import read_horse as read_order
from domain.prompting import describe
from sandbox import answers, flaws
from sandbox.completion import Ask, answer_text
from sandbox.horses import placeholder, read_horse
from sandbox.scenario import Step

ORDERS: dict[str, dict[str, Any]] = {
    "sport": {
        "rasse": "Hannoveraner",
        "alter": 8,
        "geschlecht": "Wallach",
        "stockmass": 170,
        "haupteignung": "Springen",
        "ausbildung": "M",
        "land": "DE",
        "abstammung": "Stakkato x Contender",
    },
    "pony": {
        "rasse": "Haflinger",
        "alter": 14,
        "geschlecht": "Stute",
        "stockmass": 148,
        "haupteignung": "Freizeit",
        "ausbildung": "E",
        "land": "AT",
    },
    "foal": {
        "rasse": "Shetlandpony",
        "alter": 0,
        "geschlecht": "Hengst",
        "stockmass": 95,
        "haupteignung": "Kinderpony",
        "ausbildung": "roh",
        "land": "CH",
    },
}
SYSTEM = "Du bist Pferdesachverständiger. Halte dich an diese Regeln und schreibe auf Deutsch."
# A certificate is read out of the text around it, so a greeting does not spoil it.
ACCEPTABLE = {"certificate_fenced", "certificate_prose", "chatty_prefix"}


def answered(order: dict[str, Any], outcome: str, *, certificate: bool) -> str:
    user = f"Bewerte dieses Pferd.\n\n{describe(read_order(order))}"
    return answer_text(Ask(SYSTEM, user, 9000, certificate), Step(name=outcome))


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("kind", list(Kind))
def test_good_answers_are_accepted(order: dict[str, Any], kind: Kind) -> None:
    """What `ok` says is a product."""
    text = answered(order, "ok", certificate=kind is Kind.CERTIFICATE)

    assert isinstance(judge(kind, read_order(order), text), Accepted)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("outcome", flaws.VALUATION_FLAWS)
def test_flawed_valuations_are_not_accepted(order: dict[str, Any], outcome: str) -> None:
    """Each flaw is one acceptance has to see."""
    text = answered(order, outcome, certificate=False)

    assert not isinstance(judge(Kind.VALUATION, read_order(order), text), Accepted)


@pytest.mark.parametrize("outcome", flaws.CERTIFICATE_FLAWS)
def test_flawed_certificates_are_not_accepted(outcome: str) -> None:
    """Each flaw is one acceptance has to see; fences and prose are none."""
    text = answered(ORDERS["sport"], outcome, certificate=True)
    verdict = judge(Kind.CERTIFICATE, read_order(ORDERS["sport"]), text)

    assert isinstance(verdict, Accepted) is (outcome in ACCEPTABLE)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_a_valuation_has_its_sections_and_length(order: dict[str, Any]) -> None:
    """Six headings in order, 600 to 900 words, the reservation at the end."""
    text = answered(order, "ok", certificate=False)
    headings = [line.removeprefix("### ") for line in text.splitlines() if line.startswith("#")]

    assert tuple(headings) == answers.SECTIONS
    assert 600 <= len(text.split()) <= 900
    assert text.endswith(answers.CLOSING)


def test_different_horses_get_different_answers() -> None:
    """No two orders of the table share a text."""
    texts = {answered(order, "ok", certificate=False) for order in ORDERS.values()}

    assert len(texts) == len(ORDERS)


@given(st.text(max_size=300))
def test_any_prompt_means_the_same_horse_twice(text: str) -> None:
    """Reading is deterministic and never fails, whatever stands in the prompt."""
    assert read_horse(text) == read_horse(text)
    assert placeholder(text).price_range == placeholder(text).price_range


@given(st.text(alphabet="abc XYZ.", min_size=1, max_size=40), st.integers(0, 50))
def test_bounds_are_always_a_rising_range(breed: str, age: int) -> None:
    """Lower before upper, at least 1,000 EUR apart."""
    horse = read_horse(f"Rasse: x{breed}\nAlter: {age}")

    assert horse is not None
    assert horse.price_range[0] + 1000 <= horse.price_range[1]


@pytest.mark.parametrize(
    "lines",
    [
        "Rasse: Trakehner\nAlter: 8 Jahre\nStockmaß: 168 cm",
        "- **Rasse**: Trakehner\n- **Alter**: 8\n- **Stockmaß**: 1,68 m",
        '  "rasse": "Trakehner",\n  "alter": 8,\n  "stockmass": 168',
    ],
)
def test_descriptions_are_read_in_many_dresses(lines: str) -> None:
    """Plain lines, markdown and JSON say the same."""
    horse = read_horse(lines)

    assert horse is not None
    assert (horse.breed, horse.age, horse.height) == ("Trakehner", 8, 168)


def test_a_health_ping_gets_a_short_answer() -> None:
    """A prompt without a horse is not valued."""
    assert answer_text(Ask("", "Antworte mit OK.", 20), Step(name="ok")) == "OK"


def test_a_step_may_dictate_the_answer() -> None:
    """`content` is passed on word for word."""
    step = Step(name="ok", content="genau so")

    assert answer_text(Ask("", "Rasse: Fuchs", 100), step) == "genau so"


def test_certificate_flaws_break_what_they_say() -> None:
    """One does not parse, one lacks the price keys."""
    broken = answered(ORDERS["sport"], "certificate_bad_json", certificate=True)
    lacking = answered(ORDERS["sport"], "certificate_missing_key", certificate=True)

    assert "preisVon" not in json.loads(lacking)
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken)
