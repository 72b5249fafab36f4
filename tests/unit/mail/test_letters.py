"""The texts we send."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.job import Kind, PaymentFacts
from mail.letters import (
    Sale,
    admin_letter,
    customer_letter,
    format_amount,
    one_line,
    result_link,
    usable_address,
)
from tests.builders import horse
from tests.fakes_worker import answer

LINK = "https://pferdewert.de/ergebnis?id=68a0c0ffee0123456789abcd"


def sale(**changes: Any) -> Sale:
    facts: dict[str, Any] = {
        "job_id": "valuation:cs_live_1",
        "order_id": "68a0c0ffee0123456789abcd",
        "kind": Kind.VALUATION,
        "payment": PaymentFacts(amount_total=1990, currency="chf", source="instagram"),
        "horse": horse(),
        "answer": answer(),
        "certificate_number": None,
        "customer_mail": "versendet",
    }
    return Sale(**facts | changes)


@pytest.mark.parametrize(
    ("kind", "subject", "words"),
    [
        (Kind.VALUATION, "Ihre Pferdebewertung ist fertig", "Pferdebewertung"),
        (Kind.CERTIFICATE, "Ihr Wertgutachten ist fertig", "Wertgutachten"),
    ],
)
def test_customer_letter(kind: Kind, subject: str, words: str) -> None:
    """Greeting, product and link stand in both forms of the mail."""
    letter = customer_letter(key="k", to="a@b.de", kind=kind, first_name="Jörg", link=LINK)

    assert (letter.key, letter.to, letter.subject) == ("k", ("a@b.de",), subject)
    for body in (letter.text, letter.html):
        assert "Hallo Jörg," in body
        assert words in body
        assert LINK in body


@pytest.mark.parametrize(
    "name", [None, "", "http://böse.example", "<b>Anna</b>", "A" * 50, "4711!", "a@b.de"]
)
def test_greeting_without_a_name(name: str | None) -> None:
    """What does not look like a name is not repeated to anybody."""
    letter = customer_letter(key="k", to="a@b.de", kind=Kind.VALUATION, first_name=name, link=LINK)

    assert letter.text.startswith("Guten Tag,")
    assert not name or name not in letter.html


def test_admin_letter() -> None:
    """Source and amount with its own currency; ids, all inputs and the whole report."""
    letter = admin_letter(key="k", to=["x@y.de", "z@y.de"], sale=sale())

    assert letter.to == ("x@y.de", "z@y.de")
    assert letter.subject == "Bewertung verkauft: 19,90 CHF – Quelle: instagram"
    for words in (
        "68a0c0ffee0123456789abcd",
        "valuation:cs_live_1",
        "19,90 CHF",
        "Don Frederico x Weltmeyer",
        "Stockmaß (cm): 168",
        "Land: Deutschland",
        "Geschätzter Marktwert: 18.000 - 24.000 €",
    ):
        assert words in letter.text


def test_certificate_is_reported_in_full() -> None:
    """Nested texts and the certificate's number are in the shop's mail."""
    certificate = {"preisVon": 18000, "bewertungsDetails": {"fazit": "Ein solides Pferd."}}
    journaled = answer().model_copy(update={"certificate": certificate})
    letter = admin_letter(
        key="k",
        to=["x@y.de"],
        sale=sale(kind=Kind.CERTIFICATE, answer=journaled, certificate_number="CERT-2026-000123"),
    )

    assert "CERT-2026-000123" in letter.text
    assert "preisVon: 18000" in letter.text
    assert "fazit: Ein solides Pferd." in letter.text


def test_unreadable_horse_is_no_reason_for_silence() -> None:
    """The shop hears of the sale even when the inputs cannot be read any more."""
    assert "(nicht lesbar)" in admin_letter(key="k", to=["x@y.de"], sale=sale(horse=None)).text


HOSTILE = st.text(min_size=1, max_size=80) | st.sampled_from(
    ["<script>alert(1)</script>", "a\r\nBcc: x@y.de", "{{ 7*7 }}", "</div><img src=x>", "\u202eabc"]
)


@given(text=HOSTILE)
def test_nothing_breaks_out(text: str) -> None:
    """Whatever customers or models write stays text: no markup, no header, no template."""
    letter = admin_letter(
        key="k",
        to=["x@y.de"],
        sale=sale(
            horse=horse(besonderheiten=text, rasse="x" + text),
            answer=answer(text=text),
            payment=PaymentFacts(source=text),
        ),
    )

    assert "<script" not in letter.html
    assert "<img" not in letter.html
    assert "49" not in letter.subject or "49" in text
    assert letter.subject.isprintable()


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (1490, "eur", "14,90 €"),
        (1990, "CHF", "19,90 CHF"),
        (0, "eur", "0,00 €"),
        (123456789, "eur", "1.234.567,89 €"),
        (None, "eur", "Betrag unbekannt"),
        (5, None, "0,05 (Währung unbekannt)"),
    ],
)
def test_amounts(minor: int | None, currency: str | None, expected: str) -> None:
    """Amounts are written the German way, in the currency that was paid."""
    assert format_amount(minor, currency) == expected


@pytest.mark.parametrize(
    ("site", "kind", "expected"),
    [
        ("https://pferdewert.de", Kind.VALUATION, "https://pferdewert.de/ergebnis?id=abc"),
        (
            "https://pferdewert.at/",
            Kind.CERTIFICATE,
            "https://pferdewert.at/wertgutachten-ergebnis?id=abc",
        ),
    ],
)
def test_links(site: str, kind: Kind, expected: str) -> None:
    """The site's two result pages, by document id."""
    assert result_link(site, kind, "abc") == expected


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        (" anna@example.org ", "anna@example.org"),
        ("anna+pferd@mail.example.co.at", "anna+pferd@mail.example.co.at"),
        ("jörg@müller.de", "jörg@müller.de"),
        ("a@b", None),
        ("a@b.de\nBcc: c@d.de", None),
        ("Anna <a@b.de>", None),
        ("a@b.de;c@d.de", None),
        ("", None),
        (None, None),
    ],
)
def test_addresses(email: str | None, expected: str | None) -> None:
    """Exactly one address, or nobody."""
    assert usable_address(email) == expected


@given(text=st.text(max_size=500))
def test_headers_are_one_line(text: str) -> None:
    """A header value never breaks a line and never grows without bound."""
    value = one_line(text)

    assert value.isprintable()
    assert len(value) <= 150
