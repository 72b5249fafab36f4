"""Stripe objects as Stripe shapes them, and its webhook signature. Everything here is pure.

Source: Stripe API reference, version 2026-10-28.endive (checkout.session, event), and
"Resolve webhook signature verification errors".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Literal

from sandbox.ids import Ids

API_VERSION = "2026-10-28.endive"
DAY_S = 86_400

Kind = Literal["valuation", "certificate"]
Json = dict[str, Any]


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header for `body`; the key includes the `whsec_` prefix."""
    message = str(timestamp).encode() + b"." + body
    mac = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={mac}"


def order_metadata(kind: Kind, order_id: str) -> dict[str, str]:
    """What the site's two checkout routes put on a session."""
    tracking = {
        "datafast_visitor_id": "",
        "datafast_session_id": "",
        "analytics_consent": "false",
    }
    if kind == "valuation":
        return {"bewertungId": order_id, **tracking}
    product = {"product_type": "wertgutachten", "attribution_source": "unknown"}
    return {"wertgutachtenId": order_id, **product, **tracking}


def session(
    ids: Ids,
    *,
    created: int,
    subtotal: int,
    metadata: Mapping[str, str],
    currency: str = "eur",
    discount: int = 0,
    livemode: bool = False,
    status: str = "complete",
    payment_status: str = "paid",
    email: str | None = None,
    name: str | None = None,
    success_url: str = "https://example.test/ergebnis?session_id={CHECKOUT_SESSION_ID}",
) -> Json:
    """A checkout.session in payment mode. Amounts in minor units.

    A session that has not been completed, or costs nothing, has no payment intent.
    """
    total = subtotal - discount
    charged = status == "complete" and total > 0
    visited = status == "complete"
    session_id = ids.session(livemode=livemode)
    return {
        "id": session_id,
        "object": "checkout.session",
        **_SESSION_DEFAULTS,
        "amount_subtotal": subtotal,
        "amount_total": total,
        "created": created,
        "currency": currency.lower(),
        "customer_details": _customer(email, name) if visited else None,
        "discounts": [{"coupon": None, "promotion_code": ids.stripe("promo")}] if discount else [],
        "expires_at": created + DAY_S,
        "livemode": livemode,
        "metadata": dict(metadata),
        "payment_intent": ids.stripe("pi") if charged else None,
        "payment_status": payment_status,
        "status": status,
        "success_url": success_url,
        "total_details": {"amount_discount": discount, "amount_shipping": 0, "amount_tax": 0},
        "url": None if visited else f"https://checkout.stripe.com/c/pay/{session_id}",
    }


_SESSION_DEFAULTS: Mapping[str, Any] = {
    "adaptive_pricing": {"enabled": False},
    "after_expiration": None,
    "allow_promotion_codes": True,
    "amount_subtotal": None,
    "amount_total": None,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "billing_address_collection": None,
    "branding_settings": None,
    "cancel_url": "https://example.test/pferde-preis-berechnen?abgebrochen=1",
    "client_reference_id": None,
    "client_secret": None,
    "collected_information": None,
    "consent": None,
    "consent_collection": None,
    "created": None,
    "currency": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer": None,
    "customer_creation": "if_required",
    "customer_details": None,
    "customer_email": None,
    "discounts": [],
    "expires_at": None,
    "invoice": None,
    "invoice_creation": {"enabled": False, "invoice_data": None},
    "livemode": False,
    "locale": None,
    "metadata": {},
    "mode": "payment",
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_collection": "if_required",
    "payment_method_configuration_details": None,
    "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
    "payment_method_types": ["card", "klarna", "paypal"],
    "payment_status": "unpaid",
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "presentment_details": None,
    "recovered_from": None,
    "redirect_on_completion": None,
    "return_url": None,
    "saved_payment_method_options": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "status": None,
    "submit_type": None,
    "subscription": None,
    "success_url": None,
    "total_details": None,
    "ui_mode": "hosted",
    "url": None,
    "wallet_options": None,
}

SESSION_FIELDS = frozenset({"id", "object", "line_items", *_SESSION_DEFAULTS})


def _customer(email: str | None, name: str | None) -> Json:
    return {
        "address": {
            "city": None,
            "country": "DE",
            "line1": None,
            "line2": None,
            "postal_code": None,
            "state": None,
        },
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def line_items(paid: Json, ids: Ids) -> Json:
    """The list that `expand[]=line_items` adds; never part of an event."""
    item = {
        "id": ids.stripe("li"),
        "object": "item",
        "amount_discount": paid["total_details"]["amount_discount"],
        "amount_subtotal": paid["amount_subtotal"],
        "amount_tax": 0,
        "amount_total": paid["amount_total"],
        "currency": paid["currency"],
        "description": "Pferdebewertung",
        "quantity": 1,
    }
    url = f"/v1/checkout/sessions/{paid['id']}/line_items"
    return {"object": "list", "data": [item], "has_more": False, "url": url}


def event(
    ids: Ids,
    event_type: str,
    subject: Json,
    *,
    created: int,
    livemode: bool,
    api_version: str = API_VERSION,
    pending_webhooks: int = 1,
    previous: Json | None = None,
) -> Json:
    """The snapshot envelope around `subject`."""
    data: Json = {"object": subject}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": ids.stripe("evt"),
        "object": "event",
        "api_version": api_version,
        "created": created,
        "data": data,
        "livemode": livemode,
        "pending_webhooks": pending_webhooks,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
    }
