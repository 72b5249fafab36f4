"""What a delivery writes, as pure functions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from domain.job import Job, Kind, MailDuty, MailState


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
    """Return when the first pending mail is due, or None when no mail is owed any more."""
    due = [mail.not_before or now for mail in mails if mail.state is MailState.PENDING]
    return min(due, default=None)


def next_mail_expression(now: datetime) -> dict[str, Any]:
    """Return `next_mail_at` of the field `mails`, as MongoDB works it out itself."""
    mails = {"$cond": [{"$eq": [{"$type": "$mails"}, "object"]}, "$mails", {"$literal": {}}]}
    pending = {
        "$filter": {
            "input": {"$objectToArray": mails},
            "cond": {"$eq": ["$$this.v.state", MailState.PENDING.value]},
        }
    }
    times = {"$map": {"input": pending, "in": {"$ifNull": ["$$this.v.not_before", now]}}}
    return {"$min": times}
