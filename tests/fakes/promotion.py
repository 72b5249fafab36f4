"""The in-memory twin of `ledger.holding`."""

from domain.job import ReasonCode, State
from ledger.names import JOBS
from tests.fakes.store import Document, MemoryStore


def promote_next(store: MemoryStore, kind: str, order_id: str | None) -> Document | None:
    def waits(job: Document) -> bool:
        return (
            (job["kind"], job["order_id"]) == (kind, order_id)
            and job["state"] == State.PARKED
            and job["reason"]["code"] == ReasonCode.DUPLICATE_PAYMENT
        )

    waiting = sorted(store.all(JOBS, waits), key=lambda job: job["created_at"])
    if order_id is None or not waiting or store.holder(kind, order_id):
        return None
    state = State.ANSWERED if waiting[0]["answer"] else State.QUEUED
    now = store.clock.now()
    changes = {"state": state.value, "reason": None, "not_before": now, "holds_order": True}
    changes |= {"reopened_at": now}
    return store.put(JOBS, waiting[0] | changes | {"updated_at": now})
