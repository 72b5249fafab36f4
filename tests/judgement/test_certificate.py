"""One JSON object in the site's shape, whatever the model wraps around it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.acceptance import Accepted, Rejected, certificate_schema
from tests.judgement.reports import certificate, certified, reasons, report

TEXT = json.dumps(certificate(), ensure_ascii=False)
PRETTY = json.dumps(certificate(), ensure_ascii=False, indent=2)


@pytest.mark.parametrize(
    "answer",
    [
        TEXT,
        json.dumps(certificate()),
        PRETTY.replace("\n", "\r\n"),
        f"\ufeff{TEXT}",
        f"\n\t{TEXT}\n",
        f"```json\n{PRETTY}\n```",
        f"```JSON\n{PRETTY}\n```",
        f"```\n{TEXT}\n```",
        f"Hier ist das Gutachten [JSON]:\n\n{PRETTY}\n\nEnde {{des}} Gutachtens.",
        f'<think>{{"preisVon": 1}}</think>{TEXT}',
        json.dumps({"wertgutachten": certificate()}),
        f"{TEXT}\n\n{PRETTY}",
        TEXT.replace('{"preisVon": 18000', '{"preisVon": 1, "preisVon": 18000'),
        json.dumps(certificate(preisVon=18000.0, preisBis="28000")),
        json.dumps(certificate(preisVon="18.000 €", preisBis="EUR 28.000")),
        json.dumps(certificate(waehrung="EUR", quelle={"a": [1, 2]})),
    ],
)
def test_accepts_the_object_and_keeps_only_its_fields(answer: str) -> None:
    """Fences, sentences, drafts and unknown keys around it leave the same certificate."""
    verdict = certified(answer)
    assert isinstance(verdict, Accepted), verdict
    assert verdict.certificate == certificate()
    assert (verdict.price_low, verdict.price_high, verdict.currency) == (18_000, 28_000, "EUR")


@pytest.mark.parametrize(
    "changes",
    [
        {"ausbildungText": "Er ist bis M** platziert und geht S*-Springen. Die Dressur ist auf L."},
        {"abstammungText": "Zur Abstammung liegen keine Angaben vor. Der Einfluss ist gering."},
        {
            "gesundheitText": "Eine AKU liegt leider nicht vor, weshalb der Zustand nicht "
            "abschließend bewertet werden kann. Einschränkungen sind nicht bekannt."
        },
        {
            "fazit": "Der „Sorry“ genannte Wallach ist ein gutes Pferd."
            " Die Spanne ist für ihn fair bemessen und gut begründet."
        },
        {"haupteignung": "Springen bis Klasse M*, Vielseitigkeit"},
    ],
)
def test_accepts_honest_texts_with_tempting_marks(changes: dict[str, str]) -> None:
    """Class stars are no markdown, missing papers no refusal."""
    assert isinstance(certified(certificate(**changes)), Accepted), certified(
        certificate(**changes)
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"preisVon": None}, "no_price"),
        ({"preisVon": True}, "no_price"),
        ({"preisVon": 18000.5}, "no_price"),
        ({"preisVon": "18.000 - 28.000"}, "no_price"),
        ({"preisVon": "18.000 CHF"}, "no_price"),
        ({"preisVon": "achtzehntausend"}, "no_price"),
        ({"preisVon": float("inf")}, "no_price"),
        ({"preisVon": 18.0, "preisBis": 28.0}, "implausible_price"),
        ({"preisVon": 0, "preisBis": 0}, "implausible_price"),
        ({"preisVon": -5}, "implausible_price"),
        ({"preisVon": 28000, "preisBis": 18000}, "price_reversed"),
        ({"preisVon": 165, "preisBis": 172}, "price_is_height"),
        ({"preisVon": 168, "preisBis": 400}, "price_is_height"),
        ({"preisVon": 1000, "preisBis": 28000}, "price_range_too_wide"),
        ({"haupteignung": " "}, "empty_field"),
        ({"haupteignung": "k. A."}, "placeholder"),
        ({"haupteignung": ["Springen"]}, "wrong_type"),
        ({"fazit": "Gut."}, "text_too_short"),
        ({"fazit": "Der Wallach der Rasse Hannoveraner bietet ein gutes Bild."}, "text_too_short"),
        (
            {"fazit": "Der Wallach ist ein gutes Springpferd. Die Spanne bildet Alter und"},
            "truncated",
        ),
        ({"fazit": "Leider kann ich keine Bewertung dieses Pferdes abgeben."}, "refusal"),
        (
            {"rasseText": "Dieser Text konnte aus technischen Gründen nicht erstellt werden."},
            "apology",
        ),
        (
            {"rasseText": "**Hannoveraner** sind gefragt. Sie sind gut zu verkaufen."},
            "markdown_inside",
        ),
        (
            {"rasseText": "- Hannoveraner sind gefragt\n- Sie sind gut zu verkaufen."},
            "markdown_inside",
        ),
        ({"rasseText": "### Rasse\nHannoveraner sind gefragt und teuer."}, "markdown_inside"),
        ({"rasseText": "2 bis 3 Sätze zu Rasse und Markt, gern mit Zuchtverband."}, "placeholder"),
        (
            {"rasseText": "The breed is one of the most popular and it is easy to sell for all."},
            "not_german",
        ),
        ({"rasseText": certificate()["bewertungsDetails"]["fazit"]}, "repetition"),
        (
            {
                "fazit": "Der Wallach ist ein gutes Springpferd. Die Spanne von 38.000 bis 48.000"
                " Euro entspricht dem Markt vergleichbarer Pferde."
            },
            "price_contradiction",
        ),
        ({"rasseText": "Der <b>Hannoveraner</b> ist als Sportpferd sehr gefragt."}, "html"),
        (
            {
                "fazit": "Ein Marktwert lässt sich für dieses Pferd nicht bestimmen. Die Spanne"
                " bildet nur die Nachfrage nach Springpferden ab."
            },
            "refusal",
        ),
    ],
)
def test_refuses_a_faulty_field(changes: dict[str, Any], reason: str) -> None:
    """Each field is judged, and the fault is named."""
    assert reason in reasons(certified(certificate(**changes)))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        ("Leider kann ich kein Wertgutachten erstellen.", "refusal"),
        (report(), "no_json"),
        ("{}", "no_json"),
        (f"[{TEXT}]", "no_json"),
        ("{", "truncated"),
        (TEXT[:-1], "truncated"),
        (f"```json\n{TEXT[:400]}", "truncated"),
        ("[" * 20_000, "truncated"),
        (str(certificate()), "no_json"),
        (json.dumps(certificate(preisVon=17000)) + f"\nKorrigiert:\n{TEXT}", "conflicting_objects"),
        (f"Beispiel, wie das aussehen könnte (fiktive Werte):\n{TEXT}", "placeholder"),
        (f"{TEXT}\n\nLeider kann ich keine Bewertung dieses Pferdes abgeben.", "refusal"),
        ('{"error": {"code": 502, "message": "Bad gateway"}}', "no_json"),
        ('{"preisVon": 18000, "preisBis": 28000}', "missing_field"),
    ],
)
def test_refuses_what_is_no_certificate(answer: str, reason: str) -> None:
    """Prose, lists, other objects and cut objects are told apart."""
    assert reason in reasons(certified(answer))


@given(st.integers(min_value=1, max_value=len(TEXT) - 1))
def test_refuses_every_beginning_of_a_certificate(length: int) -> None:
    """Wherever the length limit strikes, the answer counts as truncated."""
    assert reasons(certified(TEXT[:length])) == ("truncated",)


@given(st.text(max_size=300))
def test_never_raises_for_any_text(text: str) -> None:
    """Any text around or instead of the object ends in a verdict."""
    assert isinstance(certified(text), Rejected)
    assert certified(f"{text}\n{TEXT}") is not None


def test_schema_is_strict_and_free_of_references() -> None:
    """Structured output needs every property required, nothing else, nothing to resolve."""
    schema = certificate_schema()
    details = schema["properties"]["bewertungsDetails"]
    assert "$defs" not in schema
    for part in (schema, details):
        assert part["additionalProperties"] is False
        assert sorted(part["required"]) == sorted(part["properties"])
    assert schema["properties"]["preisVon"]["type"] == "integer"
