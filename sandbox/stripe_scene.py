"""Payments and events made to order: what the control API may ask for, and making it so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox import stripe_charges, stripe_world
from sandbox.ids import Ids
from sandbox.stripe_account import StripeAccount, snapshot
from sandbox.stripe_world import Json, Kind

_PRICES: Mapping[str, int] = {"valuation": 1490, "certificate": 4990}
_REFUNDING = frozenset({"charge.refunded", "refund.created"})
_RETURNED = frozenset({"failed", "canceled"})
_DISPUTE_STATUS = {
    "charge.dispute.closed": "lost",
    "charge.dispute.updated": "under_review",
    "charge.dispute.funds_reinstated": "won",
}

PaymentStatus = Literal["paid", "unpaid", "no_payment_required"]


class SceneError(LookupError):
    """The order speaks of a session or event that does not exist."""


class SessionOrder(BaseModel):
    """Amounts in minor units. `amount` is the price before `discount`.

    `status` follows from the payment status unless given: an unpaid session is open; a
    delayed payment is status "complete" with payment status "unpaid".
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    order_id: str
    amount: int | None = Field(None, ge=0, description="default: the product's price in EUR")
    currency: str = Field("eur", pattern=r"(?i)^[a-z]{3}$")
    discount: int = Field(0, ge=0)
    payment_status: PaymentStatus | None = None
    status: Literal["open", "complete", "expired"] | None = None
    email: str | None = "kundin@example.test"
    name: str | None = "Erika Beispiel"
    livemode: bool = False
    metadata: dict[str, str] = Field(default_factory=dict, description="laid over the usual")
    created: int | None = Field(None, ge=0, description="unix seconds, default now")
    success_url: str = "https://example.test/ergebnis?session_id={CHECKOUT_SESSION_ID}"

    @property
    def price(self) -> int:
        return _PRICES[self.kind] if self.amount is None else self.amount

    @property
    def paid_as(self) -> PaymentStatus:
        free = self.price == self.discount
        return self.payment_status or ("no_payment_required" if free else "paid")

    @model_validator(mode="after")
    def _payable(self) -> Self:
        if self.discount > self.price:
            raise ValueError("the discount is larger than the amount")
        return self


class EventOrder(BaseModel):
    """An event about a session.

    `overrides` are laid over the object it carries, so that an event can tell an older state
    than the API does.
    """

    model_config = ConfigDict(extra="forbid")

    type: str = Field(min_length=3, max_length=100)
    session_id: str | None = None
    amount_refunded: int | None = Field(None, ge=0, description="total so far; default: all")
    status: str | None = Field(None, description="of a dispute or refund")
    overrides: dict[str, Any] = Field(default_factory=dict)
    livemode: bool | None = Field(None, description="default: as the session")
    api_version: str = stripe_world.API_VERSION
    created: int | None = Field(None, ge=0, description="unix seconds, default now")
    delivered: bool = Field(False, description="what the delivery_success filter sees")

    @model_validator(mode="after")
    def _has_subject(self) -> Self:
        if self.session_id is None and not self.overrides:
            raise ValueError("an event needs a session_id, or its whole object in overrides")
        return self


def require_session_fields(fields: Iterable[str]) -> None:
    """Raises ValueError naming fields a checkout session does not have."""
    unknown = sorted(set(fields) - stripe_world.SESSION_FIELDS)
    if unknown:
        raise ValueError(f"a checkout session has no field {', '.join(unknown)}")


def create_session(account: StripeAccount, ids: Ids, order: SessionOrder) -> Json:
    payment_status = order.paid_as
    settled = "open" if payment_status == "unpaid" else "complete"
    session = stripe_world.session(
        ids,
        created=account.now() if order.created is None else order.created,
        subtotal=order.price,
        metadata=stripe_world.order_metadata(order.kind, order.order_id) | order.metadata,
        currency=order.currency,
        discount=order.discount,
        livemode=order.livemode,
        status=order.status or settled,
        payment_status=payment_status,
        email=order.email,
        name=order.name,
        success_url=order.success_url,
    )
    account.sessions.put(session)
    return session


def change_session(
    account: StripeAccount, ids: Ids, session_id: str, fields: Mapping[str, Any]
) -> Json:
    """Overwrite fields in place. Raises SceneError.

    Completing a session that costs money creates its payment intent, as Stripe does.
    """
    session = _session(account, session_id)
    session.update(fields)
    charged = session["status"] == "complete" and session["amount_total"]
    if charged and session["payment_intent"] is None and "payment_intent" not in fields:
        session["payment_intent"] = ids.stripe("pi")
    return session


def create_event(account: StripeAccount, ids: Ids, order: EventOrder) -> Json:
    """Build and keep the event. Raises SceneError for an unknown session."""
    created = account.now() if order.created is None else order.created
    session = None if order.session_id is None else _session(account, order.session_id)
    subject = {} if session is None else _subject(account, ids, order, session)
    livemode = bool(session and session["livemode"]) if order.livemode is None else order.livemode
    event = stripe_world.event(
        ids,
        order.type,
        snapshot(subject, order.overrides),
        created=created,
        livemode=livemode,
        api_version=order.api_version,
        pending_webhooks=0 if order.delivered else 1,
    )
    account.events.put(event)
    return event


def settle_event(account: StripeAccount, event_id: str, *, delivered: bool) -> Json:
    """Raises SceneError."""
    event = account.events.get(event_id)
    if event is None:
        raise SceneError(f"no event {event_id}")
    event["pending_webhooks"] = 0 if delivered else 1
    return event


def _session(account: StripeAccount, session_id: str) -> Json:
    found = account.sessions.get(session_id)
    if found is None:
        raise SceneError(f"no session {session_id}")
    return found


def _subject(account: StripeAccount, ids: Ids, order: EventOrder, session: Json) -> Json:
    """The object an event of this type is about."""
    if order.type.startswith("checkout.session."):
        return session
    if order.type.startswith("payment_intent."):
        return stripe_charges.payment_intent(session, account.charges.get(_intent(session)))
    charge = _charge(account, ids, session)
    if order.type.startswith("charge.dispute."):
        return _dispute(account, ids, order, charge)
    if order.type in _REFUNDING:
        refund = _refunded(account, ids, order, charge)
        return charge if order.type == "charge.refunded" else refund
    if order.type.startswith(("refund.", "charge.refund.")):
        return _moved_refund(account, ids, order, charge)
    return charge


def _intent(session: Json) -> str:
    intent_id = session["payment_intent"]
    if intent_id is None:
        raise SceneError(f"session {session['id']} has no payment intent")
    return str(intent_id)


def _charge(account: StripeAccount, ids: Ids, session: Json) -> Json:
    intent_id = _intent(session)
    if intent_id not in account.charges:
        made = stripe_charges.charge(ids, session, created=session["created"])
        account.charges[intent_id] = made
    return account.charges[intent_id]


def _refunded(account: StripeAccount, ids: Ids, order: EventOrder, charge: Json) -> Json:
    """Raise the charge's total and return the new refund."""
    before = charge["amount_refunded"]
    total = charge["amount"] if order.amount_refunded is None else order.amount_refunded
    charge["amount_refunded"] = total
    charge["refunded"] = total >= charge["amount"]
    amount, status = max(0, total - before) or total, order.status or "succeeded"
    made = stripe_charges.refund(ids, charge, created=account.now(), amount=amount, status=status)
    account.refunds[charge["id"]] = made
    return made


def _moved_refund(account: StripeAccount, ids: Ids, order: EventOrder, charge: Json) -> Json:
    """Move the charge's newest refund on; what fails or is canceled returns to the charge."""
    refund = account.refunds.get(charge["id"]) or _refunded(account, ids, order, charge)
    default = "failed" if order.type == "refund.failed" else "succeeded"
    before, refund["status"] = refund["status"], order.status or default
    if refund["status"] in _RETURNED and before not in _RETURNED:
        charge["amount_refunded"] = max(0, charge["amount_refunded"] - refund["amount"])
        charge["refunded"] = False
    return refund


def _dispute(account: StripeAccount, ids: Ids, order: EventOrder, charge: Json) -> Json:
    """One dispute per charge, whose status moves on with each event."""
    status = order.status or _DISPUTE_STATUS.get(order.type, "needs_response")
    charge["disputed"] = True
    if charge["id"] not in account.disputes:
        made = stripe_charges.dispute(ids, charge, created=account.now(), status=status)
        account.disputes[charge["id"]] = made
    account.disputes[charge["id"]]["status"] = status
    return account.disputes[charge["id"]]
