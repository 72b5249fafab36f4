"""Switches for emergencies, thrown by a human and read by every worker."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pymongo import ReturnDocument

from ledger.connection import Connection, verb
from ledger.damage import readable
from ledger.names import SWITCHES

_DIRECT_ONLY: Final = "direct_only"


class Switch(BaseModel):
    """One switch; `since` and `by` tell about its last change."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    on: bool = False
    since: datetime | None = None
    by: str | None = None


class Switches:
    """The collection `switches`. Every verb raises Unavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @verb
    async def direct_only(self) -> Switch:
        """Say whether orders go to the direct providers only."""
        query = {"_id": _DIRECT_ONLY}
        found = await self._connection.collection(SWITCHES).find_one(query)
        # An unreadable switch is off: the usual way serves the customers.
        return next(iter(readable(Switch, [found or {}])), Switch())

    @verb
    async def turn_direct_only(self, *, on: bool, by: str) -> Switch:
        """Set the switch durably; one that is set already keeps its `since` and `by`."""
        is_news = {"$ne": ["$on", on]}
        fields: dict[str, Any] = {
            "on": on,
            "since": {"$cond": [is_news, "$$NOW", "$since"]},
            "by": {"$cond": [is_news, {"$literal": by}, "$by"]},
        }
        found = await self._connection.collection(SWITCHES).find_one_and_update(
            {"_id": _DIRECT_ONLY},
            [{"$set": fields}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return Switch.model_validate(found)
