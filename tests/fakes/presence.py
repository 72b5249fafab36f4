"""The in-memory twin of `ledger.workers.MongoPresence`."""

from collections.abc import Collection
from datetime import timedelta

from ledger.names import WORKERS
from ledger.workers import LIVE_WITHIN_S, Worker
from tests.fakes.store import MemoryStore


class MemoryPresence:
    def __init__(self, store: MemoryStore, *, live_within_s: float = LIVE_WITHIN_S) -> None:
        self._store = store
        self._live_within = timedelta(seconds=live_within_s)

    async def beat(self, owner: str, *, holding: Collection[str]) -> None:
        self._store.answer()
        now = self._store.clock.now()
        since = (self._store.get(WORKERS, owner) or {"since": now})["since"]
        beat = {"_id": owner, "since": since, "seen_at": now, "holding": sorted(holding)}
        self._store.put(WORKERS, beat)

    async def leave(self, owner: str) -> None:
        self._store.answer()
        self._store.drop(WORKERS, owner)

    async def live(self) -> list[str]:
        return [worker.owner for worker in await self.workers() if worker.alive]

    async def workers(self) -> list[Worker]:
        self._store.answer()
        beats = sorted(self._store.all(WORKERS), key=lambda beat: str(beat["_id"]))
        return [Worker(**beat, alive=self.is_alive(beat["_id"])) for beat in beats]

    def is_alive(self, owner: str | None) -> bool:
        beat = self._store.get(WORKERS, owner)
        return beat is not None and bool(
            beat["seen_at"] > self._store.clock.now() - self._live_within
        )
