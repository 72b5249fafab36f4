"""From sightings to states, from states to one word, and when somebody is told."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer import AttemptOutcome, Tier
from domain.health import (
    ComponentState,
    News,
    Sighting,
    Sort,
    Status,
    Thresholds,
    Watched,
    as_of,
    fallback_available,
    judge,
    news_of,
    overall,
    percentile,
    probe_due,
    speaks_against,
)
from tests.builders import NOW

PRIMARY = Watched(name="model:primary", sort=Sort.MODEL, tier=Tier.PRIMARY, model="a/b")
FALLBACK = Watched(name="model:secondary", sort=Sort.MODEL, tier=Tier.SECONDARY, model="c/d")
DIRECT = Watched(name="direct:openai", sort=Sort.DIRECT, tier=Tier.EMERGENCY, model="e")
REDIS = Watched(name="redis", sort=Sort.SERVICE)
OK, BAD, SLOW, SICK, ODD, OFF = (
    "ok",
    "bad",
    "slow",
    Status.UNHEALTHY,
    Status.UNKNOWN,
    Status.DISABLED,
)
WELL, WEAK = Status.HEALTHY, Status.DEGRADED
STATUSES = st.sampled_from(Status)


def seen(words: str, *, probe: bool = False, minutes: float = 1.0) -> list[Sighting]:
    """Read `ok bad ok` as sightings, oldest first, one every `minutes`, the last one just now."""
    names = words.split()
    return [
        Sighting(
            at=NOW - timedelta(minutes=minutes * (len(names) - 1 - place)),
            ok=name != BAD,
            latency_ms=100_000 if name == SLOW else 50_000 if not probe else 900,
            probe=probe,
        )
        for place, name in enumerate(names)
    ]


def state(watched: Watched, status: Status, **changes: object) -> ComponentState:
    known = ComponentState(watched=watched, status=status, since=NOW, checked_at=NOW, seen_at=NOW)
    return known.model_copy(update=changes)


def status_after(
    sightings: Sequence[Sighting],
    *,
    before: ComponentState | None = None,
    watched: Watched = PRIMARY,
    thresholds: Thresholds | None = None,
) -> Status:
    rules = thresholds or Thresholds()
    return judge(watched, sightings, before=before, thresholds=rules, now=NOW).status


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", ODD),
        ("ok", WELL),
        ("bad", ODD),
        ("bad bad", ODD),
        ("bad bad bad", SICK),
        ("ok bad", WELL),
        ("ok bad bad", WELL),
        ("ok bad bad bad", SICK),
        ("bad bad bad ok", WELL),
        ("ok ok ok ok bad ok ok ok ok ok", WELL),
        ("ok ok bad ok bad ok ok ok ok ok", WEAK),
        ("bad ok bad ok bad", WELL),
        ("ok ok slow", WEAK),
        ("ok slow", WELL),
        ("slow slow slow bad", WEAK),
    ],
)
def test_a_model_by_its_customers_attempts(words: str, expected: Status) -> None:
    """Three failures in a row, a tenth of at least ten, or slow answers: each has its word."""
    assert status_after(seen(words)) is expected


@pytest.mark.parametrize(("latency_ms", "expected"), [(900, WELL), (15_000, WELL), (15_001, WEAK)])
def test_a_probe_is_held_to_the_latency_threshold(latency_ms: int, expected: Status) -> None:
    """The owner's 15 seconds are for one word, not for a whole valuation."""
    probe = seen("ok", probe=True)[0].model_copy(update={"latency_ms": latency_ms})
    assert status_after([probe]) is expected


def test_an_attempt_after_a_slow_probe_tells_more() -> None:
    """A customer's good answer outweighs our own slow question of before."""
    probe = seen("ok ok", probe=True)[0].model_copy(update={"latency_ms": 19_000})
    assert status_after([probe, *seen("ok")]) is WELL


def test_errors_of_an_hour_ago_count_for_no_rate() -> None:
    """The error rate is about the last fifteen minutes."""
    old = [s.model_copy(update={"at": s.at - timedelta(hours=1)}) for s in seen("bad ok " * 10)]
    assert status_after([*old, *seen("ok")]) is WELL


def test_failures_in_a_row_are_remembered_for_a_day() -> None:
    """A model that failed three times a few hours apart is not well only because time passes."""
    assert status_after(seen("ok bad bad bad", minutes=180)) is SICK
    assert status_after(seen("ok", minutes=1)[:0]) is ODD


@pytest.mark.parametrize("before", [WELL, WEAK, SICK, ODD])
def test_too_little_changes_no_mind(before: Status) -> None:
    """One or two failures alone leave the status as it was."""
    assert status_after(seen("bad"), before=state(PRIMARY, before)) is before


def test_what_is_not_configured_is_disabled() -> None:
    """Whatever was seen of it before; and switched on again it starts without a past."""
    absent = PRIMARY.model_copy(update={"enabled": False})
    assert status_after(seen("bad bad bad"), watched=absent) is OFF
    assert status_after(seen("bad"), before=state(absent, OFF)) is ODD


def test_since_is_when_the_status_changed() -> None:
    """The same status again keeps its beginning and what was told of it."""
    earlier = NOW - timedelta(hours=2)
    known = state(PRIMARY, WELL, since=earlier, alerted=WEAK)
    same = judge(PRIMARY, seen("ok"), before=known, thresholds=Thresholds(), now=NOW)
    other = judge(PRIMARY, seen("bad bad bad"), before=known, thresholds=Thresholds(), now=NOW)
    assert (same.since, same.alerted) == (earlier, WEAK)
    assert (other.since, other.alerted) == (NOW, WEAK)


def test_figures_of_a_state() -> None:
    """Latency is that of customers' answers where there are any, error rate that of all."""
    found = judge(PRIMARY, seen("ok slow bad ok"), before=None, thresholds=Thresholds(), now=NOW)
    assert (found.latency_ms, found.error_rate, found.seen_at) == (100_000, 0.25, NOW)
    probes = seen("ok ok bad ok", probe=True)
    found = judge(REDIS, probes, before=None, thresholds=Thresholds(), now=NOW)
    assert (found.latency_ms, found.probes) == (900, tuple(reversed(probes))[:3])


@pytest.mark.parametrize(
    ("primary", "fallback", "direct", "redis", "expected"),
    [
        (WELL, WELL, OFF, WELL, WELL),
        (WELL, ODD, OFF, WELL, WELL),
        (SICK, WELL, OFF, WELL, WEAK),
        (SICK, SICK, WELL, WELL, WEAK),
        (SICK, SICK, SICK, WELL, SICK),
        (SICK, SICK, OFF, WELL, SICK),
        (SICK, ODD, OFF, WELL, WEAK),
        (WELL, SICK, OFF, WELL, WEAK),
        (WELL, WELL, OFF, SICK, WEAK),
        (WEAK, WELL, OFF, WELL, WEAK),
        (ODD, ODD, OFF, ODD, ODD),
        (ODD, ODD, OFF, WELL, ODD),
        (ODD, ODD, OFF, SICK, WEAK),
        (OFF, OFF, WELL, WELL, WELL),
        (OFF, OFF, OFF, OFF, OFF),
    ],
)
def test_overall(
    primary: Status, fallback: Status, direct: Status, redis: Status, expected: Status
) -> None:
    """The owner's rule, line by line."""
    statuses = {PRIMARY: primary, FALLBACK: fallback, DIRECT: direct, REDIS: redis}
    assert overall(state(watched, status) for watched, status in statuses.items()) is expected


@given(st.lists(STATUSES, min_size=1, max_size=5), st.lists(STATUSES, max_size=4))
def test_overall_is_unhealthy_exactly_when_no_model_is_up(
    models: list[Status], services: list[Status]
) -> None:
    """Whatever the servers do, the worst word is for the models, and healthy hides nothing."""
    states = [state(PRIMARY, status) for status in models]
    states += [state(REDIS, status) for status in services]
    configured = [status for status in models if status is not OFF]
    word = overall(states)
    assert (word is SICK) == (bool(configured) and set(configured) == {SICK})
    if word is WELL:
        assert not {WEAK, SICK} & {*models, *services}


@pytest.mark.parametrize(
    ("fallback", "direct", "expected"),
    [
        (WELL, OFF, True),
        (SICK, OFF, False),
        (SICK, ODD, True),
        (OFF, OFF, False),
        (WEAK, OFF, True),
    ],
)
def test_fallback_available(*, fallback: Status, direct: Status, expected: bool) -> None:
    """Something behind the primary that is configured and not known to be down."""
    states = [state(PRIMARY, WELL), state(FALLBACK, fallback), state(DIRECT, direct)]
    assert fallback_available([*states, state(REDIS, WELL)]) is expected


def test_old_states_fade() -> None:
    """When the checks stop, their last word is no news; what is disabled stays so."""
    states = [state(PRIMARY, WELL), state(DIRECT, OFF)]
    assert as_of(states, NOW + timedelta(minutes=5)).status is WELL
    faded = as_of(states, NOW + timedelta(minutes=6))
    assert (faded.status, faded.checked_at) == (ODD, NOW)
    assert [c.status for c in faded.components] == [ODD, OFF]
    assert as_of([], NOW).status is ODD


@pytest.mark.parametrize(
    ("status", "idle_for_h", "after_h", "expected"),
    [
        (WELL, 5.9, 6, False),
        (WELL, 6, 6, True),
        (WELL, 100, 0, False),
        (SICK, 0.05, 6, False),
        (SICK, 0.1, 6, True),
        (ODD, 0.1, 6, True),
        (SICK, 0.1, 0, False),
        (SICK, 0.02, 0.01, True),
    ],
)
def test_probe_due(*, status: Status, idle_for_h: float, after_h: float, expected: bool) -> None:
    """Idle for long, or not well and quiet for five minutes; never when it is switched off."""
    known = state(PRIMARY, status, seen_at=NOW - timedelta(hours=idle_for_h))
    assert probe_due(known, now=NOW, idle=timedelta(hours=after_h), costs=True) is expected


@pytest.mark.parametrize(
    ("watched_for_h", "idle_h", "costs", "expected"),
    [
        (0, 6, True, False),
        (5.9, 6, True, False),
        (6, 6, True, True),
        (100, 0, True, False),
        (0, 6, False, True),
        (0, 0, False, False),
    ],
)
def test_never_seen_is_asked_at_once_only_for_free(
    *, watched_for_h: float, idle_h: float, costs: bool, expected: bool
) -> None:
    """Idle time begins with watching, so that a start costs nothing."""
    unseen = state(PRIMARY, ODD, seen_at=None, since=NOW - timedelta(hours=watched_for_h))
    assert probe_due(unseen, now=NOW, idle=timedelta(hours=idle_h), costs=costs) is expected


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([SICK, SICK, WELL, WELL], ["raised", "cleared"]),
        ([WEAK, SICK, WEAK, WELL], ["raised", "raised", "cleared"]),
        ([SICK, ODD, SICK, WELL], ["raised", "cleared"]),
        ([SICK, ODD, WELL], ["raised", "cleared"]),
        ([ODD, WELL, ODD], []),
        ([WEAK, OFF], ["raised", "cleared"]),
    ],
)
def test_news(statuses: Sequence[Status], told: Sequence[str]) -> None:
    """Once per trouble, once more when it gets worse, once when it is over."""
    alerted: Status | None = None
    heard = []
    for status in statuses:
        news, alerted = news_of(alerted, status)
        heard += [news.value] if news else []
    assert heard == told


@given(st.lists(STATUSES, max_size=30))
def test_every_alert_is_cleared_once(statuses: list[Status]) -> None:
    """Raised and cleared alternate, apart from a second raise when it gets worse."""
    alerted: Status | None = None
    raised = 0
    for status in [*statuses, WELL]:
        news, alerted = news_of(alerted, status)
        if news is News.RAISED:
            raised += 1
            assert alerted is status
        if news is News.CLEARED:
            assert 1 <= raised <= 2
            raised = 0
    assert (alerted, raised) == (None, 0)


@given(st.lists(st.sampled_from(["ok", "bad", "slow"]), max_size=40), st.permutations(range(40)))
def test_the_order_of_reading_does_not_matter(words: list[str], order: list[int]) -> None:
    """Attempts and probes come from two places; only their times count."""
    sightings = seen(" ".join(words))
    shuffled = [sightings[i] for i in order if i < len(sightings)]
    assert status_after(shuffled) is status_after(sightings)


@given(st.lists(st.integers(0, 10**6), min_size=1), st.integers(1, 100))
def test_percentile_is_a_value_with_enough_below(values: list[int], percent: int) -> None:
    """At least so many percent lie at or below it, and it is one of them."""
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (AttemptOutcome.ACCEPTED, False),
        (AttemptOutcome.UNACCEPTED, False),
        (AttemptOutcome.OTHER, False),
        (AttemptOutcome.TIMEOUT, True),
        (AttemptOutcome.RATE_LIMIT, True),
        (AttemptOutcome.API_ERROR, True),
    ],
)
def test_only_silence_and_refusal_speak_against_a_model(
    *, outcome: AttemptOutcome, expected: bool
) -> None:
    """An answer that is no product is the filter's matter."""
    assert speaks_against(outcome) is expected
