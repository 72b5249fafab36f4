"""Six sections in order, or the four of the older layout, however their headings are dressed."""

import pytest

from domain.acceptance import Accepted
from tests.judgement.reports import (
    BODIES,
    OLDER_TITLES,
    TITLES,
    older_report,
    reasons,
    report,
    valued,
)

MARKS = ("### {}", "## {}", "# {}", "### **{}**", "### {}:", "### *{}*", "### 🐴 {}", "### {} ###")
NUMBERS = (
    "### {}. {}",
    "## {}) {}",
    "### **{}. {}**",
    "### Teil {}: {}",
    "### {} – {}",
    "## {}️⃣ {}",
)
VARIANTS = (
    ("Zusammenfassung", "ZUSAMMENFASSUNG"),
    ("Zusammenfassung", "Zusammenfassung der Bewertung"),
    ("Marktwertanalyse", "Marktwert-Analyse"),
    ("Marktwertanalyse", "Marktwertanalyse (Österreich)"),
    ("Preisfaktoren im Detail", "Preisfaktoren"),
    ("Preisfaktoren im Detail", "Preisbeeinflussende Faktoren"),
    ("Verkaufsempfehlungen", "Verkaufsempfehlung"),
    ("Verkaufsempfehlungen", "Empfehlungen für den Verkauf"),
    ("Kaufberatung", "Kaufempfehlung"),
    ("Kaufberatung", "Hinweise für Käufer"),
    ("Fazit", "Fazit und Ausblick"),
    ("Fazit", "Abschließendes Fazit"),
)
TITLE_LINES = (
    "# Pferdebewertung: Hannoveraner Wallach, 8 Jahre\n\n",
    "# Marktwertanalyse für einen Hannoveraner Wallach\n\n",
    "# Zusammenfassung der Pferdebewertung\n\n",
    "# Bewertung Ihres Hannoveraner Wallachs\n\n---\n\n",
    "**Pferdebewertung Hannoveraner Wallach**\n\n",
    "---\n\n",
)


@pytest.mark.parametrize("marks", MARKS)
def test_accepts_headings_of_any_dress(marks: str) -> None:
    """Level, emphasis, colon and emoji do not change what a heading says."""
    assert isinstance(valued(report(marks=marks)), Accepted)


@pytest.mark.parametrize("marks", ["**{}**", "**{}:**"])
def test_accepts_fully_bold_lines_as_headings(marks: str) -> None:
    """The site and its PDF show them as headings, too."""
    assert isinstance(valued(report(marks=marks)), Accepted)


@pytest.mark.parametrize("numbered", NUMBERS)
def test_accepts_numbered_headings(numbered: str) -> None:
    """A number before the name is no part of the name."""
    titles = tuple(numbered.format(n, title) for n, title in enumerate(TITLES, 1))
    assert isinstance(valued(report(titles=titles, marks="{}")), Accepted)


@pytest.mark.parametrize(("name", "shown"), VARIANTS)
def test_accepts_variants_of_a_name(name: str, shown: str) -> None:
    """Singular, compound and paraphrase are recognised."""
    titles = tuple(shown if title == name else title for title in TITLES)
    assert isinstance(valued(report(titles=titles)), Accepted)


@pytest.mark.parametrize("before", TITLE_LINES)
def test_accepts_a_title_before_the_first_section(before: str) -> None:
    """A title is no greeting and no second section, even when it uses a section's word."""
    assert isinstance(valued(report(before=before)), Accepted)


def test_accepts_inner_headings_with_a_sections_word() -> None:
    """A deeper heading belongs to its section."""
    inside = "#### Verkaufsstrategie\n\nEin fester Preis mit kleinem Spielraum ist sinnvoll."
    assert isinstance(valued(report(inside=inside)), Accepted)


def test_accepts_the_older_layout() -> None:
    """Four sections, the price labelled in the second one, advice for both sides in one."""
    verdict = valued(older_report())
    assert isinstance(verdict, Accepted)
    assert (verdict.price_low, verdict.price_high) == (18_000, 28_000)


def test_accepts_the_older_layout_with_inner_headings_for_both_sides() -> None:
    """A "Kaufberatung" below "Empfehlungen" is no section of its own."""
    text = older_report()
    text = text.replace(BODIES[3], f"#### Verkauf\n\n{BODIES[3]}")
    text = text.replace(BODIES[4], f"#### Kaufberatung\n\n{BODIES[4]}")
    assert isinstance(valued(text), Accepted)


@pytest.mark.parametrize("name", TITLES)
def test_refuses_a_missing_section(name: str) -> None:
    """Each of the six is required."""
    text = report().replace(f"### {name}\n", "")
    assert "missing_section" in reasons(valued(text))


@pytest.mark.parametrize("name", OLDER_TITLES)
def test_refuses_a_missing_section_of_the_older_layout(name: str) -> None:
    """Each of the four is required."""
    assert "missing_section" in reasons(valued(older_report().replace(f"### {name}\n", "")))


@pytest.mark.parametrize("marks", ["{}", "###{}"])
def test_refuses_titles_that_do_not_show_as_headings(marks: str) -> None:
    """Plain lines and marks without a blank are text to the site."""
    assert "missing_section" in reasons(valued(report(marks=marks)))


def test_refuses_sections_in_another_order() -> None:
    """Advice to buyers before advice to sellers is not the product."""
    titles = (*TITLES[:3], TITLES[4], TITLES[3], TITLES[5])
    assert "section_order" in reasons(valued(report(titles=titles)))


def test_refuses_a_report_given_twice() -> None:
    """A repeated report repeats its sections."""
    assert "duplicate_section" in reasons(valued(report(after="\n\n" + report())))


@pytest.mark.parametrize("body", BODIES[1:])
def test_refuses_an_empty_section(body: str) -> None:
    """A heading needs content of its own."""
    assert "empty_section" in reasons(valued(report().replace(body, "")))
