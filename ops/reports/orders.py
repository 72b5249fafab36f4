"""Jobs as people look at them: no customer text, no answer."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from domain.answer import Answer, Usage
from domain.duties import is_broken_promise
from domain.job import Job, Kind, MailDuty, MailTo, Money, PaymentFacts, Reason, Stage, State
from ledger.handwork import Effect


class JobLine(BaseModel):
    """One line of the list."""

    job_id: str
    order_id: str | None
    state: State
    reason: Reason | None
    attempts: int
    created_at: datetime
    age_s: float
    refund_proposed: bool


class JobList(BaseModel):
    jobs: list[JobLine]


class AnswerFacts(BaseModel):
    """The journaled answer without its text. Prices in whole units of `currency`."""

    model: str
    provider: str | None
    generation_id: str | None
    price_low: int
    price_high: int
    currency: str
    latency_ms: int
    usage: Usage
    accepted_at: datetime


class JobFacts(BaseModel):
    """Everything about one job that may be shown."""

    job_id: str
    kind: Kind
    session_id: str
    order_id: str | None
    state: State
    stage: Stage | None
    reason: Reason | None
    attempts: int
    rounds: int
    owner: str | None
    fence: int
    not_before: datetime | None
    created_at: datetime
    started_at: datetime | None
    reopened_at: datetime | None
    delivered_at: datetime | None
    slimmed_at: datetime | None
    erased_at: datetime | None
    updated_at: datetime
    certificate_number: str | None
    payment: PaymentFacts
    money: Money
    mails: dict[MailTo, MailDuty]
    answer: AnswerFacts | None


class JobDetails(BaseModel):
    """All jobs that a reference leads to; an order paid twice has two."""

    jobs: list[JobFacts]


class Handling(BaseModel):
    """What a verb did. `rung`: the workers were told at once, not only by the rescue loop."""

    job_id: str
    effect: Effect
    state: State
    fence: int
    rung: bool
    message: str


def listed(jobs: Iterable[Job], now: datetime) -> JobList:
    return JobList(
        jobs=[
            JobLine(
                job_id=job.id,
                order_id=job.order_id,
                state=job.state,
                reason=job.reason,
                attempts=job.attempts,
                created_at=job.created_at,
                age_s=(now - job.created_at).total_seconds(),
                refund_proposed=job.state is State.PARKED and is_broken_promise(job.reason),
            )
            for job in jobs
        ]
    )


def facts_of(job: Job) -> JobFacts:
    fields = job.model_dump(exclude={"id", "answer"})
    answer = answer_facts(job.answer) if job.answer else None
    return JobFacts.model_validate(fields | {"job_id": job.id, "answer": answer})


def answer_facts(answer: Answer) -> AnswerFacts:
    return AnswerFacts(
        model=answer.model_served,
        provider=answer.provider,
        generation_id=answer.generation_id,
        price_low=answer.price_low,
        price_high=answer.price_high,
        currency=answer.currency,
        latency_ms=answer.latency_ms,
        usage=answer.usage,
        accepted_at=answer.accepted_at,
    )


_SAID: Final = {
    Effect.REOPENED: "is due again; workers take it within seconds",
    Effect.PARKED: "is parked; nobody works on it until it is retried",
    Effect.ALREADY_DUE: "was due already; the workers were told again",
    Effect.IN_WORK: "is being worked on right now; nothing changed",
    Effect.ALREADY_PARKED: "is parked already; its reason was left as it is",
    Effect.MAIL_DUE: "owes that mail again; workers send it within seconds",
    Effect.ERASED: "is erased",
    Effect.ALREADY_ERASED: "was erased before",
}


def handling_of(job: Job, effect: Effect, *, rung: bool) -> Handling:
    return Handling(
        job_id=job.id,
        effect=effect,
        state=job.state,
        fence=job.fence,
        rung=rung,
        message=f"{job.id} {_SAID[effect]}",
    )
