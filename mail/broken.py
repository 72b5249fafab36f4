"""The letters about a promise we could not keep: one to the customer, one to the shop."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from domain.job import Kind, PaymentFacts, Reason
from domain.ports import Letter
from mail.letters import PRODUCTS, format_amount, greeted, letter

_DASHBOARD: Final = "https://dashboard.stripe.com"
_DELAYED: Final = {
    Kind.VALUATION: "Ihre Pferdebewertung verzögert sich",
    Kind.CERTIFICATE: "Ihr Wertgutachten verzögert sich",
}


@dataclass(frozen=True, slots=True)
class BrokenSale:
    """What the shop's owner reads about a paid order that nobody works on any more.

    `delay_mail` is a German note on what became of the customer's delay mail.
    """

    job_id: str
    session_id: str
    order_id: str | None
    kind: Kind
    payment: PaymentFacts
    reason: Reason
    since: datetime
    attempts: int
    proposes_refund: bool
    delay_mail: str


def delay_letter(*, key: str, to: str, kind: Kind, first_name: str | None) -> Letter:
    """Tell the customer honestly that it takes longer, and that money back is an option."""
    facts = {"kind": kind.value, "name": greeted(first_name)}
    return letter("delay", key=key, to=[to], subject=_DELAYED[kind], facts=facts)


def parked_letter(*, key: str, to: Sequence[str], sale: BrokenSale) -> Letter:
    """Tell the shop which order needs a human, and which commands help."""
    amount = format_amount(sale.payment.amount_total, sale.payment.currency)
    product = PRODUCTS[sale.kind]
    facts = {
        "sale": sale,
        "product": product,
        "amount": amount,
        "dashboard": dashboard_link(sale.payment, sale.session_id),
        "since": f"{sale.since:%d.%m.%Y %H:%M} UTC",
    }
    what = "Erstattung vorgeschlagen" if sale.proposes_refund else "Bestellung braucht Sie"
    subject = f"{what}: {product} {amount} ({sale.reason.code.value})"
    return letter("parked", key=key, to=to, subject=subject, facts=facts)


def dashboard_link(payment: PaymentFacts, session_id: str) -> str:
    """Link to the payment in Stripe's dashboard; free orders have none, so search for them."""
    root = f"{_DASHBOARD}/test" if payment.livemode is False else _DASHBOARD
    if payment.payment_intent:
        return f"{root}/payments/{quote(payment.payment_intent, safe='')}"
    return f"{root}/search?query={quote(session_id, safe='')}"
