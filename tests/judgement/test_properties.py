"""What holds for every text."""

from hypothesis import given
from hypothesis import strategies as st

from domain.acceptance import Accepted, Rejected
from tests.judgement.reports import report, valued

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
