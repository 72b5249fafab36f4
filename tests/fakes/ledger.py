"""The whole ledger in memory; it passes the same suite as the one on MongoDB."""

from domain.ports import Clock
from ledger.workers import LIVE_WITHIN_S
from tests.fakes.desk import MemoryOrders, MemoryRecords
from tests.fakes.jobs import MemoryJobs
from tests.fakes.paid import MemoryInbox, MemoryPaidSessions
from tests.fakes.presence import MemoryPresence
from tests.fakes.store import MemoryStore


class MemoryLedger:
    """All twins over one store. `store.is_down = True` makes every verb raise Unavailable."""

    def __init__(self, clock: Clock, *, live_within_s: float = LIVE_WITHIN_S) -> None:
        self.store = MemoryStore(clock)
        self.presence = MemoryPresence(self.store, live_within_s=live_within_s)
        self.jobs = MemoryJobs(self.store, self.presence)
        self.orders = MemoryOrders(self.store)
        self.records = MemoryRecords(self.store)
        self.paid = MemoryPaidSessions(self.store)
        self.inbox = MemoryInbox(self.store)
