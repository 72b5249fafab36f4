"""The in-memory twin of `ledger.jobs.MongoJobs`."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from domain.answer import Answer
from domain.duties import after_delivery, after_parking
from domain.errors import AlreadyAnswered, InvalidOrder, LostClaim
from domain.job import (
    Claim,
    Job,
    Kind,
    MailDuty,
    MailState,
    MailTo,
    Reason,
    ReasonCode,
    Stage,
    State,
)
from domain.order import has_result
from ledger.documents import order_key, plain, read_job
from ledger.jobs import Backlog
from ledger.names import COUNTERS, JOBS, ORDERS
from ledger.newer import newer_words
from ledger.results import (
    LEFT_ALONE_FOR,
    certificate_number,
    certificate_prefix,
    next_mail_at,
    result_fields,
)
from tests.fakes.presence import MemoryPresence
from tests.fakes.promotion import promote_next
from tests.fakes.store import Document, MemoryStore, OrderTaken

_ACTIVE = (State.RUNNING, State.ANSWERED)


class MemoryJobs:
    """Nothing is awaited inside a verb, so each is as atomic as the real one."""

    def __init__(self, store: MemoryStore, presence: MemoryPresence) -> None:
        self._store = store
        self._presence = presence

    async def claim(self, job_id: str, *, owner: str) -> Claim | None:
        self._store.answer()
        job = self._store.get(JOBS, job_id)
        if job is None or not self._is_due(job) or self._presence.is_alive(job["owner"]):
            return None
        if newer_words(job):
            return None
        starts = job["state"] in (State.QUEUED, State.WAITING)
        is_parked = job["state"] == State.PARKED
        job = self._change(
            job,
            state=State.RUNNING if starts else job["state"],
            owner=owner,
            fence=job["fence"] + 1,
            stage=_first_stage(job) if starts else job["stage"],
            deaths=job["deaths"] + (job["owner"] is not None),
            started_at=job["started_at"] or (None if is_parked else self._store.clock.now()),
            reason=job["reason"] if is_parked else None,
        )
        return Claim(job=read_job(job), owner=owner, fence=job["fence"])

    async def link(self, claim: Claim, order_id: str) -> bool:
        job = self._held(claim, _ACTIVE)
        try:
            self._change(job, order_id=order_id, holds_order=True, stage=Stage.ANALYZING)
        except OrderTaken:
            self._change(job, order_id=order_id, holds_order=False)
            return False
        return True

    async def reach(self, claim: Claim, stage: Stage) -> None:
        self._change(self._held(claim), stage=stage)

    async def count_attempt(self, claim: Claim) -> None:
        job = self._held(claim)
        self._change(job, attempts=job["attempts"] + 1)

    async def journal(self, claim: Claim, answer: Answer) -> Claim:
        job = self._held(claim, _ACTIVE)
        answered = self._change(
            job,
            state=State.ANSWERED,
            stage=Stage.FINALIZING,
            answer=answer,
            attempts=job["attempts"] + (job["state"] == State.RUNNING),
        )
        return self._still(claim, answered)

    async def deliver(self, claim: Claim, mails: dict[MailTo, MailDuty]) -> Claim:
        document = self._held(claim, (State.ANSWERED, State.DELIVERED))
        job = read_job(document)
        if job.state is State.DELIVERED:
            return self._still(claim, document)
        order = self._open_order(job)
        now, mails = self._store.clock.now(), after_delivery(job.mails, mails)
        number = self._draw_number(now.year) if job.kind is Kind.CERTIFICATE else None
        self._store.put(ORDERS[job.kind], order | result_fields(job, number, now))
        delivered = self._change(
            document,
            state=State.DELIVERED,
            delivered_at=now,
            mails=mails,
            not_before=next_mail_at(mails.values(), now),
            certificate_number=number,
        )
        return self._still(claim, delivered)

    async def wait(self, claim: Claim, until: datetime, reason: Reason) -> None:
        job = self._held(claim, _ACTIVE)
        self._change(
            job,
            state=State.WAITING if job["state"] == State.RUNNING else job["state"],
            rounds=job["rounds"] + 1 if job["rounds_for"] == reason.code else 1,
            rounds_for=reason.code,
            reason=reason,
            not_before=until,
            owner=None,
        )

    async def park(self, claim: Claim, reason: Reason) -> None:
        job = self._held(claim, _ACTIVE)
        now, mails = self._store.clock.now(), after_parking(claim.job.mails, reason)
        self._change(
            job,
            state=State.PARKED,
            reason=reason,
            parked_at=now,
            owner=None,
            mails=mails,
            not_before=next_mail_at(mails.values(), now),
        )
        if reason.code is ReasonCode.DUPLICATE_PAYMENT:
            promote_next(self._store, job["kind"], job["order_id"])

    async def release(self, claim: Claim) -> None:
        self._release(self._held(claim))

    async def settle_mail(
        self, claim: Claim, to: MailTo, duty: MailDuty, *, rest: bool = False
    ) -> Claim:
        job = self._held(claim)
        settled = self._change(job, mails=job["mails"] | {to: duty})
        return self._still(claim, self._rest(settled) if rest else settled)

    async def rest(self, claim: Claim) -> None:
        self._rest(self._held(claim))

    async def get(self, job_id: str) -> Job | None:
        self._store.answer()
        job = self._store.get(JOBS, job_id)
        return read_job(job) if job else None

    async def due(self, limit: int, *, rung_before: datetime) -> list[str]:
        self._store.answer()

        def wants_a_worker(job: Document) -> bool:
            rung_lately = job["rung_at"] is not None and job["rung_at"] >= rung_before
            is_free = not newer_words(job) and not self._is_owned(job)
            return self._is_due(job) and not rung_lately and is_free

        jobs = sorted(self._store.all(JOBS, wants_a_worker), key=lambda job: job["not_before"])
        return [job["_id"] for job in jobs[:limit]]

    async def orphans(self, limit: int) -> dict[str, str]:
        self._store.answer()

        def is_orphan(job: Document) -> bool:
            is_held = job["owner"] is not None and not newer_words(job)
            return self._is_due(job) and is_held and not self._is_owned(job)

        jobs = sorted(self._store.all(JOBS, is_orphan), key=lambda job: job["not_before"])
        return {job["_id"]: job["owner"] for job in jobs[:limit]}

    async def end_sessions(self, owners: Collection[str]) -> None:  # noqa: ARG002 - nothing locks here
        self._store.answer()

    async def mark_rung(self, job_ids: Iterable[str]) -> None:
        self._store.answer()
        for job_id in job_ids:
            if job := self._store.get(JOBS, job_id):
                self._store.put(JOBS, job | {"rung_at": self._store.clock.now()})

    async def release_forgotten(self, owner: str, holding: Collection[str]) -> int:
        self._store.answer()
        forgotten = self._store.all(
            JOBS, lambda job: job["owner"] == owner and job["_id"] not in holding
        )
        for job in forgotten:
            self._release(job)
        return len(forgotten)

    async def backlog(self) -> Backlog:
        self._store.answer()
        jobs = [read_job(job) for job in self._store.all(JOBS)]
        owed = [
            job.created_at
            for job in jobs
            if job.state in (State.QUEUED, State.RUNNING, State.WAITING, State.ANSWERED)
        ]
        states = [job.state for job in jobs]
        return Backlog(
            counts={state: states.count(state) for state in set(states)},
            oldest_undelivered=min(owed, default=None),
        )

    def _held(self, claim: Claim, states: Sequence[State] = tuple(State)) -> Document:
        self._store.answer()
        job = self._store.get(JOBS, claim.job_id)
        if (
            job is None
            or (job["owner"], job["fence"]) != (claim.owner, claim.fence)
            or job["state"] not in states
        ):
            raise LostClaim(claim.job_id)
        return job

    def _change(self, job: Document, **changes: object) -> Document:
        stamp = {"updated_at": self._store.clock.now()}
        return self._store.put(JOBS, job | plain(changes) | stamp)

    def _release(self, job: Document) -> None:
        state = State.QUEUED if job["state"] == State.RUNNING else job["state"]
        self._change(job, state=state, owner=None, not_before=self._store.clock.now())

    def _rest(self, document: Document) -> Document:
        job, now = read_job(document), self._store.clock.now()
        is_at_rest = job.state in (State.DELIVERED, State.PARKED, State.CANCELLED)
        next_at = _due_again(job, now) if is_at_rest else now
        return self._change(document, owner=None, not_before=next_at)

    def _still(self, claim: Claim, job: Document) -> Claim:
        return Claim(job=read_job(job), owner=claim.owner, fence=claim.fence)

    def _is_due(self, job: Document) -> bool:
        return job["not_before"] is not None and job["not_before"] <= self._store.clock.now()

    def _is_owned(self, job: Document) -> bool:
        return self._presence.is_alive(job["owner"])

    def _open_order(self, job: Job) -> Document:
        order = self._store.get(ORDERS[job.kind], order_key(job.order_id or ""))
        if order is None:
            raise InvalidOrder("_id", "the order document is gone")
        if has_result(job.kind, order):
            raise AlreadyAnswered("the order received another result while this job worked")
        return order

    def _draw_number(self, year: int) -> str:
        name, prefix = f"zertifikat_{year}", certificate_prefix(year)
        counters = self._store.all(COUNTERS, lambda counter: counter["name"] == name)
        counter: dict[str, Any] = counters[0] if counters else {"_id": name, "name": name}
        numbers = [
            str(order.get("zertifikatNummer")).removeprefix(prefix)
            for order in self._store.all(ORDERS[Kind.CERTIFICATE])
        ]
        highest = max((int(n) for n in numbers if n.isdecimal() and len(n) == 6), default=0)
        seq = counter.get("seq")
        count = max(seq if isinstance(seq, int | float) else 0, highest) + 1
        self._store.put(COUNTERS, counter | {"seq": count})
        return certificate_number(year, int(count))


def _due_again(job: Job, now: datetime) -> datetime | None:
    times = []
    for to, duty in job.mails.items():
        at = duty.not_before or now
        if not to.is_known or not duty.state.is_known:
            at = max(at, now + LEFT_ALONE_FOR)
        elif job.state is State.CANCELLED:
            continue
        if duty.state not in (MailState.SENT, MailState.FAILED, MailState.OFF):
            times.append(at)
    return min(times, default=None)


def _first_stage(job: Document) -> Stage:
    return Stage.ANALYZING if job["holds_order"] else Stage.PREPARING
