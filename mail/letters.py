"""The texts we send, as pure functions from facts to a letter."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2

from domain.answer import Answer
from domain.job import Kind, PaymentFacts
from domain.order import Horse
from domain.ports import Letter

_FOLDER: Final = Path(__file__).parent / "templates"
_TEXTS: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    # Plain text must not show entities.
    autoescape=jinja2.select_autoescape(enabled_extensions=("html.jinja",)),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_MAX_SUBJECT: Final = 150
_NAME: Final = re.compile(r"[^\W\d_][\w .'’-]{0,39}")
_ADDRESS: Final = re.compile(
    r"[^\s<>,;:\"()\[\]\\@]+@[^\s<>,;:\"()\[\]\\@]+\.[^\s<>,;:\"()\[\]\\@]+"
)

_LABELS: Final = {
    "name": "Name",
    "breed": "Rasse",
    "age": "Alter (Jahre)",
    "sex": "Geschlecht",
    "height_cm": "Stockmaß (cm)",
    "discipline": "Haupteignung",
    "training": "Ausbildung",
    "pedigree": "Abstammung",
    "vet_check": "AKU",
    "achievements": "Erfolge",
    "location": "Standort",
    "country": "Land",
    "character": "Charakter",
    "remarks": "Besonderheiten",
}
PRODUCTS: Final = {Kind.VALUATION: "Bewertung", Kind.CERTIFICATE: "Wertgutachten"}
_PAGES: Final = {Kind.VALUATION: "ergebnis", Kind.CERTIFICATE: "wertgutachten-ergebnis"}
_SUBJECTS: Final = {
    Kind.VALUATION: "Ihre Pferdebewertung ist fertig",
    Kind.CERTIFICATE: "Ihr Wertgutachten ist fertig",
}


@dataclass(frozen=True, slots=True)
class Sale:
    """What the shop's owner reads about one delivered order. `customer_mail` is a German note."""

    job_id: str
    order_id: str
    kind: Kind
    payment: PaymentFacts
    horse: Horse | None
    answer: Answer
    certificate_number: str | None
    customer_mail: str


def result_link(site_url: str, kind: Kind, order_id: str) -> str:
    """Link by document id: links with session ids ran into Stripe's limits."""
    return f"{site_url.rstrip('/')}/{_PAGES[kind]}?id={order_id}"


def usable_address(email: str | None) -> str | None:
    """Return the address if it is exactly one that cannot break out of a header, else None."""
    address = (email or "").strip()
    return address if _ADDRESS.fullmatch(address) else None


def customer_letter(*, key: str, to: str, kind: Kind, first_name: str | None, link: str) -> Letter:
    """Tell the customer where the finished result is."""
    facts = {"kind": kind.value, "name": greeted(first_name), "link": link}
    return letter("customer", key=key, to=[to], subject=_SUBJECTS[kind], facts=facts)


def admin_letter(*, key: str, to: Sequence[str], sale: Sale) -> Letter:
    """Report a sale to the shop: payment, all inputs of the horse, the full result."""
    amount = format_amount(sale.payment.amount_total, sale.payment.currency)
    product = PRODUCTS[sale.kind]
    source = f" – Quelle: {sale.payment.source}" if sale.payment.source else ""
    facts = {
        "sale": sale,
        "product": product,
        "amount": amount,
        "horse": _horse_rows(sale.horse),
        "report": list(_report_rows(sale.answer)),
    }
    subject = f"{product} verkauft: {amount}{source}"
    return letter("admin", key=key, to=to, subject=subject, facts=facts)


def format_amount(minor: int | None, currency: str | None) -> str:
    """Write an amount the German way, e.g. 1490 EUR as "14,90 €"."""
    if minor is None:
        return "Betrag unbekannt"
    unit = (currency or "").upper()
    whole, cents = divmod(abs(minor), 100)
    sign = "-" if minor < 0 else ""
    grouped = f"{whole:,}".replace(",", ".")
    return f"{sign}{grouped},{cents:02d} {'€' if unit == 'EUR' else unit or '(Währung unbekannt)'}"


def one_line(text: str) -> str:
    """Make a header value of any text: no line breaks or control characters, bounded length."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:_MAX_SUBJECT]


def letter(
    name: str, *, key: str, to: Sequence[str], subject: str, facts: dict[str, Any]
) -> Letter:
    return Letter(
        key=key,
        to=tuple(to),
        subject=one_line(subject),
        text=_TEXTS.get_template(f"{name}.txt.jinja").render(facts),
        html=_TEXTS.get_template(f"{name}.html.jinja").render(facts, subject=one_line(subject)),
    )


def greeted(first_name: str | None) -> str | None:
    """Greet only with what looks like a name; the field is free text at the till."""
    name = one_line(first_name or "")
    return name if _NAME.fullmatch(name) else None


def _horse_rows(horse: Horse | None) -> list[tuple[str, str]]:
    if horse is None:
        return []
    rows = [(label, getattr(horse, field)) for field, label in _LABELS.items()]
    return [(label, _plain(value)) for label, value in rows if value not in ("", None)]


def _plain(value: object) -> str:
    return f"{value:g}".replace(".", ",") if isinstance(value, float) else str(value)


def _report_rows(answer: Answer) -> Iterable[tuple[str, str]]:
    """Yield the result as (label, text); a valuation is one text without a label."""
    if answer.certificate is None:
        yield "", answer.text
        return
    for label, value in answer.certificate.items():
        if isinstance(value, dict):
            yield from ((str(inner), str(text)) for inner, text in value.items())
        else:
            yield str(label), str(value)
