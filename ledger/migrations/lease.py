"""One process migrates at a time; the others wait for it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from domain.errors import Unavailable
from ledger.connection import Collection

LEASE_S: Final = 60.0
_POLL_S: Final = 0.1
_LOCK_ID: Final = "lock"


class Lease:
    """A document that names who migrates and until when, on MongoDB's own clock."""

    def __init__(self, migrations: Collection) -> None:
        self._migrations = migrations
        self._holder = uuid.uuid4().hex

    @asynccontextmanager
    async def held(self, *, wait_s: float) -> AsyncIterator[None]:
        """Raises Unavailable when somebody else holds the lease for longer than `wait_s`."""
        await self._acquire(wait_s)
        try:
            yield
        finally:
            await self._set("$$NOW", {"holder": self._holder})

    async def renew(self) -> None:
        await self._set(_LEASE_END, {"holder": self._holder})

    async def _acquire(self, wait_s: float) -> None:
        await self._migrations.update_one(
            {"_id": _LOCK_ID}, {"$setOnInsert": {"holder": None}}, upsert=True
        )
        try:
            async with asyncio.timeout(wait_s):
                while not await self._set(_LEASE_END, _IS_FREE):  # noqa: ASYNC110 - no event reaches across processes
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise Unavailable("another process has been migrating for too long") from None

    async def _set(self, until: Any, guard: dict[str, Any]) -> bool:
        fields = {"holder": self._holder, "until": until}
        result = await self._migrations.update_one({"_id": _LOCK_ID} | guard, [{"$set": fields}])
        return bool(result.matched_count)


_LEASE_END: Final = {"$add": ["$$NOW", round(LEASE_S * 1000)]}
_IS_FREE: Final = {"$expr": {"$lte": ["$until", "$$NOW"]}}
