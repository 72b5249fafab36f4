"""Stripe's event envelope, read leniently from the verified bytes, never through SDK objects.

Envelope and object fields: Stripe API reference, "The Event object".
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

from domain.checkout import Amount, CheckoutSession, OptionalFlag, OptionalId, OptionalText
from domain.errors import DomainError
from domain.payment import Notice

SESSION_EVENTS: Final = "checkout.session."
_THIN: Final = "v2.core.event"
_DISPUTE_EVENTS: Final = "charge.dispute."
_REFUND_EVENTS: Final = ("refund.", "charge.refund.")
_EPOCH: Final = datetime.fromtimestamp(0, UTC)

Shape = TypeVar("Shape", bound=BaseModel)


class MalformedEvent(DomainError):  # noqa: N818 - reads as the sentence it is
    """Signed, but no snapshot event. The message names fields, never their contents."""


def _undated(value: object) -> object:
    """Let an event without a time sort before every dated one instead of refusing it."""
    return _EPOCH if value is None else value


Id = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class StripeEvent(BaseModel):
    """A snapshot event; `subject` is its `data.object`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    type: Id
    created: Annotated[datetime, BeforeValidator(_undated)] = _EPOCH
    livemode: OptionalFlag = None
    api_version: OptionalText = None
    subject: dict[str, Any]

    @property
    def is_about_session(self) -> bool:
        return self.type.startswith(SESSION_EVENTS)

    def session(self) -> CheckoutSession:
        """Read the subject as a Checkout session. Raises MalformedEvent when it has no id."""
        return _read(CheckoutSession, self.subject)


class _Subject(BaseModel):
    """What notices keep of a session, a charge, a refund or a dispute, whichever it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    livemode: OptionalFlag = None
    payment_intent: OptionalId = None
    payment_status: OptionalText = None
    amount: Amount = None
    amount_total: Amount = None
    amount_refunded: Amount = None
    refunded: OptionalFlag = None
    status: OptionalText = None


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore")

    object: dict[str, Any]


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore")

    object: Literal["event"]
    data: _Data


class UnwantedEvent(Exception):  # noqa: N818 - reads as the sentence it is
    """A thin event or a ping: truly from Stripe, but of a kind that carries no state."""


def read_event(body: bytes) -> StripeEvent:
    """Read a verified body. Raises MalformedEvent and UnwantedEvent."""
    return event_of(_json_object(body))


def event_of(raw: object) -> StripeEvent:
    """Read an event that Stripe's API told us. Raises MalformedEvent and UnwantedEvent."""
    if not isinstance(raw, dict):
        raise MalformedEvent("the event is not a JSON object")
    if raw.get("object") == _THIN:
        raise UnwantedEvent
    envelope = _read(_Envelope, raw)
    return _read(StripeEvent, raw | {"subject": envelope.data.object})


def session_of(raw: object) -> CheckoutSession:
    """Read a Checkout session that Stripe's API told us. Raises MalformedEvent."""
    return _read(CheckoutSession, raw)


def notice_of(event: StripeEvent) -> Notice:
    """Return what is kept of an event: no personal data. Raises MalformedEvent."""
    subject = _read(_Subject, event.subject)
    is_dispute = event.type.startswith(_DISPUTE_EVENTS)
    livemode = subject.livemode if event.livemode is None else event.livemode
    return Notice(
        id=event.id,
        type=event.type,
        created=event.created,
        livemode=bool(livemode),
        api_version=event.api_version,
        object_id=subject.id,
        session_id=subject.id if event.is_about_session else None,
        payment_intent=subject.payment_intent,
        payment_status=subject.payment_status,
        amount=subject.amount_total if event.is_about_session else subject.amount,
        amount_refunded=subject.amount_refunded,
        refunded=subject.refunded,
        refund_status=subject.status if event.type.startswith(_REFUND_EVENTS) else None,
        dispute_status=subject.status if is_dispute else None,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    """Parse JSON in UTF-8, with or without a byte order mark."""
    try:
        raw = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        raise MalformedEvent("the body is not a JSON object")
    return raw


def _read(shape: type[Shape], raw: object) -> Shape:
    """Raise outside the handler: pydantic's error holds the customer's data."""
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        fields = sorted({".".join(str(part) for part in fault["loc"]) for fault in faults})
    raise MalformedEvent(f"unreadable: {', '.join(fields)}")
