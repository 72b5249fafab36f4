"""What lies behind a paid session: intent, charge, refund, dispute. Everything here is pure.

Source: Stripe API reference, version 2026-10-28.endive.
"""

from __future__ import annotations

from sandbox.ids import Ids
from sandbox.stripe_world import DAY_S, Json


def payment_intent(paid: Json, charge: Json | None) -> Json:
    settled = paid["payment_status"] == "paid"
    return {
        "id": paid["payment_intent"],
        "object": "payment_intent",
        "amount": paid["amount_total"],
        "amount_capturable": 0,
        "amount_received": paid["amount_total"] if settled else 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "created": paid["created"],
        "currency": paid["currency"],
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": charge["id"] if charge else None,
        "livemode": paid["livemode"],
        "metadata": {},
        "payment_method_types": ["card"],
        "status": "succeeded" if settled else "processing",
    }


def charge(ids: Ids, paid: Json, *, created: int, refunded: int = 0) -> Json:
    """The charge behind a session; `refunded` is the total so far, in minor units."""
    amount = paid["amount_total"]
    customer = paid["customer_details"] or {}
    return {
        "id": ids.stripe("ch"),
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": refunded,
        "balance_transaction": ids.stripe("txn"),
        "billing_details": {
            "address": None,
            "email": customer.get("email"),
            "name": customer.get("name"),
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": "PFERDEWERT",
        "captured": True,
        "created": created,
        "currency": paid["currency"],
        "customer": None,
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": paid["livemode"],
        "metadata": {},
        "outcome": {"network_status": "approved_by_network", "type": "authorized"},
        "paid": True,
        "payment_intent": paid["payment_intent"],
        "payment_method": ids.stripe("pm"),
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "receipt_email": None,
        "receipt_url": None,
        "refunded": refunded >= amount,
        "shipping": None,
        "statement_descriptor": None,
        "status": "succeeded",
        "transfer_group": None,
    }


def refund(ids: Ids, charged: Json, *, created: int, amount: int, status: str) -> Json:
    return {
        "id": ids.stripe("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charged["id"],
        "created": created,
        "currency": charged["currency"],
        "destination_details": {"type": "card"},
        "metadata": {},
        "payment_intent": charged["payment_intent"],
        "reason": "requested_by_customer",
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }


def dispute(ids: Ids, charged: Json, *, created: int, status: str) -> Json:
    return {
        "id": ids.stripe("du"),
        "object": "dispute",
        "amount": charged["amount"],
        "balance_transactions": [],
        "charge": charged["id"],
        "created": created,
        "currency": charged["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": created + 7 * DAY_S,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": charged["livemode"],
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charged["payment_intent"],
        "reason": "fraudulent",
        "status": status,
    }
