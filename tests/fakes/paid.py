"""The in-memory twins of `ledger.paid.PaidSessions` and `ledger.inbox.Inbox`."""

from domain.job import Job, Kind, Money, Opening, Reason, job_id_for
from domain.payment import Notice
from ledger.documents import duplicate_of, new_job, notice_fields, read_job, read_notice
from ledger.names import JOBS, STRIPE_EVENTS
from ledger.settlement import lost_to, settled
from tests.fakes.promotion import promote_next
from tests.fakes.store import Document, MemoryStore, OrderTaken


class MemoryPaidSessions:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def open(self, opening: Opening) -> tuple[Job, bool]:
        self._store.answer()
        try:
            return self._bear(opening, opening.reason)
        except OrderTaken as taken:
            return self._bear(opening, duplicate_of(taken.holder))

    async def settle(self, payment_intent: str, money: Money) -> list[Job]:
        self._store.answer()
        ours = self._store.all(JOBS, lambda job: _payment_intent(job) == payment_intent)
        ours.sort(key=lambda job: job["created_at"])
        jobs = {job["_id"]: self._settle(job, money) for job in ours}
        for job in list(jobs.values()):
            moved_up = promote_next(self._store, job["kind"], job["order_id"])
            if moved_up is not None:
                jobs[moved_up["_id"]] = moved_up
        return [read_job(job) for job in jobs.values()]

    async def of_session(self, session_id: str) -> Job | None:
        self._store.answer()
        jobs = self._store.all(JOBS, lambda job: job["session_id"] == session_id)
        newest = max(jobs, key=lambda job: job["created_at"], default=None)
        return read_job(newest) if newest else None

    def _bear(self, opening: Opening, reason: Reason | None) -> tuple[Job, bool]:
        birth = new_job(
            opening.kind,
            opening.session_id,
            order_id=opening.order_id,
            payment=opening.payment,
            reason=reason,
            now=self._store.clock.now(),
        )
        birth |= settled(birth, opening.money, birth["created_at"])
        names = [job_id_for(kind, opening.session_id) for kind in Kind]
        existing = next(filter(None, (self._store.get(JOBS, name) for name in names)), None)
        return read_job(existing or self._store.put(JOBS, birth)), existing is None

    def _settle(self, job: Document, money: Money) -> Document:
        changes = settled(job, money, self._store.clock.now())
        try:
            return self._store.put(JOBS, job | changes)
        except OrderTaken as taken:
            return self._store.put(JOBS, job | lost_to(taken.holder, job, changes))


class MemoryInbox:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def receive(self, notice: Notice) -> int:
        self._store.answer()
        event = self._store.get(STRIPE_EVENTS, notice.id) or notice_fields(notice) | {
            "_id": notice.id,
            "received_at": self._store.clock.now(),
            "handled_at": None,
            "outcome": None,
            "deliveries": 0,
        }
        event = self._store.put(STRIPE_EVENTS, event | {"deliveries": event["deliveries"] + 1})
        return int(event["deliveries"])

    async def handled(self, event_id: str, outcome: str) -> None:
        self._store.answer()
        if event := self._store.get(STRIPE_EVENTS, event_id):
            note = {"handled_at": self._store.clock.now(), "outcome": outcome}
            self._store.put(STRIPE_EVENTS, event | note)

    async def about_payment(self, payment_intent: str) -> list[Notice]:
        self._store.answer()
        events = self._store.all(
            STRIPE_EVENTS, lambda event: event["payment_intent"] == payment_intent
        )
        return [read_notice(event) for event in sorted(events, key=lambda e: e["created"])]


def _payment_intent(job: Document) -> str | None:
    intent: str | None = job["payment"]["payment_intent"]
    return intent
