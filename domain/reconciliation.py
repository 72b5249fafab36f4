"""What to re-read at Stripe, how far back, and what came of it. Pure decisions.

A pass is one walk through one source, newest first. Each source stands for itself: what one of
them cannot read must not stop the others.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

SESSION_LIFE: Final = timedelta(hours=24)
"""How long after its `created` a Checkout session may be paid. Source: Stripe, `expires_at`."""

LONGEST_SETTLEMENT: Final = timedelta(days=14)
"""Sofort, the slowest delayed method. Source: Stripe docs, "Payment methods"."""

MARGIN: Final = timedelta(hours=1)
STUCK_AFTER: Final = timedelta(minutes=30)
MOST_NAMED: Final = 100


class Source(StrEnum):
    """What is read, in this order: money that went back is known before a job is opened."""

    FOLLOW_UPS = "follow_ups"
    UNDELIVERED = "undelivered"
    SESSIONS = "sessions"
    UNPAID = "unpaid"


class Reach(StrEnum):
    """How far back a pass goes."""

    NEAR = "near"
    FULL = "full"
    DEEP = "deep"


SPANS: Final[Mapping[Reach, timedelta]] = {
    # Whatever was paid just now was created within a session's life.
    Reach.NEAR: SESSION_LIFE + MARGIN,
    # A session's life, and the three days in which Stripe repeats its webhooks.
    Reach.FULL: timedelta(hours=96),
    # Every delayed payment has settled or failed by then.
    Reach.DEEP: SESSION_LIFE + LONGEST_SETTLEMENT + MARGIN,
}
PERIODS: Final[Mapping[Reach, timedelta]] = {
    Reach.DEEP: timedelta(days=1),
    Reach.FULL: timedelta(hours=1),
}
"""How often the longer ones are due; all others are near."""

_DEPTH: Final = (Reach.NEAR, Reach.FULL, Reach.DEEP)


class Tally(BaseModel):
    """What a pass found. `paid` are sessions that are ours and paid; `opened` had no job yet.

    `unknown_paid` are paid sessions left without a job, `failing` all things that could not be
    taken; both by id, at most `MOST_NAMED`.
    """

    seen: int = 0
    paid: int = 0
    opened: int = 0
    settled: int = 0
    ignored: int = 0
    failed: int = 0
    unknown_paid: list[str] = Field(default_factory=list)
    failing: list[str] = Field(default_factory=list)

    def fail(self, name: str, *, is_paid: bool = False) -> None:
        self.failed += 1
        if len(self.failing) < MOST_NAMED:
            self.failing.append(name)
        if is_paid:
            self.leave_unknown(name)

    def leave_unknown(self, session_id: str) -> None:
        if len(self.unknown_paid) < MOST_NAMED and session_id not in self.unknown_paid:
            self.unknown_paid.append(session_id)

    def counts(self) -> dict[str, int]:
        """Return the numbers alone, for a log line."""
        return self.model_dump(exclude={"unknown_paid", "failing"})


def added_up(tallies: Collection[Tally]) -> Tally:
    """Return one tally of several sources; a thing seen in two of them counts twice."""
    total = Tally()
    for tally in tallies:
        for field, count in tally.counts().items():
            setattr(total, field, getattr(total, field) + count)
        total.failing = [*total.failing, *tally.failing][:MOST_NAMED]
        for session_id in tally.unknown_paid:
            total.leave_unknown(session_id)
    return total


class Pass(BaseModel):
    """One walk. `cursor` is the last object that was taken; it is where a killed run goes on."""

    reach: Reach
    begun_at: datetime
    window_from: datetime
    cursor: str | None = None
    tally: Tally = Field(default_factory=Tally)


class Fault(BaseModel):
    """Why a source cannot be read, and since when. `needs_hand`: it will not pass by itself."""

    model_config = ConfigDict(frozen=True)

    message: str
    since: datetime
    needs_hand: bool


class Standing(BaseModel):
    """Where a source stands. `covered` says up to when each reach is done."""

    covered: dict[Reach, datetime] = Field(default_factory=dict)
    under_way: Pass | None = None
    fault: Fault | None = None
    failing: list[str] = Field(default_factory=list)

    def finished(self, walk: Pass) -> "Standing":
        """Return the standing after a pass that went to its end; a deeper one covers the others."""
        within = _DEPTH[: _DEPTH.index(walk.reach) + 1]
        covered = self.covered | dict.fromkeys(within, walk.begun_at)
        return Standing(covered=covered, failing=walk.tally.failing)

    def faulty(self, message: str, now: datetime, *, needs_hand: bool) -> "Standing":
        since = self.fault.since if self.fault and self.fault.message == message else now
        fault = Fault(message=message, since=since, needs_hand=needs_hand)
        return self.model_copy(update={"fault": fault})

    def faultless(self) -> "Standing":
        return self.model_copy(update={"fault": None})


class ReconciliationFacts(BaseModel):
    """The last walk through Stripe's Checkout sessions that went to its end, at least 96 h back.

    `paid_seen` are paid sessions that are ours, `opened` those among them that had no job before,
    `unknown_paid` the ids (at most 100) of those that still have none. Orders that the shop
    served before it had jobs are not counted as paid.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    finished_at: datetime
    window_from: datetime
    sessions_seen: int
    paid_seen: int
    opened: int
    failed: int
    unknown_paid: list[str]


def next_pass(standing: Standing, now: datetime) -> Pass:
    """Return the pass to do now, from its beginning: the deepest one that is due."""
    reach = next((r for r in (Reach.DEEP, Reach.FULL) if _is_due(standing, r, now)), Reach.NEAR)
    return Pass(reach=reach, begun_at=now, window_from=window_from(reach, standing, now))


def window_from(reach: Reach, standing: Standing, now: datetime) -> datetime:
    """Return how far back to look, by `created`.

    After an outage longer than the span the window is longer too: whatever is paid after the last
    pass began was created at most a session's life before.
    """
    usual = now - SPANS[reach]
    last = max(standing.covered.values(), default=None)
    return usual if last is None else min(usual, last - SESSION_LIFE - MARGIN)


def facts_of(walk: Pass, finished_at: datetime) -> ReconciliationFacts | None:
    """Return what a finished walk through the sessions proves; a near one proves too little."""
    if walk.begun_at - walk.window_from < SPANS[Reach.FULL]:
        return None
    return ReconciliationFacts(
        finished_at=finished_at,
        window_from=walk.window_from,
        sessions_seen=walk.tally.seen,
        paid_seen=walk.tally.paid,
        opened=walk.tally.opened,
        failed=walk.tally.failed,
        unknown_paid=walk.tally.unknown_paid,
    )


def complaint(
    standings: Mapping[Source, Standing], facts: ReconciliationFacts | None, now: datetime
) -> str:
    """Say what a human must look at; "" when nothing. An outage of Stripe has to last a while."""
    faults = (standing.fault for standing in standings.values())
    messages = [f.message for f in faults if f and (f.needs_hand or now - f.since >= STUCK_AFTER)]
    if facts and facts.unknown_paid:
        messages.append(f"paid without a job: {', '.join(facts.unknown_paid[:5])}")
    return "; ".join(dict.fromkeys(messages))


def _is_due(standing: Standing, reach: Reach, now: datetime) -> bool:
    last = standing.covered.get(reach)
    return last is None or now - last >= PERIODS[reach]
