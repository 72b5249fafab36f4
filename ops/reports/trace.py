"""Everything that happened to one order, in the order of time. Pure; no customer text."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from domain.job import Job
from ledger.overview import AttemptSeen, ErrorSeen, EventSeen


class Source(StrEnum):
    STRIPE = "stripe"
    JOB = "job"
    MODEL = "model"
    ERROR = "error"
    MAIL = "mail"


class Moment(BaseModel):
    at: datetime
    source: Source
    what: str
    detail: str = ""


class Trace(BaseModel):
    reference: str
    jobs: list[str]
    moments: list[Moment]


def trace_of(
    reference: str,
    jobs: Sequence[Job],
    *,
    events: Iterable[EventSeen],
    attempts: Iterable[AttemptSeen],
    errors: Iterable[ErrorSeen],
) -> Trace:
    """Merge what is known; moments at the same time stay in the order of their cause."""
    moments = [
        *(_of_event(event) for event in events),
        *(moment for job in jobs for moment in _of_job(job)),
        *(_of_attempt(attempt) for attempt in attempts),
        *(_of_error(error) for error in errors),
        *(moment for job in jobs for moment in _of_mails(job)),
    ]
    moments.sort(key=lambda moment: moment.at)
    return Trace(reference=reference, jobs=[job.id for job in jobs], moments=moments)


def _of_event(event: EventSeen) -> Moment:
    times = f"received {event.deliveries} times" if event.deliveries > 1 else "received"
    outcome = event.outcome or "not finished"
    return Moment(
        at=event.received_at or event.created,
        source=Source.STRIPE,
        what=event.type,
        detail=f"{event.id}, {times}, {outcome}",
    )


def _of_job(job: Job) -> Iterator[Moment]:
    def moment(at: datetime, what: str, detail: str = "") -> Moment:
        return Moment(at=at, source=Source.JOB, what=what, detail=detail)

    yield moment(job.created_at, "opened", job.id)
    if job.started_at:
        yield moment(job.started_at, "first taken by a worker")
    if job.reopened_at:
        yield moment(job.reopened_at, "re-opened")
    if job.answer:
        answer = f"{job.answer.model_served}, {job.answer.usage.cost_usd:.4f} USD"
        yield moment(job.answer.accepted_at, "answer accepted", answer)
    if job.delivered_at:
        number = job.certificate_number or ""
        yield moment(job.delivered_at, "delivered", number)
    if job.slimmed_at:
        yield moment(job.slimmed_at, "answer's text removed", "retention; the order holds it")
    if job.erased_at:
        yield moment(job.erased_at, "erased")
    yield moment(job.updated_at, f"last change: {job.state.value}", _standing(job))


def _standing(job: Job) -> str:
    parts = [f"{job.attempts} attempts", f"fence {job.fence}"]
    if job.reason:
        parts.append(" ".join(filter(None, [job.reason.code.value, job.reason.field])))
    if job.not_before:
        parts.append(f"not before {job.not_before.isoformat(timespec='seconds')}")
    if job.owner:
        parts.append(f"worker {job.owner}")
    return ", ".join(parts)


def _of_attempt(attempt: AttemptSeen) -> Moment:
    usage: dict[str, Any] = attempt.response_data.get("token_usage") or {}
    parts = [
        attempt.model_tier,
        attempt.provider,
        f"{attempt.response_data.get('response_time_ms', 0)} ms",
        f"{usage.get('cost_usd') or 0:.4f} USD",
        attempt.generation_id,
    ]
    return Moment(
        at=attempt.timestamp,
        source=Source.MODEL,
        what=f"{attempt.model_used}: {_outcome(attempt)}",
        detail=", ".join(str(part) for part in parts if part),
    )


def _outcome(attempt: AttemptSeen) -> str:
    if attempt.success:
        return "accepted"
    if attempt.verdict:
        return f"unaccepted ({', '.join(attempt.verdict)})"
    details = attempt.error_details
    words = (details.get("outcome"), details.get("error_type"), details.get("http_status"))
    return " ".join(str(word) for word in words if word) or "failed"


def _of_error(error: ErrorSeen) -> Moment:
    parts = [error.error_code, error.model_used]
    return Moment(
        at=error.timestamp,
        source=Source.ERROR,
        what=error.error_type,
        detail=", ".join(part for part in parts if part),
    )


def _of_mails(job: Job) -> Iterator[Moment]:
    for to, duty in job.mails.items():
        at = duty.sent_at or duty.not_before or job.delivered_at or job.updated_at
        tries = f"{duty.tries} tries" if duty.tries > 1 else ""
        parts = [duty.provider_id, tries]
        yield Moment(
            at=at,
            source=Source.MAIL,
            what=f"mail to {to.value}: {duty.state.value}",
            detail=", ".join(part for part in parts if part),
        )
