"""Refunds and disputes: what Stripe's notices add up to, whatever order they arrive in."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from domain.job import Money, Reason, ReasonCode

_KEEPS_MONEY_WITH_US: Final = frozenset({"won", "warning_closed"})
_INQUIRY_PREFIX: Final = "warning_"
_RETURNED: Final = frozenset({"failed", "canceled"})
CLOSED_DISPUTES: Final = frozenset({"won", "lost", "warning_closed"})


class Notice(BaseModel):
    """What is kept of one Stripe event: one document of `stripe_events`, no personal data.

    Amounts in minor units. `object_id` is the session, charge, refund or dispute the event is
    about; `amount` is that object's own.
    """

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    id: str = Field(alias="_id")
    type: str
    created: datetime
    livemode: bool
    api_version: str | None = None
    object_id: str
    session_id: str | None = None
    payment_intent: str | None = None
    payment_status: str | None = None
    amount: int | None = None
    amount_refunded: int | None = None
    refunded: bool | None = None
    refund_status: str | None = None
    dispute_status: str | None = None


def money_from(notices: Iterable[Notice]) -> Money:
    """Fold all notices about one payment into its standing; order and repetition do not matter.

    Session events say nothing about refunds and disputes and are left out.
    """
    heard = {notice.id: notice for notice in notices if _is_about_money(notice)}.values()
    refunded, fully = _refunds(heard)
    return Money(
        heard=len(heard), refunded=refunded, fully_refunded=fully, disputes=_disputes(heard)
    )


def _is_about_money(notice: Notice) -> bool:
    return (
        notice.type == "charge.refunded"
        or notice.refund_status is not None
        or notice.type.startswith("charge.dispute.")
    )


def _refunds(heard: Collection[Notice]) -> tuple[int, bool]:
    """Return what stays refunded, and whether that is everything.

    A charge's `amount_refunded` is cumulative; a refund that fails or is cancelled later returns
    to us. So each view of the charge is lessened by what failed after it, and the highest
    remainder holds: of several views the newest comes out highest, and a missing one takes
    nothing away. Source: Stripe docs, "Refund and cancel payments", failed refunds.
    """
    failures = _failures(heard)
    standing = (0, False)
    for view in heard:
        if view.type == "charge.refunded":
            lost = sum(amount for at, amount in failures if at >= view.created)
            kept = max(0, (view.amount_refunded or 0) - lost)
            standing = max(standing, (kept, _is_full(view, kept)))
    return standing


def _failures(heard: Collection[Notice]) -> list[tuple[datetime, int]]:
    """Return when each failed refund was first known to have failed, and its amount."""
    found: dict[str, tuple[datetime, int]] = {}
    for notice in heard:
        if notice.refund_status in _RETURNED:
            news = (notice.created, notice.amount or 0)
            found[notice.object_id] = min(found.get(notice.object_id, news), news)
    return list(found.values())


def _disputes(heard: Collection[Notice]) -> dict[str, str]:
    """Return each dispute's last status. A closed one beats every open state of the same one."""
    found: dict[str, tuple[bool, datetime, str]] = {}
    for notice in heard:
        if notice.type.startswith("charge.dispute."):
            status = notice.dispute_status or ""
            is_closed = notice.type.endswith(".closed") or status in CLOSED_DISPUTES
            news = (is_closed, notice.created, status)
            found[notice.object_id] = max(found.get(notice.object_id, news), news)
    return {dispute: status for dispute, (_, _, status) in sorted(found.items())}


def withdrawn(money: Money) -> Reason | None:
    """Say why the money is no longer ours to work for, or None while the order is owed.

    An inquiry (`warning_*`) moved no money: delivering is the best answer to it.
    """
    if money.fully_refunded:
        return Reason(code=ReasonCode.REFUNDED, detail=f"{money.refunded} minor units refunded")
    for dispute, status in money.disputes.items():
        if status not in _KEEPS_MONEY_WITH_US and not status.startswith(_INQUIRY_PREFIX):
            return Reason(code=ReasonCode.DISPUTED, detail=f"{dispute} is {status or 'open'}")
    return None


def _is_full(view: Notice, kept: int) -> bool:
    if view.refunded and kept == (view.amount_refunded or 0):
        return True
    return bool(view.amount) and kept >= (view.amount or 0)
