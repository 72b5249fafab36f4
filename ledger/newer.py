"""Jobs that a newer build holds in its own way: during a deploy they are left to it.

What can be passed over is read around where it stands (`domain.job`). A state or a kind cannot:
whoever does not know it does not know what is owed, or to whom. Such a job is shown and counted as
waiting, and nobody of this build works on it, parks it or writes to it.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import structlog
from pydantic import ValidationError

from domain.job import Job, Kind, Reason, ReasonCode, State
from ledger.damage import damaged_fields, without

_KNOWN: Final = {"state": [*map(str, State)], "kind": [*map(str, Kind)]}
_LONGEST_WORD: Final = 40
_MOST_REMEMBERED: Final = 1000

log = structlog.get_logger(__name__)


def _is_newer(field: str, known: list[str]) -> dict[str, Any]:
    is_word = {"$eq": [{"$type": f"${field}"}, "string"]}
    return {"$and": [is_word, {"$not": [{"$in": [f"${field}", known]}]}]}


OURS: Final = {"$expr": {"$not": [{"$or": [_is_newer(*field) for field in _KNOWN.items()]}]}}
"""The condition under which a job is this build's to work on; damaged ones are."""

IN_UNKNOWN_STATE: Final = {"state": {"$nin": _KNOWN["state"], "$type": "string"}}
"""The condition that finds the jobs which no list of a known state has."""


class LaterJob(Job):
    """What can be told of a job which only a newer build may touch."""


def newer_words(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the words that forbid this build to touch a job, by field."""
    found = {field: document.get(field) for field in _KNOWN}
    return {
        field: word[:_LONGEST_WORD]
        for field, word in found.items()
        if isinstance(word, str) and word not in _KNOWN[field]
    }


def glimpsed(document: Mapping[str, Any], words: Mapping[str, str]) -> LaterJob:
    """Return what can be told of a newer build's job: as waiting, unless its state is known."""
    said = ", ".join(f"{field} {word!r}" for field, word in words.items())
    reason = Reason(code=ReasonCode.NEWER_BUILD, detail=f"{said} of a newer build")
    seen = dict(document) | {"reason": reason}
    seen |= {"state": State.WAITING} if "state" in words else {}
    seen |= {"kind": Kind.VALUATION} if "kind" in words else {}
    try:
        return LaterJob.model_validate(seen)
    except ValidationError as error:
        told = {"reason": reason, "state": State.WAITING}
        return LaterJob.model_validate(without(seen, damaged_fields(error)) | told)


class Left:
    """Says of each job once that it is left to a newer build."""

    def __init__(self) -> None:
        self._said: deque[str] = deque(maxlen=_MOST_REMEMBERED)

    def say(self, job_id: str, words: Mapping[str, str]) -> None:
        if job_id not in self._said:
            self._said.append(job_id)
            log.warning("job_left_to_newer_build", job_id=job_id, **words)
