"""Is this Checkout session ours, is it paid, and does the money fit? Pure decisions.

Field names and their meaning: Stripe API reference, "The Checkout Session object".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from domain.job import Kind, PaymentFacts, Reason, ReasonCode, is_job_id, job_id_for

_OBJECT_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
_CERTIFICATE_TYPE: Final = "wertgutachten"
_REFERENCE_KEY: Final = {Kind.VALUATION: "bewertungId", Kind.CERTIFICATE: "wertgutachtenId"}
_SITE_KEYS: Final = frozenset(
    {"datafast_visitor_id", "datafast_session_id", "analytics_consent", "attribution_source"}
)
"""What the site writes beside the reference; alone it names no order, but it is ours."""

_NO_SOURCE: Final = frozenset({"", "unknown"})
_MAX_AMOUNT: Final = 10**12


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Read what cannot be read as absent: a paid session is judged, never refused for its shape."""
    try:
        return handler(value)
    except ValidationError:
        return None


def expanded_id(value: object) -> object:
    """Return the id of a reference, which Stripe sends as text or, when expanded, as an object."""
    return value.get("id") if isinstance(value, dict) else value


def _text_map(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(key): text for key, text in value.items() if isinstance(text, str)}


Lenient = WrapValidator(_or_none)
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
OptionalText = Annotated[Text | None, Lenient]
OptionalFlag = Annotated[bool | None, Lenient]
Amount = Annotated[Annotated[int, Field(ge=0, le=_MAX_AMOUNT)] | None, Lenient]
OptionalId = Annotated[Text | None, Lenient, BeforeValidator(expanded_id)]


class Price(BaseModel):
    """What a product may cost before discounts: minor units and a currency code."""

    model_config = ConfigDict(frozen=True)

    amount: int = Field(gt=0)
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency.upper()}"


class TotalDetails(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    amount_discount: Amount = None


class CheckoutSession(BaseModel):
    """A Checkout session of any API version; only `id` is certain. Amounts in minor units.

    Personal data (`customer_details`) is left out on purpose.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    status: OptionalText = None
    payment_status: OptionalText = None
    mode: OptionalText = None
    livemode: OptionalFlag = None
    amount_total: Amount = None
    amount_subtotal: Amount = None
    total_details: Annotated[TotalDetails | None, Lenient] = None
    currency: OptionalText = None
    payment_intent: OptionalId = None
    payment_link: OptionalId = None
    metadata: Annotated[dict[str, str], BeforeValidator(_text_map)] = Field(default_factory=dict)

    @property
    def discount(self) -> int | None:
        return self.total_details.amount_discount if self.total_details else None

    @property
    def subtotal(self) -> int | None:
        """Return the price before discounts; sessions from before 2021 lack the field itself."""
        if self.amount_subtotal is not None:
            return self.amount_subtotal
        return None if self.amount_total is None else self.amount_total + (self.discount or 0)

    @property
    def source(self) -> str | None:
        """Return the marketing source the site noted, or None."""
        source = self.metadata.get("attribution_source", "").strip()
        return None if source.casefold() in _NO_SOURCE else source

    def facts(self) -> PaymentFacts:
        """Return what is kept of the payment."""
        return PaymentFacts(
            amount_total=self.amount_total,
            amount_subtotal=self.subtotal,
            amount_discount=self.discount,
            currency=self.currency.lower() if self.currency else None,
            payment_status=self.payment_status,
            payment_intent=self.payment_intent,
            livemode=self.livemode,
            source=self.source,
        )


@dataclass(frozen=True, slots=True)
class Paid:
    """Ours and paid as expected. `order_id` is None when only the session leads to the order."""

    kind: Kind
    order_id: str | None


@dataclass(frozen=True, slots=True)
class NotPaid:
    """No money yet; another event follows if it comes."""


@dataclass(frozen=True, slots=True)
class Review:
    """Money that is or may be ours but does not fit: a human must look."""

    kind: Kind
    order_id: str | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class NotOurs:
    """Another product on the same Stripe account."""


Judgement = Paid | NotPaid | Review | NotOurs
Prices = Mapping[Kind, Sequence[Price]]


def kind_of(session: CheckoutSession) -> Kind | None:
    """Read from the site's metadata what was bought; None when it says nothing."""
    product = session.metadata.get("product_type", "").strip().casefold()
    if product == _CERTIFICATE_TYPE or _REFERENCE_KEY[Kind.CERTIFICATE] in session.metadata:
        return Kind.CERTIFICATE
    return Kind.VALUATION if _REFERENCE_KEY[Kind.VALUATION] in session.metadata else None


def order_reference(session: CheckoutSession) -> str | None:
    """Return the hex id of the order the metadata names, or None when it is no document id."""
    reference = _raw_reference(session)
    return reference.lower() if _OBJECT_ID.fullmatch(reference) else None


def judge(
    session: CheckoutSession,
    *,
    event_livemode: bool | None,
    expected_livemode: bool,
    prices: Prices,
    known_as: Kind | None = None,
) -> Judgement:
    """Decide what a session means. `known_as`: an order document of that kind holds its id.

    `event_livemode` is None where there was no event. An empty price list checks nothing.
    """
    if not _is_owed(session):
        return NotPaid()
    kind = known_as or kind_of(session)
    if kind is None:
        return _unreferenced(session, prices)
    order_id = None if known_as else order_reference(session)
    flags = {event_livemode, session.livemode} - {None}
    reason = (
        _session_fault(kind, session)
        or _livemode_fault(flags, expected=expected_livemode)
        or _mode_fault(session)
        or (None if known_as or order_id else _reference_fault(session))
        or _money_fault(session, prices.get(kind, ()))
    )
    return Review(kind, order_id, reason) if reason else Paid(kind, order_id)


def _is_owed(session: CheckoutSession) -> bool:
    """Allow-list of payment states; whatever Stripe may add later counts as not paid."""
    if session.status not in {None, "complete"}:
        return False
    return session.payment_status in {"paid", "no_payment_required"}


def _unreferenced(session: CheckoutSession, prices: Prices) -> Judgement:
    """Judge a session without our metadata and without an order: a foreign product, or a bug."""
    if set(session.metadata) - _SITE_KEYS or session.payment_link:
        return NotOurs()
    configured = [(kind, price) for kind in Kind for price in prices.get(kind, ())]
    kinds = [kind for kind, price in configured if _fits(session, [price])]
    if configured and not kinds:
        return NotOurs()
    reason = Reason(
        code=ReasonCode.MISSING_REFERENCE,
        detail="paid session without metadata and without an order",
    )
    return Review((kinds or [Kind.VALUATION])[0], None, reason)


def _session_fault(kind: Kind, session: CheckoutSession) -> Reason | None:
    """Stop what would ring for ever: workers drop a message whose job id can be none."""
    if is_job_id(job_id_for(kind, session.id)):
        return None
    return Reason(
        code=ReasonCode.MALFORMED_SESSION,
        detail="the session's id is not printable ASCII without blanks",
    )


def _livemode_fault(flags: Iterable[bool | None], *, expected: bool) -> Reason | None:
    seen = set(flags)
    if seen == {expected}:
        return None
    came = ", ".join(sorted(str(flag).lower() for flag in seen)) or "nothing"
    return Reason(
        code=ReasonCode.LIVEMODE_MISMATCH,
        detail=f"expected livemode {str(expected).lower()}, came {came}",
    )


def _mode_fault(session: CheckoutSession) -> Reason | None:
    if session.mode in {None, "payment"}:
        return None
    return Reason(
        code=ReasonCode.UNSUPPORTED_MODE, detail=f"expected mode payment, came {session.mode}"
    )


def _reference_fault(session: CheckoutSession) -> Reason:
    if not _raw_reference(session):
        return Reason(code=ReasonCode.MISSING_REFERENCE, detail="the metadata names no order")
    return Reason(
        code=ReasonCode.MALFORMED_REFERENCE,
        detail="the metadata's order reference is not a 24-digit hex id",
    )


def _money_fault(session: CheckoutSession, allowed: Sequence[Price]) -> Reason | None:
    if session.payment_status == "no_payment_required" and session.amount_total != 0:
        detail = f"no payment required for a total of {_money(session, session.amount_total)}"
        return Reason(code=ReasonCode.AMOUNT_MISMATCH, detail=detail)
    if not allowed or _fits(session, allowed):
        return None
    in_currency = any(_same_currency(session, price) for price in allowed)
    expected = " or ".join(str(price) for price in allowed)
    return Reason(
        code=ReasonCode.AMOUNT_MISMATCH if in_currency else ReasonCode.CURRENCY_MISMATCH,
        detail=f"expected {expected}, came {_money(session, session.subtotal)}",
    )


def _fits(session: CheckoutSession, allowed: Sequence[Price]) -> bool:
    return any(
        _same_currency(session, price) and session.subtotal == price.amount for price in allowed
    )


def _same_currency(session: CheckoutSession, price: Price) -> bool:
    return (session.currency or "").casefold() == price.currency.casefold()


def _money(session: CheckoutSession, amount: int | None) -> str:
    currency = session.currency.upper() if session.currency else "without currency"
    return f"{'unknown amount' if amount is None else amount} {currency}"


def _raw_reference(session: CheckoutSession) -> str:
    kind = kind_of(session)
    return session.metadata.get(_REFERENCE_KEY[kind], "").strip() if kind else ""
