"""What the result page reads about an order, as pure functions of the job."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, Field

from domain.answer import Answer
from domain.customer_messages import (
    PublicCode,
    progress_message,
    trouble_of,
    unpaid_message,
)
from domain.job import Job, Kind, Stage, State

_TYPICAL_S: Final = 60
_LEFT_AT_MOST_S: Final = {
    Stage.PREPARING: 60,
    Stage.ANALYZING: 55,
    Stage.GENERATING: 45,
    Stage.FINALIZING: 10,
}
_LEFT_AT_LEAST_S: Final = 5


class PublicState(StrEnum):
    """The job's states, and one before there is a job."""

    UNPAID = "unpaid"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    ANSWERED = "answered"
    DELIVERED = "delivered"
    PARKED = "parked"
    CANCELLED = "cancelled"


FINAL: Final = frozenset({PublicState.DELIVERED, PublicState.PARKED, PublicState.CANCELLED})
"""States in which nothing changes any more without a human."""


class TokenUsage(BaseModel):
    input_tokens: int
    output_tokens: int
    total_cost_usd: float


class Certificate(BaseModel):
    """A delivered certificate: its number and the site's `zertifikat_data`."""

    number: str | None
    data: dict[str, Any]


class PublicError(BaseModel):
    """Why it takes longer. `retry_after` in seconds; `model` is never told to customers."""

    code: PublicCode
    message: str
    model: None = None
    retry_after: int | None = None


class OrderView(BaseModel):
    """One order as its buyer may see it. The result fields are null until it is delivered."""

    session_id: str
    kind: Kind
    state: PublicState
    stage: Stage | None = None
    eta_seconds: int | None = Field(default=None, description="Estimate; null when unknown.")
    message: str = Field(description="German, ready to show.")
    ai_response: str | None = Field(default=None, description="Markdown; null for certificates.")
    certificate: Certificate | None = None
    ai_model: str | None = Field(default=None, description="For support, not for customers.")
    response_time_ms: int | None = None
    token_usage: TokenUsage | None = None
    error: PublicError | None = None
    updated_at: datetime | None = None

    @property
    def version(self) -> str:
        """Name this view's content; a stream resumes behind the version the browser has seen."""
        moment = int(self.updated_at.timestamp() * 1000) if self.updated_at else 0
        return f"{moment}-{self.state}-{self.stage or ''}"


def unpaid_view(session_id: str, kind: Kind) -> OrderView:
    """An order document exists, and nothing is known of a payment."""
    return OrderView(
        session_id=session_id, kind=kind, state=PublicState.UNPAID, message=unpaid_message()
    )


def view_of(job: Job, now: datetime) -> OrderView:
    """Show a job. Only a delivered one shows its result: any other may still be withdrawn.

    An erased one shows none, although the site may still hold it.
    """
    is_shown = job.state is State.DELIVERED and job.erased_at is None
    result = _result(job.kind, job.answer, job.certificate_number) if is_shown else {}
    return OrderView(
        session_id=job.session_id,
        kind=job.kind,
        state=PublicState(job.state),
        stage=job.stage if job.state in {State.RUNNING, State.ANSWERED} else None,
        eta_seconds=eta_seconds(job, now),
        message=progress_message(job),
        error=_error(job, now),
        updated_at=job.updated_at,
        **result,
    )


def eta_seconds(job: Job, now: datetime) -> int | None:
    """Guess the seconds left: a typical answer takes a minute, and each stage bounds the rest."""
    match job.state:
        case State.QUEUED:
            return _TYPICAL_S
        case State.RUNNING:
            elapsed = (now - (job.started_at or now)).total_seconds()
            left = min(_LEFT_AT_MOST_S[job.stage or Stage.PREPARING], _TYPICAL_S - elapsed)
            return max(_LEFT_AT_LEAST_S, round(left))
        case State.WAITING:
            return _seconds_until(job.not_before, now) + _TYPICAL_S
        case State.ANSWERED:
            return _LEFT_AT_LEAST_S
        case State.DELIVERED:
            return 0
    return None


def _result(kind: Kind, answer: Answer | None, number: str | None) -> dict[str, Any]:
    if answer is None:
        return {}
    data = answer.certificate if kind is Kind.CERTIFICATE else None
    return {
        "ai_response": (answer.text or None) if kind is Kind.VALUATION else None,
        "certificate": Certificate(number=number, data=data) if data else None,
        "ai_model": answer.model_name.lower(),
        "response_time_ms": answer.latency_ms,
        "token_usage": TokenUsage(
            input_tokens=answer.usage.input_tokens,
            output_tokens=answer.usage.output_tokens,
            total_cost_usd=answer.usage.cost_usd,
        ),
    }


def _error(job: Job, now: datetime) -> PublicError | None:
    trouble = trouble_of(job)
    if trouble is None:
        return None
    waits = job.state is State.WAITING
    return PublicError(
        code=trouble.code,
        message=trouble.message,
        retry_after=_seconds_until(job.not_before, now) if waits else None,
    )


def _seconds_until(moment: datetime | None, now: datetime) -> int:
    return max(0, round((moment - now).total_seconds())) if moment else 0
