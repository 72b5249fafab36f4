"""What refunds and disputes do to a job, as a pure decision on its document."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from domain.duties import after_parking
from domain.job import UNDELIVERED, Money, Reason, ReasonCode, State
from domain.payment import CLOSED_DISPUTES, withdrawn
from ledger.documents import duplicate_of, plain, read_job
from ledger.results import next_mail_at

SEEN_FIELDS: Final = ("state", "fence", "money", "order_id", "holds_order")
"""A decision is valid only while these are as they were read."""

_MONEY_REASONS: Final = (ReasonCode.REFUNDED, ReasonCode.DISPUTED)


def merged(known: Money, news: Money) -> Money:
    """Add up two views of one payment. A late view of the past takes nothing back.

    Refunds may fail, so it is not the larger amount that is the later one but the view that
    heard more; only views which heard as much are added up.
    """
    if known.heard != news.heard:
        return max(known, news, key=lambda view: view.heard)
    disputes = dict(known.disputes)
    for dispute, status in news.disputes.items():
        if disputes.get(dispute) not in CLOSED_DISPUTES or status in CLOSED_DISPUTES:
            disputes[dispute] = status
    return Money(
        heard=known.heard,
        refunded=max(known.refunded, news.refunded),
        fully_refunded=known.fully_refunded or news.fully_refunded,
        disputes=dict(sorted(disputes.items())),
    )


def settled(job: Mapping[str, Any], news: Money, now: datetime) -> dict[str, Any]:
    """Return the fields to change, or nothing when the job says all of it already."""
    money = merged(read_job(job).money, news)
    changes = {"money": plain(money)} | _course(job, withdrawn(money), now)
    if all(job.get(field) == value for field, value in changes.items()):
        return {}
    return changes | {"updated_at": now}


def lost_to(
    holder: Mapping[str, Any], job: Mapping[str, Any], reopening: Mapping[str, Any]
) -> dict[str, Any]:
    """Turn a job's re-opening into a parking, because `holder` has the order by now."""
    reason, now = duplicate_of(holder), reopening["updated_at"]
    mails = after_parking(read_job(job).mails, reason)
    return dict(reopening) | {
        "state": State.PARKED.value,
        "reason": plain(reason),
        "mails": plain(mails),
        "not_before": next_mail_at(mails.values(), now),
        "parked_at": now,
        "holds_order": False,
    }


def _course(job: Mapping[str, Any], reason: Reason | None, now: datetime) -> dict[str, Any]:
    state = read_job(job).state
    if reason and state in UNDELIVERED:
        return _cancellation(job, reason)
    if state is State.CANCELLED and _was_about_money(job):
        return {"reason": plain(reason)} if reason else _reopening(job, now)
    return {}


def _was_about_money(job: Mapping[str, Any]) -> bool:
    return (
        bool(job.get("cancelled_from")) and (job.get("reason") or {}).get("code") in _MONEY_REASONS
    )


def _cancellation(job: Mapping[str, Any], reason: Reason) -> dict[str, Any]:
    return {
        "state": State.CANCELLED.value,
        "reason": plain(reason),
        "cancelled_from": {
            "state": read_job(job).state.value,
            "reason": job.get("reason"),
            "holds_order": bool(job.get("holds_order")),
        },
        "holds_order": False,
    } | _taken_away(job, not_before=None)


def _reopening(job: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    before = job["cancelled_from"]
    if before["state"] == State.PARKED.value:
        back = {"state": before["state"], "reason": before["reason"]}
        due = next_mail_at(read_job(job).mails.values(), now)
    else:
        state = State.ANSWERED if job.get("answer") else State.QUEUED
        back, due = {"state": state.value, "reason": None, "reopened_at": now}, now
    hold = {"holds_order": before["holds_order"], "cancelled_from": None}
    return back | hold | _taken_away(job, not_before=due)


def _taken_away(job: Mapping[str, Any], *, not_before: datetime | None) -> dict[str, Any]:
    """Raise the fence: whoever works on the job finds out at the next write."""
    return {"owner": None, "fence": read_job(job).fence + 1, "not_before": not_before}
