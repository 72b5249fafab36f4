"""Documents that somebody damaged by hand: one of them must neither hide nor stop the others.

A job that cannot be read counts as parked for `internal_error` wherever jobs are shown or counted,
and whoever claims it parks it in truth. What a newer build wrote is no damage: `ledger.newer`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from domain.job import Job, Kind, Reason, ReasonCode, State
from ledger.connection import Collection as Documents

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_STATES: Final = [state.value for state in State]
_CODES: Final = [code.value for code in ReasonCode]


def _otherwise(field: str, newer: str, damaged: str | None) -> dict[str, Any]:
    """Return what stands for a word we do not know, and for what is no word at all."""
    return {"$cond": [{"$eq": [{"$type": field}, "string"]}, newer, damaged]}


_UNKNOWN_STATE: Final = _otherwise("$state", State.WAITING.value, State.PARKED.value)
_UNKNOWN_CODE: Final = _otherwise("$reason.code", ReasonCode.NEWER_BUILD.value, None)

KNOWN_STATE: Final = {"$cond": [{"$in": ["$state", _STATES]}, "$state", _UNKNOWN_STATE]}
KNOWN_CODE: Final = {"$cond": [{"$in": ["$reason.code", _CODES]}, "$reason.code", _UNKNOWN_CODE]}
OLDEST: Final = {
    "$min": {"$cond": [{"$eq": [{"$type": "$created_at"}, "date"]}, "$created_at", None]}
}
"""Expressions over a job, and over a group of them; `OLDEST` is null where no birth is a date."""

Shape = TypeVar("Shape", bound=BaseModel)

log = structlog.get_logger(__name__)


def readable(shape: type[Shape], documents: Iterable[Mapping[str, Any]]) -> list[Shape]:
    """Return what can be read; the rest is named in the log, without its contents."""
    found = []
    for document in documents:
        try:
            found.append(shape.model_validate(document))
        except ValidationError as error:
            name, fields = str(document.get("_id"))[:255], damaged_fields(error)
            log.warning("document_unreadable", shape=shape.__name__, id=name, fields=fields)
    return found


def damaged_fields(error: ValidationError) -> list[str]:
    """Return the names of the fields at the top, as they are stored."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return sorted({str(fault["loc"][0]) if fault["loc"] else "" for fault in faults})


class DamagedJob(Job):
    """What can still be told of a job whose document does not fit."""


def salvaged(document: Mapping[str, Any], damaged: list[str]) -> DamagedJob:
    """Return what can be told of a damaged job: parked, unless it had ended already.

    Its `reason` names the damaged fields.
    """
    sound = without(document, damaged)
    state = {"state": _final(sound) or State.PARKED, "reason": damage(damaged)}
    return DamagedJob.model_validate(sound | state)


def without(document: Mapping[str, Any], damaged: Collection[str]) -> dict[str, Any]:
    """Return a document's sound fields, and something for those that every job needs.

    State and reason are the caller's to say.
    """
    kind, _, session_id = str(document.get("_id")).partition(":")
    sound = {name: value for name, value in document.items() if name not in {*damaged, "_id"}}
    return (
        {"kind": kind if kind in set(Kind) else Kind.VALUATION, "session_id": session_id}
        | {"created_at": _EPOCH, "updated_at": _EPOCH}
        | sound
        | {"_id": str(document.get("_id")), "stage": None}
    )


def damage(fields: list[str]) -> Reason:
    detail = f"the job's document is damaged: {', '.join(fields)}"
    return Reason(code=ReasonCode.INTERNAL_ERROR, detail=detail)


async def set_aside(
    jobs: Documents, claimed: Mapping[str, Any], seen: DamagedJob, now: datetime
) -> None:
    """Put a job that was claimed and cannot be read in front of a human."""
    claim = {name: claimed[name] for name in ("_id", "owner", "fence")}
    reason = seen.reason.model_dump(mode="json") if seen.reason else None
    fields = {"state": seen.state.value, "reason": reason, "owner": None, "not_before": None}
    await jobs.update_one(claim, {"$set": fields | {"updated_at": now}})
    log.error("job_damaged", job_id=seen.id, state=seen.state.value, detail=reason)


def _final(sound: Mapping[str, Any]) -> State | None:
    """Return how a job ended, if that can be read; what it delivered stands in the order."""
    ends = (State.DELIVERED, State.CANCELLED)
    return next((end for end in ends if sound.get("state") == end.value), None)
