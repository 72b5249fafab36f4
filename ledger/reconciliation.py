"""Where the reconciliation with Stripe stands: the collection `reconciliation`.

One document per source, and `facts` for the last walk that proves something.
"""

from typing import Final

from domain.ports import Clock
from domain.reconciliation import ReconciliationFacts, Source, Standing
from ledger.connection import Connection, verb
from ledger.documents import plain
from ledger.names import RECONCILIATION

_FACTS: Final = "facts"


class ReconciliationBook:
    """Every verb raises Unavailable."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._book = connection.collection(RECONCILIATION)

    @verb
    async def standing(self, source: Source) -> Standing:
        found = await self._book.find_one({"_id": source.value})
        return Standing.model_validate(found) if found else Standing()

    @verb
    async def keep(self, source: Source, standing: Standing) -> None:
        document = plain(standing) | {"updated_at": self._clock.now()}
        await self._book.replace_one({"_id": source.value}, document, upsert=True)

    @verb
    async def keep_facts(self, facts: ReconciliationFacts) -> None:
        await self._book.replace_one({"_id": _FACTS}, plain(facts), upsert=True)

    @verb
    async def last_reconciliation(self) -> ReconciliationFacts | None:
        """Return the last complete walk through Stripe's sessions; None before the first."""
        found = await self._book.find_one({"_id": _FACTS})
        return ReconciliationFacts.model_validate(found) if found else None
