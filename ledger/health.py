"""What the health checks saw: one current document per component, and a day of history.

Both live in `health_checks`. Current documents carry no `expires_at`, and the TTL index passes
over documents without it (MongoDB manual, "TTL Indexes").
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pymongo import ReplaceOne, UpdateOne

from domain.answer import AttemptOutcome
from domain.health import (
    REMEMBERED,
    ComponentState,
    HealthReport,
    Sighting,
    Status,
    Watched,
    speaks_against,
)
from ledger.connection import Connection, Document, verb
from ledger.damage import readable
from ledger.documents import plain
from ledger.names import AI_REQUESTS, HEALTH_CHECKS

_CURRENT: Final = "component:"
_MOST_SIGHTINGS: Final = 200
_PROJECTION: Final = {
    "timestamp": 1,
    "success": 1,
    "error_details.outcome": 1,
    "error_details.error_type": 1,
    "response_data.response_time_ms": 1,
}

log = structlog.get_logger(__name__)


class HealthBook:
    """Every verb raises Unavailable."""

    def __init__(self, connection: Connection, *, kept_for: timedelta = REMEMBERED) -> None:
        self._connection = connection
        self._kept_for = kept_for
        self._checks = connection.collection(HEALTH_CHECKS)

    @verb
    async def recall(self) -> dict[str, ComponentState]:
        """Return the current state of every component by name."""
        cursor = self._connection.latest(HEALTH_CHECKS).find({"_id": {"$regex": f"^{_CURRENT}"}})
        states = readable(ComponentState, [document async for document in cursor])
        return {state.name: state for state in states}

    @verb
    async def attempts(self, watched: Watched, since: datetime) -> list[Sighting]:
        """Return the newest customers' attempts on one model, newest first."""
        query = {
            "timestamp": {"$gte": since},
            "model_asked": watched.model,
            "model_tier": watched.tier,
        }
        found = self._connection.collection(AI_REQUESTS).find(query, _PROJECTION)
        newest = found.sort("timestamp", -1).limit(_MOST_SIGHTINGS)
        return list(_sightings([document async for document in newest]))

    @verb
    async def keep(self, report: HealthReport) -> None:
        """Store every component's state, except what was told of it, and a line of history."""
        await self._checks.bulk_write(
            [*(_current(state) for state in report.components), self._history(report)],
            ordered=False,
        )

    @verb
    async def keep_one(self, state: ComponentState) -> None:
        """Store the state of a component that is looked at apart from the others."""
        await self._checks.bulk_write([_current(state)])

    @verb
    async def history(self, since: datetime) -> list[Document]:
        """Return the checks since a moment, oldest first."""
        query = {"checked_at": {"$gte": since}, "expires_at": {"$exists": True}}
        found = self._checks.find(query, {"_id": 0, "expires_at": 0}).sort("checked_at", 1)
        return [document async for document in found]

    @verb
    async def mark_told(self, name: str, *, before: Status | None, after: Status | None) -> bool:
        """Take the duty to tell of a change; False when another process has taken it."""
        result = await self._checks.update_one(
            {"_id": _CURRENT + name, "alerted": before}, {"$set": {"alerted": plain(after)}}
        )
        return bool(result.modified_count)

    def _history(self, report: HealthReport) -> ReplaceOne[Document]:
        moment = report.checked_at
        line = {
            "checked_at": moment,
            "status": report.status.value,
            "components": [_line(state) for state in report.components],
            "expires_at": moment + self._kept_for if moment else None,
        }
        # Named by its moment: a write that is tried again adds no second line.
        return ReplaceOne({"_id": f"check:{moment}"}, line, upsert=True)


def _current(state: ComponentState) -> UpdateOne:
    fields: dict[str, Any] = plain(state)
    del fields["alerted"]
    update = {"$set": fields, "$setOnInsert": {"alerted": None}}
    return UpdateOne({"_id": _CURRENT + state.name}, update, upsert=True)


def _line(state: ComponentState) -> dict[str, Any]:
    return {
        "name": state.name,
        "status": state.status.value,
        "latency_ms": state.latency_ms,
        "error_rate": state.error_rate,
        "detail": state.detail,
    }


def _sightings(requests: Iterable[Document]) -> Iterator[Sighting]:
    """Leave out what is not as we write it; requests are also written by others."""
    for request in requests:
        try:
            yield _sighting(request)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
            log.warning("attempt_unreadable", id=str(request["_id"]))


def _sighting(request: Document) -> Sighting:
    details = request.get("error_details") or {}
    outcome = AttemptOutcome(details.get("outcome") or AttemptOutcome.ACCEPTED)
    return Sighting(
        at=request["timestamp"],
        ok=not speaks_against(outcome),
        latency_ms=round(request["response_data"]["response_time_ms"]),
        note=details.get("error_type") or "",
    )
