"""Refunds and disputes: what Stripe's notices add up to, whatever order they arrive in."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from domain.job import Money, Reason, ReasonCode

_KEEPS_MONEY_WITH_US: Final = frozenset({"won", "warning_closed"})
_INQUIRY_PREFIX: Final = "warning_"


class Notice(BaseModel):
    """What is kept of one Stripe event: one document of `stripe_events`, no personal data.

    Amounts in minor units. `object_id` is the session, charge or dispute the event is about.
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
    dispute_status: str | None = None


def money_from(notices: Iterable[Notice]) -> Money:
    """Fold all notices about one payment into its standing; order and repetition do not matter.

    `amount_refunded` is cumulative at Stripe, so the highest value wins. A closed dispute beats
    every open state of the same dispute.
    """
    refunded, fully, disputes = 0, False, dict[str, tuple[bool, datetime, str]]()
    for notice in notices:
        if notice.type == "charge.refunded":
            refunded = max(refunded, notice.amount_refunded or 0)
            fully = fully or _is_full(notice)
        elif notice.type.startswith("charge.dispute."):
            news = (notice.type.endswith(".closed"), notice.created, notice.dispute_status or "")
            known = disputes.get(notice.object_id, news)
            disputes[notice.object_id] = max(known, news)
    return Money(
        refunded=refunded,
        fully_refunded=fully,
        disputes={dispute: status for dispute, (_, _, status) in sorted(disputes.items())},
    )


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


def _is_full(notice: Notice) -> bool:
    if notice.refunded:
        return True
    return bool(notice.amount) and (notice.amount_refunded or 0) >= (notice.amount or 0)
