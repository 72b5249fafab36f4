"""Texts that are no German markdown report about a horse."""

import pytest

from domain.acceptance import Accepted
from tests.judgement.reports import (
    BODIES,
    HORSE,
    reasons,
    report,
    valued,
)


@pytest.mark.parametrize("fence", ["```", "```markdown", "```md"])
def test_refuses_a_fenced_report(fence: str) -> None:
    """The text is stored unchanged, so the site would show a code block."""
    assert "fenced" in reasons(valued(f"{fence}\n{report()}\n```"))


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("<think>Der Preis?</think>", "thinking_trace"),
        ("<|im_end|>", "control_tokens"),
        ("<div><p>Text</p></div>", "html"),
        ("![Siegel](https://example.com/p.png)", "link"),
        ("Mehr auf [Portal](https://example.com/?ref=1).", "link"),
        ("Er ist Ã¼berragend und fÃ¼r die Klasse M geeignet.", "mojibake"),
        ("sehr " * 12 + "gut.", "repetition"),
        ("Der Wallach springt immer sicher und gern über jeden Sprung. " * 4, "repetition"),
        ("{{rasse}}", "placeholder"),
        ("[Begründung einfügen]", "placeholder"),
        ("这匹马的市场价值取决于年龄。", "foreign_script"),
        ("```json\n{}\n```", "code_block"),
        ("8.000 € × 1,05 = 8.400 €, × 1,15 = 9.660 €, × 0,95 = 9.177 €.", "formula"),
    ],
)
def test_refuses_foreign_matter_inside(inside: str, reason: str) -> None:
    """One piece of machine output spoils a report."""
    assert reason in reasons(valued(report(inside=inside)))


def test_refuses_an_english_paragraph() -> None:
    """One paragraph that slips into English is seen by the customer."""
    english = (
        "The value of this horse is based on the age and the training, and it should be sold with"
        " a vet check that is not older than six months."
    )
    assert "not_german" in reasons(valued(report().replace(BODIES[4], english)))


def test_refuses_another_object() -> None:
    """A car in perfect shape is not a horse."""
    text = report()
    for horse, car in (
        ("Hannoveraner", "Kombi"),
        ("Wallach", "Wagen"),
        ("pferd", "wagen"),
        ("Pferd", "Wagen"),
        ("Reit", "Fahr"),
        ("reit", "fahr"),
    ):
        text = text.replace(horse, car)
    text = text.replace("Dressur", "Federung").replace("Warmblut", "Diesel")
    assert "off_topic" in reasons(valued(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\t\ufeff\u200b", "empty"),
        ("Ein Pferd.", "too_short"),
        ("a" * 40_000, "too_long"),
        ("a" * 5_000, "gibberish"),
        ('{"preisVon": 1}', "not_markdown"),
    ],
)
def test_refuses_what_is_no_text_at_all(text: str, reason: str) -> None:
    """Empty, endless and machine-readable answers are named."""
    assert reason in reasons(valued(text))


@pytest.mark.parametrize("edge", ["", "\ufeff", "\u200b\n", " \r\n\t", "\u00a0\n\n"])
def test_keeps_the_text_but_for_its_edges(edge: str) -> None:
    """White space, byte order mark and zero-width characters go at the edges, nothing inside."""
    inner = report(inside="Zeile mit\u00a0festem Leerzeichen\u200b und Tab\tinnen.")
    verdict = valued(edge + inner.replace("\n", "\r\n") + edge)
    assert isinstance(verdict, Accepted)
    assert verdict.text == inner.replace("\n", "\r\n")


def test_accepts_letters_the_customer_typed() -> None:
    """A pedigree in Cyrillic letters comes from the order, not from a confused model."""
    horse = HORSE.model_copy(update={"pedigree": "Гелишикли"})
    text = report(inside="Der Vater Гелишикли ist gekört.")
    assert isinstance(valued(text, horse), Accepted)
    assert "foreign_script" in reasons(valued(text))
