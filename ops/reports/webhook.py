"""Stripe's events as Stripe shapes them, for rehearsals. Pure; ids are handed in.

Source: Stripe API reference (event, checkout.session, charge, dispute).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel

from domain.checkout import Price
from domain.job import Kind

API_VERSION: Final = "2026-10-28.endive"
DEFAULT_PRICES: Final = {
    Kind.VALUATION: Price(amount=1490, currency="EUR"),
    Kind.CERTIFICATE: Price(amount=4990, currency="EUR"),
}

Json = dict[str, Any]


class EventType(StrEnum):
    """What can be rehearsed of what the web process listens to."""

    COMPLETED = "checkout.session.completed"
    ASYNC_SUCCEEDED = "checkout.session.async_payment_succeeded"
    ASYNC_FAILED = "checkout.session.async_payment_failed"
    EXPIRED = "checkout.session.expired"
    REFUNDED = "charge.refunded"
    REFUND_FAILED = "refund.failed"
    DISPUTE_CREATED = "charge.dispute.created"
    DISPUTE_CLOSED = "charge.dispute.closed"


class Sent(BaseModel):
    """What was posted, and what the web process said."""

    url: str
    event_id: str
    type: EventType
    session_id: str
    status: int
    answer: str


def session_for(
    kind: Kind, order_id: str, session_id: str, *, price: Price, livemode: bool
) -> Json:
    """Make up a paid session as the site's checkout would have created it."""
    if kind is Kind.VALUATION:
        metadata = {"bewertungId": order_id}
    else:
        metadata = {"wertgutachtenId": order_id, "product_type": "wertgutachten"}
    return {
        "id": session_id,
        "object": "checkout.session",
        "status": "complete",
        "payment_status": "paid",
        "mode": "payment",
        "livemode": livemode,
        "amount_subtotal": price.amount,
        "amount_total": price.amount,
        "currency": price.currency.lower(),
        "total_details": {"amount_discount": 0},
        "payment_intent": f"pi_{session_id}",
        "metadata": metadata,
    }


def subject_of(type_: EventType, session: Mapping[str, Any]) -> Json:
    """Return what an event is about. Refunds are full and may fail, a closed dispute is won."""
    amount = session.get("amount_total") or 0
    about = {"payment_intent": session.get("payment_intent"), "amount": amount}
    match type_:
        case EventType.REFUNDED:
            refund = {"refunded": True, "amount_refunded": amount}
            return {"id": f"ch_{session['id']}", "object": "charge"} | about | refund
        case EventType.REFUND_FAILED:
            refund = {"charge": f"ch_{session['id']}", "status": "failed"}
            return {"id": f"re_{session['id']}", "object": "refund"} | about | refund
        case EventType.DISPUTE_CREATED | EventType.DISPUTE_CLOSED:
            status = "won" if type_ is EventType.DISPUTE_CLOSED else "needs_response"
            dispute = {"charge": f"ch_{session['id']}", "status": status}
            return {"id": f"du_{session['id']}", "object": "dispute"} | about | dispute
    return dict(session)


def event_for(
    type_: EventType, session: Mapping[str, Any], *, event_id: str, created: int, livemode: bool
) -> Json:
    return {
        "id": event_id,
        "object": "event",
        "type": type_.value,
        "created": created,
        "livemode": livemode,
        "api_version": API_VERSION,
        "pending_webhooks": 1,
        "data": {"object": subject_of(type_, session)},
    }
