"""A report ends with the reservation, and at the end of a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.acceptance import Accepted, Rejected
from tests.judgement.reports import CLOSING, examples, reasons, report, valued


@pytest.mark.parametrize("closing", examples("closings"))
def test_accepts_every_wording_of_the_reservation(closing: str) -> None:
    """Not binding, no substitute, guidance only: quoted, italic, bold, signed or with an emoji."""
    assert isinstance(valued(report(closing=closing)), Accepted), valued(report(closing=closing))


@pytest.mark.parametrize("closing", examples("no_closings"))
def test_refuses_what_only_sounds_like_it(closing: str) -> None:
    """An affirmed binding effect or a non-committal visit is no reservation."""
    assert "no_disclaimer" in reasons(valued(report(closing=closing)))


@pytest.mark.parametrize(
    "end",
    [
        "Der Wallach ist",
        "Der Wallach ist **sehr",
        "Der Wallach ist sehr gut,",
        "Weitere Punkte sind:",
        "Der Preis liegt bei ca.",
        "Der Preis liegt bei 18.",
        "Der Wallach ist sehr gut ...",
        "Der Wallach ist sehr gut …",
        "```\nDer Wallach ist sehr gut.",
        "### Weitere Hinweise",
        "(Fortsetzung folgt.)",
        "3.",
    ],
)
def test_refuses_an_unfinished_end(end: str) -> None:
    """Whatever stops before its sentence does was cut, even behind a complete report."""
    assert "truncated" in reasons(valued(report(after=f"\n\n{end}")))


def test_refuses_a_conclusion_that_holds_only_the_reservation() -> None:
    """Fazit needs a conclusion."""
    text = report()
    start = text.index("### Fazit")
    assert "empty_section" in reasons(valued(f"{text[:start]}### Fazit\n\n{CLOSING}"))


@given(st.integers(min_value=0, max_value=len(report()) - len(CLOSING) - 1))
def test_refuses_every_beginning_of_a_report(length: int) -> None:
    """Wherever the length limit strikes before the closing sentence, the answer is refused."""
    assert isinstance(valued(report()[:length]), Rejected)
