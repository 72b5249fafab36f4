"""Is every paid order delivered? What events, jobs, orders and mails say about each other.

The one number of the shop, *paid and undelivered*, is defined here and nowhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from pydantic import BaseModel, ConfigDict

from domain.health import Status
from domain.job import Kind, State

BROKEN_FOR: Final = timedelta(days=7)
"""An unacceptable result on an order younger than this is an alert; older ones are only listed."""

MOST_FINDINGS: Final = 200


class WaitsFor(StrEnum):
    """Who has to move: workers and providers, a human at a parked job, or nobody knows of it."""

    MACHINE = "machine"
    HUMAN = "human"
    NOBODY = "nobody"


WAITING: Final[Mapping[WaitsFor, tuple[State, ...]]] = {
    WaitsFor.MACHINE: (State.QUEUED, State.RUNNING, State.WAITING, State.ANSWERED),
    WaitsFor.HUMAN: (State.PARKED,),
}


class Fault(StrEnum):
    """Where two of the four disagree."""

    PAID_WITHOUT_JOB = "paid_without_job"
    DONE_WITHOUT_RESULT = "done_without_result"
    RESULT_GONE = "result_gone"
    UNACCEPTABLE_RESULT = "unacceptable_result"
    RESULT_CHANGED = "result_changed"
    DONE_WITHOUT_JOB = "done_without_job"
    MAIL_FAILED = "mail_failed"
    MAIL_OVERDUE = "mail_overdue"


LOST: Final = frozenset({Fault.PAID_WITHOUT_JOB, Fault.DONE_WITHOUT_RESULT, Fault.RESULT_GONE})
"""Paid, without a result, and no job that would change it."""

MAIL_FAULTS: Final = frozenset({Fault.MAIL_FAILED, Fault.MAIL_OVERDUE})


class Finding(BaseModel):
    """One disagreement. `reference` is what the commands take: a session, or an order id.

    `since`: payment, order or delivery, whichever the fault is about. `detail` holds codes only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    fault: Fault
    reference: str
    kind: Kind | None = None
    order_id: str | None = None
    since: datetime
    detail: str = ""


class Proof(BaseModel):
    """What the newest comparison found, at most `MOST_FINDINGS`; `counts` holds them all."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    checked_at: datetime
    findings: tuple[Finding, ...] = ()
    counts: dict[Fault, int] = {}


class Owed(BaseModel):
    """Paid and undelivered orders; `oldest` is when the oldest of them was paid."""

    model_config = ConfigDict(frozen=True)

    count: int = 0
    oldest: datetime | None = None


class Heap(Protocol):
    """Jobs of one state, and the birth of the oldest."""

    @property
    def state(self) -> State: ...

    @property
    def count(self) -> int: ...

    @property
    def oldest(self) -> datetime: ...


class Reconciled(Protocol):
    """What a comparison with Stripe's own list of sessions found."""

    @property
    def finished_at(self) -> datetime: ...

    @property
    def unknown_paid(self) -> Sequence[str]:
        """Return the sessions that are paid at Stripe and have no job."""
        ...


@dataclass(frozen=True, slots=True)
class Sums:
    """The one number, and its parts."""

    parts: Mapping[WaitsFor, Owed]

    @property
    def total(self) -> Owed:
        return _sum(self.parts.values())


def paid_and_undelivered(heaps: Iterable[Heap], proof: Proof | None) -> Sums:
    """Count the undelivered jobs, as they are now, and what the last proof found without one."""
    heaps = list(heaps)
    parts = {
        who: _sum(
            Owed(count=heap.count, oldest=heap.oldest) for heap in heaps if heap.state in states
        )
        for who, states in WAITING.items()
    }
    return Sums(parts | {WaitsFor.NOBODY: lost(proof)})


def lost(proof: Proof | None) -> Owed:
    if proof is None:
        return Owed()
    oldest = min((f.since for f in proof.findings if f.fault in LOST), default=None)
    return Owed(count=sum(proof.counts.get(fault, 0) for fault in LOST), oldest=oldest)


def conclude(findings: Iterable[Finding], now: datetime) -> Proof:
    """Make a proof of all findings: each once, the gravest and oldest first."""
    gravity = {fault: place for place, fault in enumerate(Fault)}
    unique = {(f.fault, f.reference): f for f in findings}.values()
    ordered = sorted(unique, key=lambda f: (gravity[f.fault], f.since))
    counts: dict[Fault, int] = {}
    for finding in ordered:
        counts[finding.fault] = counts.get(finding.fault, 0) + 1
    return Proof(checked_at=now, findings=tuple(ordered[:MOST_FINDINGS]), counts=counts)


def unknown_paid(reconciled: Reconciled | None) -> list[Finding]:
    """Return what a comparison with Stripe adds to the proof."""
    if reconciled is None:
        return []
    return [
        Finding(
            fault=Fault.PAID_WITHOUT_JOB,
            reference=session_id,
            since=reconciled.finished_at,
            detail="paid at Stripe, and it could not be taken in",
        )
        for session_id in reconciled.unknown_paid
    ]


def standing(sums: Sums, proof: Proof, *, patience: timedelta, now: datetime) -> tuple[Status, str]:
    """Say how well the promise is kept.

    Unhealthy: for longer than `patience` something is owed that a machine should have done or
    nobody works for. Degraded: a human is late at a parked job, a customer's mail did not leave,
    or a young order was sold something unacceptable.
    """
    late = {who: owed for who, owed in sums.parts.items() if _age(owed, now) > patience}
    complaints = [_complaint(who, owed, now) for who, owed in late.items()]
    mails = sum(count for fault, count in proof.counts.items() if fault in MAIL_FAULTS)
    if mails:
        complaints.append(f"{mails} mails to customers did not leave")
    broken = [f for f in proof.findings if f.fault is Fault.UNACCEPTABLE_RESULT]
    if young := [f for f in broken if now - f.since <= BROKEN_FOR]:
        complaints.append(f"{len(young)} orders hold an unacceptable result")
    if not complaints:
        return Status.HEALTHY, ""
    grave = late.keys() & {WaitsFor.MACHINE, WaitsFor.NOBODY}
    return (Status.UNHEALTHY if grave else Status.DEGRADED), "; ".join(complaints)


def _complaint(who: WaitsFor, owed: Owed, now: datetime) -> str:
    minutes = _age(owed, now) // timedelta(minutes=1)
    return f"{owed.count} paid and undelivered wait for {who}, the oldest for {minutes} min"


def _age(owed: Owed, now: datetime) -> timedelta:
    return now - owed.oldest if owed.oldest else timedelta()


def _sum(parts: Iterable[Owed]) -> Owed:
    parts = list(parts)
    born = [part.oldest for part in parts if part.oldest]
    return Owed(count=sum(part.count for part in parts), oldest=min(born, default=None))
