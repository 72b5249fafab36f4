"""What holds for every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.acceptance import Accepted, Rejected
from tests.judgement.reports import certificate, certified, report, valued

fragments = st.lists(
    st.sampled_from(
        [
            "### Fazit\n",
            "**",
            "```",
            "18.000 - ",
            "28.000 €",
            "{",
            "[[",
            '"',
            "\n",
            "ich kann nicht ",
            "*",
        ]
    )
    | st.text(max_size=20),
    max_size=30,
).map("".join)


@given(fragments)
def test_never_raises_and_never_accepts_fragments(text: str) -> None:
    """Any text gets a verdict, and scraps are no product."""
    verdict = valued(text)
    assert isinstance(verdict, Rejected)
    assert verdict.reasons
    assert len(set(verdict.reasons)) == len(verdict.reasons)


@given(fragments)
def test_never_raises_for_damaged_reports(text: str) -> None:
    """A report with anything inside gets a verdict, too."""
    assert valued(report(inside=text)) is not None


@given(
    st.sampled_from(["", " ", "\n\n", "\ufeff", "\u200b "]), st.sampled_from(["", "\n", " \u200b"])
)
def test_judging_an_accepted_text_again_changes_nothing(before: str, after: str) -> None:
    """The accepted text is its own fixed point."""
    verdict = valued(before + report() + after)
    assert isinstance(verdict, Accepted)
    assert valued(verdict.text) == verdict


@pytest.mark.parametrize(
    "pair", ["**a**", "*a*", "`a`", "x**", "__a__", "a\u0308", "a.", "ab ", "[a"]
)
def test_judges_paragraphs_of_marks_in_linear_time(pair: str) -> None:
    """A last or an inner paragraph of letters and marks gets its verdict before the time limit."""
    marks = (pair * 26_000)[:26_000]
    assert isinstance(valued(report(after=f"\n\n{marks}")[-28_000:]), Rejected)
    assert valued(report(inside=marks)[:28_000]) is not None
    assert isinstance(certified(certificate(fazit=marks)), Rejected)
