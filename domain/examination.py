"""One order against its jobs: whether it holds what was sold."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from domain.acceptance import Accepted, Verdict
from domain.answer import Answer
from domain.errors import InvalidOrder
from domain.job import Job, Kind, RawOrder, State
from domain.order import RESULT_FIELD, Horse, has_result, read_horse
from domain.proof import Fault

Judge = Callable[[Kind, Horse, str], Verdict]

_DONE: Final = "fertig"
_PAID: Final = frozenset({_DONE, "bezahlt"})
_ADMITTED: Final = frozenset({"fallback", "error"})
"""What the old site wrote into `ai_model` when it stored an apology as the result."""

_STYLE: Final = frozenset(
    {"missing_section", "duplicate_section", "section_order", "empty_section", "no_disclaimer"}
    | {"chatty_prefix", "meta_talk", "html", "link", "formula", "fenced", "not_markdown"}
    | {"markdown_inside", "text_too_short", "text_too_long", "price_contradiction"}
    | {"price_range_too_wide", "conflicting_objects"}
)
"""What we would not sell today but older prompts asked for; no reason to touch a sold result."""

_STAND_INS: Final[Mapping[str, Any]] = {
    "rasse": "Pferd",
    "alter": 8,
    "geschlecht": "Stute",
    "stockmass": 165,
    "haupteignung": "Freizeit",
    "ausbildung": "A",
    "land": "DE",
}


@dataclass(frozen=True, slots=True)
class Examined:
    """`version` names the result that was looked at; `reasons` are what acceptance says of it."""

    fault: Fault | None
    version: str = ""
    reasons: tuple[str, ...] = ()


def version_of(kind: Kind, raw: RawOrder) -> str:
    """Return a name for the order's present result, "" without one."""
    if not has_result(kind, raw):
        return ""
    return hashlib.sha256(result_text(kind, raw).encode()).hexdigest()


def result_text(kind: Kind, raw: RawOrder) -> str:
    value = raw.get(RESULT_FIELD[kind])
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def created_at(raw: RawOrder) -> datetime:
    """Return when the order was put into checkout; documents without the date are ancient."""
    created = raw.get("erstellt")
    if not isinstance(created, datetime):
        return datetime.fromtimestamp(0, UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def examine(
    kind: Kind, raw: RawOrder, jobs: Sequence[Job], *, reasons: Sequence[str], ours: bool
) -> Examined:
    """Decide from the order, its jobs, and acceptance's `reasons` against a result not ours.

    `ours`: the order was made since we take orders, so that a paid one must have a job. Of a
    customer whose data were erased nothing is owed.
    """
    version = version_of(kind, raw)
    if raw.get("geloescht_am") or any(job.erased_at for job in jobs):
        return Examined(None, version)
    if not version:
        return Examined(_without_result(raw, jobs, ours=ours))
    if is_as_delivered(kind, raw, jobs):
        return Examined(None, version)
    if reasons:
        return Examined(Fault.UNACCEPTABLE_RESULT, version, tuple(reasons))
    if any(job.state is State.DELIVERED for job in jobs):
        return Examined(Fault.RESULT_CHANGED, version)
    return Examined(Fault.DONE_WITHOUT_JOB if ours and not jobs else None, version)


def _without_result(raw: RawOrder, jobs: Sequence[Job], *, ours: bool) -> Fault | None:
    """An undelivered job is counted as such; a cancelled one means that the money went back."""
    states = {job.state for job in jobs}
    if State.DELIVERED in states:
        return Fault.RESULT_GONE
    if states or not ours or raw.get("status") not in _PAID:
        return None
    return Fault.DONE_WITHOUT_RESULT


def is_as_delivered(kind: Kind, raw: RawOrder, jobs: Sequence[Job]) -> bool:
    """Say whether the order holds exactly what one of its jobs delivered.

    Once the job has let go of its words, the order's are the only ones there are.
    """
    delivered = (job.answer for job in jobs if job.state is State.DELIVERED and job.answer)
    value = raw.get(RESULT_FIELD[kind])
    return any(not answer.text or _sold(kind, answer) == value for answer in delivered)


def _sold(kind: Kind, answer: Answer) -> object:
    if kind is Kind.VALUATION:
        return answer.text
    prices = {"preisVon": answer.price_low, "preisBis": answer.price_high}
    return (answer.certificate or {}) | prices


def objections(kind: Kind, raw: RawOrder, judge: Judge) -> tuple[str, ...]:
    """Return what speaks against a stored result that may be another system's; a pure judgement.

    A horse that cannot be valued is no excuse: apologies were stored for those first of all.
    """
    if str(raw.get("ai_model") or "").strip().casefold() in _ADMITTED:
        return ("admitted_fallback",)
    verdict = judge(kind, _horse(raw), result_text(kind, raw))
    if isinstance(verdict, Accepted):
        return ()
    return tuple(reason for reason in verdict.reasons if reason not in _STYLE)


def _horse(raw: RawOrder) -> Horse:
    fields = dict(raw)
    for _ in _STAND_INS:
        try:
            return read_horse(fields)
        except InvalidOrder as error:
            fields[error.field] = _STAND_INS.get(error.field, "")
    return read_horse(fields)
