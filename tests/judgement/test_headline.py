"""The price is read from the headline, in every way German-speaking people write one."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.acceptance import Accepted
from domain.order import Country
from tests.judgement.reports import BODIES, CLOSING, HORSE, reasons, report, valued

SWISS = HORSE.model_copy(update={"country": Country.CH})

SAME_RANGE = (
    "18.000 - 28.000 €",
    "18.000 – 28.000 €",
    "18.000 — 28.000 €",
    "18.000–28.000 €",
    "18.000 \u2212 28.000 €",
    "18.000 bis 28.000 €",
    "18.000 bis 28.000 Euro",
    "zwischen 18.000 und 28.000 €",
    "zwischen ca. 18.000 und 28.000 Euro",
    "von 18.000 € bis zu 28.000 €",
    "€ 18.000 – € 28.000",
    "€18,000–€28,000",
    "18,000 - 28,000 €",
    "EUR 18.000 - 28.000",
    "18.000EUR bis 28.000EUR",
    "18'000 - 28'000 €",
    "18\u2019000 – 28\u2019000 €",
    "18 000 – 28 000 €",
    "18\u00a0000 – 28\u00a0000\u00a0€",
    "18\u2009000 – 28\u2009000 €",
    "18\u202f000\u202f–\u202f28\u202f000\u202f€",
    "18.000,00 - 28.000,00 €",
    "18.000,- bis 28.000,- €",
    "€ 18.000,- bis € 28.000,-",
    "18.000,– bis 28.000,– €",
    "18-28 Tausend Euro",
    "18 bis 28 Tsd. €",
    "18 – 28 T€",
    "18,0 - 28,0 T€",
    "18k - 28k €",
    "18–28k €",
    "18 - 28.000 €",
    "18.000–28.000",
    "18000-28000 €",
    "ca. 18.000 - 28.000 €",
    "rund 18.000 bis rund 28.000 €",
    "~18.000 - ~28.000 €",
    "18.000 \\- 28.000 €",
    "18.000&nbsp;–&nbsp;28.000&nbsp;€",
    "18.000 € (Untergrenze) bis 28.000 € (Obergrenze)",
    "18.000 – 28.000 € (Zielpreis: 23.000 €)",
    "18.000 € – 28.000 €, je nach AKU",
    "bei guter AKU 18.000 - 28.000 €",
    "**18.000 - 28.000 €**",
    "18.000 € - 28.000 € (CHF 17.000 - 26.500)",
    "CHF 17'000 – 26'500 (ca. EUR 18.000 – 28.000)",
)
OTHER_RANGES = (
    ("CHF 18'000 – 28'000", 18_000, 28_000, "CHF"),
    ("18\u2019000 – 28\u2019000 CHF", 18_000, 28_000, "CHF"),
    ("Fr. 18'000.– bis Fr. 28'000.–", 18_000, 28_000, "CHF"),
    ("18.000 bis 28.000 Schweizer Franken", 18_000, 28_000, "CHF"),
    ("1,2 - 1,8 Mio. €", 1_200_000, 1_800_000, "EUR"),
    ("950.000 € bis 1,2 Mio. €", 950_000, 1_200_000, "EUR"),
    ("800 - 1.200 €", 800, 1_200, "EUR"),
    ("9 - 12.500 €", 9_000, 12_500, "EUR"),
    ("100 - 300 €", 100, 300, "EUR"),
    ("12,5 bis 17,5 T€", 12_500, 17_500, "EUR"),
    ("1.250.000 - 1.800.000 €", 1_250_000, 1_800_000, "EUR"),
)
LABELS = (
    "**Geschätzter Marktwert: {}**",
    "**Geschätzter Marktwert:** {}",
    "Geschätzter Marktwert: {}",
    "**Geschätzter Marktwert**: **{}**",
    "> **Geschätzter Marktwert: {}**",
    "- **Geschätzter Marktwert:** {}",
    "**Geschätzter Marktwert:**\n{}",
    "**Geschätzter Marktwert**\n\n**{}**",
    "#### Geschätzter Marktwert: {}",
    "| **Geschätzter Marktwert** | {} |",
    "💰 **Geschätzter Marktwert: {}**",
    "__Geschätzter Marktwert: {}__",
    "**Geschätzter\u00a0Marktwert: {}**",
    "**Geschätzter Marktwert (Deutschland): {}**",
    "**Marktüblicher Wert: {}**",
    "**Marktwert: {}**",
    "**Geschätzter Wert: {}**",
    "**Wertspanne: {}**",
    "**Preisspanne:** {}",
    "**Schätzwert: {}**",
    "**Geschätzte Marktwertspanne:** {}",
    "**Verkaufspreis: {}**",
    "Der geschätzte Marktwert liegt bei {}.",
    "Wir schätzen den Marktwert auf {}.",
    "Der geschätzte Marktwert (Stockmaß 168-172 cm, 8-10 Jahre) beträgt {}.",
)
NO_RANGE = (
    "auf Anfrage",
    "k. A.",
    "nicht bestimmbar",
    "im niedrigen fünfstelligen Bereich",
    "168-172 cm",
    "1.680 - 1.720 mm",
    "8 bis 12 Wochen",
    "70 - 80 %",
    "2024 - 2025",
    "18.000 - 28.000 km",
    "15.000 €",
    "ca. 15.000 €",
    "bis zu 15.000 €",
    "- €",
    "180.00 - 260.00 €",
    "18.000 - 22.000 - 26.000 €",
    "18.000 bis 22.000 bis 26.000 €",
    "18.000 - 28.000 € oder 30.000 - 40.000 €",
    "18.000 - 18.000 €",
    "1999 - 2021 €",
    "2024 - 2025 €",
    "18.000 - 28.000 € pro Monat",
)


@pytest.mark.parametrize("written", SAME_RANGE)
def test_reads_every_spelling_of_the_same_range(written: str) -> None:
    """However the range is written, it is 18000 to 28000 euro."""
    verdict = valued(report(headline=f"**Geschätzter Marktwert: {written}**"))
    assert isinstance(verdict, Accepted), verdict
    assert (verdict.price_low, verdict.price_high, verdict.currency) == (18_000, 28_000, "EUR")


@pytest.mark.parametrize(("written", "low", "high", "currency"), OTHER_RANGES)
def test_reads_scales_currencies_and_elisions(
    written: str, low: int, high: int, currency: str
) -> None:
    """Francs stay francs, millions and left-out thousands are spelled out."""
    text = _without_bounds(report(headline=f"**Geschätzter Marktwert:** {written}"))
    verdict = valued(text, SWISS)
    assert isinstance(verdict, Accepted), verdict
    assert (verdict.price_low, verdict.price_high, verdict.currency) == (low, high, currency)


@pytest.mark.parametrize("label", LABELS)
def test_finds_the_headline_behind_its_label(label: str) -> None:
    """The label's wording and markup do not matter."""
    verdict = valued(report(headline=label.format("18.000 - 28.000 €")))
    assert isinstance(verdict, Accepted), verdict
    assert (verdict.price_low, verdict.price_high) == (18_000, 28_000)


@pytest.mark.parametrize("written", NO_RANGE)
def test_refuses_a_headline_without_a_range(written: str) -> None:
    """Another unit, a single amount or words are no price range, whatever follows in the text."""
    assert "no_price" in reasons(valued(report(headline=f"**Geschätzter Marktwert: {written}**")))


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("28.000 - 18.000 €", "price_reversed"),
        ("0 - 0 €", "implausible_price"),
        ("5 - 9 €", "implausible_price"),
        ("90.000.000 - 95.000.000 €", "implausible_price"),
        ("2.000 - 28.000 €", "price_range_too_wide"),
        ("168 - 172 €", "price_is_height"),
        ("1,68 - 1,72 €", "implausible_price"),
        ("18.000 - 28.000 US-Dollar", "foreign_currency"),
        ("18.000 - 28.000 CHF", "foreign_currency"),
        ("180.000 - 280.000 €", "price_contradiction"),
        ("1.800 - 2.800 €", "price_contradiction"),
        ("X.XXX - Y.YYY €", "placeholder"),
        ("[Betrag] - [Betrag] €", "placeholder"),
        ("{low} - {high} €", "placeholder"),
    ],
)
def test_refuses_a_range_that_is_no_price(written: str, reason: str) -> None:
    """Absurd, reversed, foreign and unfilled ranges are named as such."""
    assert reason in reasons(valued(report(headline=f"**Geschätzter Marktwert: {written}**")))


@pytest.mark.parametrize(
    ("stated", "amount", "accepted"),
    [
        ("18.000 €", "15.500 €", True),
        ("18.000 €", "11.000 €", False),
        ("28.000 €", "32.000 €", True),
        ("28.000 €", "45.000 €", False),
        ("23.500 €", "29.500 €", True),
        ("23.500 €", "39.000 €", False),
        ("23.500 €", "9.000 €", False),
        ("23.500 €", "39.000 CHF", True),
    ],
)
def test_compares_the_headline_with_the_analysis(
    stated: str,
    amount: str,
    accepted: bool,  # noqa: FBT001 - a table
) -> None:
    """Bounds and target may be rounded or given in francs; another price is a contradiction."""
    head, analysis, rest = report().partition("### Marktwertanalyse")
    verdict = valued(f"{head}{analysis}{rest.replace(stated, amount, 1)}")
    assert reasons(verdict) == (() if accepted else ("price_contradiction",))


def test_refuses_a_report_whose_only_ranges_are_about_other_horses() -> None:
    """Ranges in the analysis are no headline."""
    assert reasons(valued(report(headline=""))) == ("no_price",)


def test_reads_the_price_before_the_first_heading() -> None:
    """A headline above the summary counts."""
    text = report(headline="", before="**Geschätzter Marktwert: 18.000 - 28.000 €**\n\n")
    assert isinstance(valued(text), Accepted)


@given(
    low=st.integers(min_value=500, max_value=900_000),
    factor=st.floats(min_value=1.01, max_value=4.5),
    separator=st.sampled_from([" - ", "–", " bis ", " € – "]),
    thousands=st.sampled_from([".", "'", "\u00a0", "\u202f", ""]),
)
def test_reads_back_what_was_written(
    low: int, factor: float, separator: str, thousands: str
) -> None:
    """Every plausible range survives being written with any thousands mark and separator."""
    high = int(low * factor)
    assume(not (low >= 1990 and high < 2060))  # two bare years
    shown = separator.join(f"{value:,}".replace(",", thousands) for value in (low, high))
    headline = f"**Geschätzter Marktwert: {shown} €**"
    verdict = valued(_without_bounds(report(headline=headline)))
    assert isinstance(verdict, Accepted), verdict
    assert (verdict.price_low, verdict.price_high) == (low, high)


def test_body_and_closing_of_the_examples_are_free_of_the_headline() -> None:
    """The examples prove nothing if the expected range stands elsewhere in a first section."""
    assert "28.000" not in BODIES[0] + CLOSING


def _without_bounds(text: str) -> str:
    """Take the labels off the amounts of the analysis, which belong to another headline."""
    for label in ("Untergrenze:", "Obergrenze:", "Zielpreis:"):
        text = text.replace(label, "Vergleich:")
    return text
