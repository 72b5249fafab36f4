"""How the shop stands at this moment. Pure: what was read in, one report out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel

from domain.job import UNDELIVERED, Job, MailState, State
from domain.proof import Proof, WaitsFor, paid_and_undelivered
from ledger.overview import MailPile, Pile
from ledger.switches import Switch
from ledger.workers import Worker


class Owed(BaseModel):
    """Paid and not delivered: parked jobs, and what the last proof found without one, included."""

    count: int
    oldest_since: datetime | None
    oldest_age_s: float | None
    by_reason: dict[str, int]
    waits_for: dict[WaitsFor, int]


class ProposedRefund(BaseModel):
    """A parked job whose promise is broken; nothing is refunded but by hand."""

    job_id: str
    code: str
    payment_intent: str | None
    amount_total: int | None
    currency: str | None


class Broken(BaseModel):
    """A breaker that lets no calls through until then."""

    model: str
    open_until: datetime


class Bell(BaseModel):
    """What Redis says; the ledger does not depend on it."""

    queue_depth: int
    open_breakers: list[Broken]


class Status(BaseModel):
    """`bell` is None while Redis does not answer. `direct_only` is the rollback switch.

    `proof` is None before the clock's first comparison.
    """

    owed: Owed
    proof: Proof | None
    refunds_proposed: list[ProposedRefund]
    jobs: dict[State, int]
    mails_pending: int
    mails_failed: int
    workers: list[Worker]
    bell: Bell | None
    direct_only: Switch


def status_of(
    *,
    piles: Sequence[Pile],
    proof: Proof | None = None,
    proposed: Sequence[Job] = (),
    mails: Sequence[MailPile],
    workers: Sequence[Worker],
    bell: Bell | None,
    switch: Switch,
    now: datetime,
) -> Status:
    return Status(
        owed=owed_of(piles, proof, now),
        proof=proof,
        refunds_proposed=[_proposal(job) for job in proposed],
        jobs={state: _count(pile for pile in piles if pile.state is state) for state in State},
        mails_pending=sum(pile.count for pile in mails if pile.state is MailState.PENDING),
        mails_failed=sum(pile.count for pile in mails if pile.state is MailState.FAILED),
        workers=list(workers),
        bell=bell,
        direct_only=switch,
    )


def owed_of(piles: Sequence[Pile], proof: Proof | None, now: datetime) -> Owed:
    undelivered = [pile for pile in piles if pile.state in UNDELIVERED]
    sums = paid_and_undelivered(piles, proof)
    oldest = sums.total.oldest
    reasons: dict[str, int] = {}
    for pile in undelivered:
        if pile.code is not None:
            reasons[pile.code.value] = reasons.get(pile.code.value, 0) + pile.count
    return Owed(
        count=sums.total.count,
        oldest_since=oldest,
        oldest_age_s=(now - oldest).total_seconds() if oldest else None,
        by_reason=dict(sorted(reasons.items())),
        waits_for={who: owed.count for who, owed in sums.parts.items()},
    )


def _proposal(job: Job) -> ProposedRefund:
    return ProposedRefund(
        job_id=job.id,
        code=job.reason.code.value if job.reason else "",
        payment_intent=job.payment.payment_intent,
        amount_total=job.payment.amount_total,
        currency=job.payment.currency,
    )


def open_breakers(circuits: Mapping[str, datetime | None], now: datetime) -> list[Broken]:
    """Return the breakers that are open now; a half-open one lets a probe through."""
    return [
        Broken(model=model, open_until=until)
        for model, until in sorted(circuits.items())
        if until is not None and until > now
    ]


def _count(piles: Iterable[Pile]) -> int:
    return sum(pile.count for pile in piles)
