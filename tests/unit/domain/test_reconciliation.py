"""How far back to look, what is due, and what is worth a human's time."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reconciliation import (
    MARGIN,
    MOST_NAMED,
    PERIODS,
    SESSION_LIFE,
    SPANS,
    Fault,
    Pass,
    Reach,
    ReconciliationFacts,
    Source,
    Standing,
    Tally,
    added_up,
    complaint,
    facts_of,
    next_pass,
    window_from,
)
from tests.builders import NOW

AGES = st.timedeltas(timedelta(), timedelta(days=90))
COVERED = st.dictionaries(st.sampled_from(Reach), AGES.map(lambda age: NOW - age))


def covered(**ago: float) -> Standing:
    return Standing(
        covered={Reach(reach): NOW - timedelta(minutes=age) for reach, age in ago.items()}
    )


@pytest.mark.parametrize(
    ("standing", "reach"),
    [
        (Standing(), Reach.DEEP),
        (covered(near=5, full=59, deep=600), Reach.NEAR),
        (covered(near=5, full=60, deep=600), Reach.FULL),
        (covered(near=5, full=10, deep=1440), Reach.DEEP),
        (covered(near=5, full=10), Reach.DEEP),
    ],
)
def test_the_deepest_pass_that_is_due(standing: Standing, reach: Reach) -> None:
    """Near ones in between, a full one each hour, a deep one each day."""
    assert next_pass(standing, NOW).reach is reach


@given(st.sampled_from(Reach), COVERED)
def test_nothing_paid_since_the_last_pass_is_outside_the_window(
    reach: Reach, done: dict[Reach, datetime]
) -> None:
    """However long nobody looked: it was created a session's life before it was paid."""
    begin = window_from(reach, Standing(covered=done), NOW)
    assert begin <= NOW - SPANS[reach]
    if done:
        assert begin <= max(done.values()) - SESSION_LIFE - MARGIN


@given(COVERED)
def test_a_finished_pass_is_not_due_again_at_once(done: dict[Reach, datetime]) -> None:
    """A deeper one has done the work of the others; after it only near ones are left."""
    standing = Standing(covered=done)
    for _ in Reach:
        standing = standing.finished(next_pass(standing, NOW))
    assert next_pass(standing, NOW).reach is Reach.NEAR
    assert next_pass(standing, NOW + PERIODS[Reach.DEEP]).reach is Reach.DEEP


def test_a_fault_keeps_its_beginning() -> None:
    """The same fault again is no news; another one is, and a finished pass ends it."""
    first = Standing().faulty("away", NOW, needs_hand=False)
    again = first.faulty("away", NOW + timedelta(hours=1), needs_hand=False)
    other = again.faulty("refused", NOW + timedelta(hours=2), needs_hand=True)
    assert first == again
    assert other.fault is not None
    assert other.fault.since == NOW + timedelta(hours=2)
    assert other.finished(next_pass(other, NOW)).fault is None


FACTS = ReconciliationFacts(
    finished_at=NOW,
    window_from=NOW - timedelta(hours=96),
    sessions_seen=3,
    paid_seen=2,
    opened=0,
    failed=0,
    unknown_paid=[],
)


def standing(message: str, *, minutes: float, needs_hand: bool = False) -> Standing:
    since = NOW - timedelta(minutes=minutes)
    return Standing(fault=Fault(message=message, since=since, needs_hand=needs_hand))


@pytest.mark.parametrize(
    ("standings", "unknown", "expected"),
    [
        ({}, [], ""),
        ({Source.SESSIONS: standing("away", minutes=29)}, [], ""),
        ({Source.SESSIONS: standing("away", minutes=30)}, [], "away"),
        ({Source.SESSIONS: standing("refused", minutes=0, needs_hand=True)}, [], "refused"),
        (dict.fromkeys(Source, standing("refused", minutes=0, needs_hand=True)), [], "refused"),
        ({}, ["cs_1"], "paid without a job: cs_1"),
    ],
)
def test_what_a_human_is_told(
    standings: dict[Source, Standing], unknown: list[str], expected: str
) -> None:
    """A key at once, an outage when it lasts, a payment without a job always; each once."""
    facts = FACTS.model_copy(update={"unknown_paid": unknown})
    assert complaint(standings, facts, NOW) == expected


@pytest.mark.parametrize(("reach", "proves"), [(Reach.NEAR, False), (Reach.FULL, True)])
def test_only_a_long_walk_proves_something(reach: Reach, *, proves: bool) -> None:
    """A near one has not seen the sessions of the days before."""
    walk = Pass(reach=reach, begun_at=NOW, window_from=NOW - SPANS[reach])
    assert (facts_of(walk, NOW) is not None) is proves


def test_tallies_add_up_and_stay_small() -> None:
    """A session without a job that two sources saw is named once; no list grows for ever."""
    one, other = Tally(seen=2), Tally(seen=3, opened=1)
    for number in range(2 * MOST_NAMED):
        one.fail(f"cs_{number}", is_paid=True)
        other.fail(f"cs_{number}", is_paid=True)
    total = added_up([one, other])
    assert (total.seen, total.opened, total.failed) == (5, 1, 4 * MOST_NAMED)
    assert len(total.unknown_paid) == len(total.failing) == MOST_NAMED
    assert len(set(total.unknown_paid)) == MOST_NAMED
