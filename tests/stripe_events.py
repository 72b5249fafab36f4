"""Stripe's objects and events in the shape of its API, for tests and nothing else."""

from typing import Any

from tests.builders import NOW, ORDER_ID, SESSION_ID

PAYMENT_INTENT = "pi_3TzVal0000000001"
EMAIL = "anna.beispiel@example.org"
NAME = "Anna Beispiel"


def session(**changes: Any) -> dict[str, Any]:
    """A paid valuation session in the newest API shape."""
    return {
        "id": SESSION_ID,
        "object": "checkout.session",
        "status": "complete",
        "payment_status": "paid",
        "mode": "payment",
        "livemode": True,
        "amount_subtotal": 1490,
        "amount_total": 1490,
        "currency": "eur",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "payment_intent": PAYMENT_INTENT,
        "payment_link": None,
        "customer": None,
        "customer_details": {"email": EMAIL, "name": NAME, "address": {"country": "DE"}},
        "metadata": {
            "bewertungId": ORDER_ID,
            "datafast_visitor_id": "",
            "analytics_consent": "false",
        },
        "presentment_details": {"presentment_currency": "chf"},
    } | changes


def certificate_session(**changes: Any) -> dict[str, Any]:
    metadata = {
        "wertgutachtenId": ORDER_ID,
        "product_type": "wertgutachten",
        "attribution_source": "unknown",
    }
    return session(metadata=metadata, amount_subtotal=4990, amount_total=4990) | changes


def event(
    subject: dict[str, Any], type_: str = "checkout.session.completed", **changes: Any
) -> dict[str, Any]:
    """Name the event after its type and subject, so that equal arguments mean a redelivery."""
    return {
        "id": f"evt_{type_.rpartition('.')[2]}_{subject.get('id', 'none')}",
        "object": "event",
        "type": type_,
        "created": int(NOW.timestamp()),
        "livemode": True,
        "api_version": "2026-10-28.endive",
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": subject},
    } | changes


def charge(amount_refunded: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": "ch_3TzVal0000000001",
        "object": "charge",
        "amount": 1490,
        "amount_refunded": amount_refunded,
        "refunded": amount_refunded >= 1490,
        "payment_intent": PAYMENT_INTENT,
        "billing_details": {"email": EMAIL, "name": NAME},
    } | changes


def refund_event(amount_refunded: int, **changes: Any) -> dict[str, Any]:
    identity = {"id": f"evt_refund_{amount_refunded}"}
    return event(charge(amount_refunded), "charge.refunded", **identity) | changes


def returned_refund_event(
    type_: str, *, status: str = "failed", amount: int = 1490, **changes: Any
) -> dict[str, Any]:
    refund = {
        "id": "re_3TzVal0000000001",
        "object": "refund",
        "amount": amount,
        "status": status,
        "charge": "ch_3TzVal0000000001",
        "payment_intent": PAYMENT_INTENT,
    }
    return event(refund, type_, **changes)


def dispute_event(status: str, *, closed: bool = False, **changes: Any) -> dict[str, Any]:
    dispute = {
        "id": "du_1TzVal0000000001",
        "object": "dispute",
        "amount": 1490,
        "status": status,
        "charge": "ch_3TzVal0000000001",
        "payment_intent": PAYMENT_INTENT,
    }
    kind = "charge.dispute.closed" if closed else "charge.dispute.created"
    return event(dispute, kind, **changes)
