"""What an error means for its job: from an exception to a decision, pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.errors import (
    AlreadyAnswered,
    ChainExhausted,
    DomainError,
    InvalidOrder,
    LostClaim,
    Unavailable,
)
from domain.job import Job, Reason, ReasonCode, State
from domain.schedule import GiveUp, next_try


class OrderMissing(DomainError):  # noqa: N818 - reads as the sentence it is
    """Paid, but the site has not stored the order, or not yet."""


class DuplicatePayment(DomainError):  # noqa: N818 - reads as the sentence it is
    """Another paid session is bound to the same order."""


class Deadly(DomainError):  # noqa: N818 - reads as the sentence it is
    """One worker after the other died with this job in hand."""


class ForeignResult(DomainError):  # noqa: N818 - reads as the sentence it is
    """The order holds a result before this job has an answer."""


_AT_REST: Final = (State.DELIVERED, State.PARKED)
"""Only mails are owed for these, and what fails around a mail ends no job."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker tries. Seconds; each schedule's last entry repeats.

    `error_rounds` bounds the tries after an unexpected error, since each may pay a model again.
    `insist_s` is how long a paid answer is held while MongoDB is away. After `deaths` workers
    that died with a job in hand, the job is taken for the cause.
    """

    job_s: float
    give_up: timedelta
    chain_waits: Sequence[float]
    order_waits: Sequence[float] = (2, 5, 10, 30, 60, 120, 300)
    error_waits: Sequence[float] = (5, 30, 120, 300, 900)
    error_rounds: int = 5
    insist_s: float = 60.0
    deaths: int = 10


@dataclass(frozen=True, slots=True)
class Park:
    """A human must look."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Postpone:
    """Nobody works on it before `until`."""

    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class HandBack:
    """The job is fine and due at once; this process could not go on."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Somebody else works on it, or it was cancelled."""


Ending = Park | Postpone | HandBack | Drop


def ending_of(error: Exception, job: Job, *, now: datetime, patience: Patience) -> Ending:
    """Decide what an error means for its job."""
    if isinstance(error, LostClaim):
        return Drop()
    if isinstance(error, Unavailable) or job.state in _AT_REST:
        return HandBack()
    if reason := _hopeless(error):
        return Park(reason)
    reason, schedule = _passing(error, patience)
    rounds = job.rounds if job.rounds_for is reason.code else 0
    if reason.code is ReasonCode.INTERNAL_ERROR and rounds >= patience.error_rounds:
        return Park(reason)
    since = job.reopened_at or job.created_at
    decision = next_try(schedule, rounds=rounds, since=since, now=now, give_up=patience.give_up)
    return Park(reason) if isinstance(decision, GiveUp) else Postpone(decision.at, reason)


def _hopeless(error: Exception) -> Reason | None:
    """Return the reason to park when trying again cannot help."""
    match error:
        case InvalidOrder():
            code = ReasonCode.INVALID_ORDER
            return Reason(code=code, field=error.field, detail=error.detail)
        case DuplicatePayment():
            return Reason(code=ReasonCode.DUPLICATE_PAYMENT, detail=str(error))
        case ForeignResult() | AlreadyAnswered():
            return Reason(code=ReasonCode.FOREIGN_RESULT, detail=str(error))
        case Deadly():
            return Reason(code=ReasonCode.INTERNAL_ERROR, detail=str(error))
        case _:
            return None


def _passing(error: Exception, patience: Patience) -> tuple[Reason, Sequence[float]]:
    """Return why and on which schedule to try again."""
    match error:
        case ChainExhausted():
            reason = Reason(code=ReasonCode.CHAIN_EXHAUSTED, detail=error.detail)
            return reason, patience.chain_waits
        case OrderMissing():
            reason = Reason(code=ReasonCode.ORDER_MISSING, detail=str(error))
            return reason, patience.order_waits
        case _:
            # Only the type: the text of a foreign exception may quote the customer.
            name = type(error).__name__
            return Reason(code=ReasonCode.INTERNAL_ERROR, detail=name), patience.error_waits
