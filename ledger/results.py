"""What a delivery writes, as pure functions."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from domain.job import Job, Kind, MailDuty, MailState, MailTo, State

LEFT_ALONE_FOR: Final = timedelta(minutes=1)
"""How long we stay away from a job whose mail only a newer build can send."""

_SETTLED: Final = (MailState.SENT, MailState.FAILED, MailState.OFF)
_STATE: Final = {"$ifNull": ["$$this.v.state", MailState.PENDING.value]}
_IS_OURS: Final = {
    "$and": [
        {"$in": ["$$this.k", [to.value for to in MailTo]]},
        {"$eq": [_STATE, MailState.PENDING.value]},
    ]
}


def result_fields(job: Job, number: str | None, now: datetime) -> dict[str, Any]:
    """Return the site's result fields, for one single update; checkout's fields are not ours.

    Raises ValueError when the job carries no answer of its kind.
    """
    answer = job.answer
    if answer is None:
        raise ValueError(f"{job.id} has no journaled answer")
    fields: dict[str, Any] = {
        "status": "fertig",
        "aktualisiert": now,
        "ai_model": answer.model_name.lower(),
        "ai_model_version": answer.model_served,
    }
    if job.kind is Kind.VALUATION:
        return fields | {"bewertung": answer.text}
    if answer.certificate is None or number is None:
        raise ValueError(f"{job.id} has no certificate to write")
    prices = {"preisVon": answer.price_low, "preisBis": answer.price_high}
    return fields | {"zertifikat_data": answer.certificate | prices, "zertifikatNummer": number}


def certificate_prefix(year: int) -> str:
    return f"CERT-{year}-"


def certificate_number(year: int, count: int) -> str:
    return f"{certificate_prefix(year)}{count:06d}"


def next_mail_at(mails: Iterable[MailDuty], now: datetime) -> datetime | None:
    """Return when the first owed mail is due, or None when no mail is owed any more.

    In a state of a newer build a mail may still be owed: only that build knows.
    """
    due = [mail.not_before or now for mail in mails if mail.state not in _SETTLED]
    return min(due, default=None)


def next_mail_expression(now: datetime) -> dict[str, Any]:
    """Return when a job at rest is next due, as MongoDB works it out itself.

    As `next_mail_at`, but what is owed by a newer build alone is left to it for a while: whoever
    lets go of the job could not send it. A cancelled job owes nothing that we know of.
    """
    mails = {"$cond": [{"$eq": [{"$type": "$mails"}, "object"]}, "$mails", {"$literal": {}}]}
    settled = {"$in": [_STATE, [state.value for state in _SETTLED]]}
    owed = {"$filter": {"input": {"$objectToArray": mails}, "cond": {"$not": [settled]}}}
    at = {"$ifNull": ["$$this.v.not_before", now]}
    left = {"$max": [at, now + LEFT_ALONE_FOR]}
    unsent = {"$cond": [{"$eq": ["$state", State.CANCELLED.value]}, None, at]}
    due = {"$cond": [_IS_OURS, unsent, left]}
    return {"$min": {"$map": {"input": owed, "in": due}}}
