"""The letters about a promise we could not keep."""

import pytest

from domain.job import Kind, PaymentFacts, Reason, ReasonCode
from mail.broken import BrokenSale, dashboard_link, delay_letter, parked_letter
from tests.builders import NOW

PAYMENT = PaymentFacts(amount_total=1490, currency="eur", payment_intent="pi_1", livemode=True)


def sale(**changes: object) -> BrokenSale:
    fields: dict[str, object] = {
        "job_id": "valuation:cs_1",
        "session_id": "cs_1",
        "order_id": "68a0c0ffee0123456789abcd",
        "kind": Kind.VALUATION,
        "payment": PAYMENT,
        "reason": Reason(code=ReasonCode.CHAIN_EXHAUSTED, detail="<b>three</b> timed out"),
        "since": NOW,
        "attempts": 30,
        "proposes_refund": True,
        "delay_mail": "versendet",
    }
    return BrokenSale(**(fields | changes))  # type: ignore[arg-type]  # a table of fields


@pytest.mark.parametrize(
    ("kind", "subject", "word"),
    [
        (Kind.VALUATION, "Ihre Pferdebewertung verzögert sich", "Ihre Bewertung"),
        (Kind.CERTIFICATE, "Ihr Wertgutachten verzögert sich", "Ihr Wertgutachten"),
    ],
)
def test_the_delay_letter_is_honest(kind: Kind, subject: str, word: str) -> None:
    """It says that money came, that it is late, and how to get out; it names no link."""
    letter = delay_letter(key="k", to="a@b.de", kind=kind, first_name="<i>Eva")

    assert (letter.key, letter.to, letter.subject) == ("k", ("a@b.de",), subject)
    for text in (letter.text, letter.html):
        assert "noch nicht fertig" in text
        assert word in text
        assert "Erstattung" in text
        assert "Guten Tag" in text
        assert "http" not in text


def test_the_proposal_names_all_that_is_needed() -> None:
    """Session, payment, amount, reason, what the customer knows, the way to retry and refund."""
    letter = parked_letter(key="k", to=["shop@example.org"], sale=sale())

    assert letter.subject == "Erstattung vorgeschlagen: Bewertung 14,90 € (chain_exhausted)"
    for text in (letter.text, letter.html):
        assert "pferdewert orders retry cs_1" in text
        assert "https://dashboard.stripe.com/payments/pi_1" in text
        assert "pi_1" in text
        assert "14,90" in text
        assert "versendet" in text
        assert "nur von Hand" in text
    assert "<b>three" not in letter.html


def test_other_parkings_propose_no_refund() -> None:
    """The shop decides; the letter names the field that is wrong."""
    reason = Reason(code=ReasonCode.INVALID_ORDER, field="alter", detail="missing")
    letter = parked_letter(key="k", to=["a@b.de"], sale=sale(reason=reason, proposes_refund=False))

    assert "Vorschlag" not in letter.text
    assert "Feld alter" in letter.text


@pytest.mark.parametrize(
    ("payment", "link"),
    [
        (PAYMENT, "https://dashboard.stripe.com/payments/pi_1"),
        (PAYMENT.model_copy(update={"livemode": False}), "https://dashboard.stripe.com/test/payments/pi_1"),
        (PaymentFacts(), "https://dashboard.stripe.com/search?query=cs_1"),
    ],
)  # fmt: skip
def test_the_link_into_the_dashboard(payment: PaymentFacts, link: str) -> None:
    """Test payments have a page of their own; free orders have no payment."""
    assert dashboard_link(payment, "cs_1") == link
