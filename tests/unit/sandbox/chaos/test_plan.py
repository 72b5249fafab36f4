"""The blows and the customers follow from the seed alone."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sandbox.chaos.plan import OTHERS, SHORT, Fault, Step, make_plan
from sandbox.chaos.stories import Course, make_stories, name_of

SEEDS = st.integers(min_value=0, max_value=10**6)


@given(seed=SEEDS, kills=st.integers(0, 60), rounds=st.integers(0, 3))
def test_a_plan_is_a_pure_function_of_its_seed_and_size(seed: int, kills: int, rounds: int) -> None:
    plan = make_plan(seed, jobs=1000, kills=kills, workers=4, rounds=rounds)
    again = make_plan(seed, jobs=1000, kills=kills, workers=4, rounds=rounds)

    assert plan == again
    faults = Counter(blow.fault for blow in plan)
    assert faults[Fault.WORKER_KILL] == kills
    assert all(faults[fault] == rounds for fault in OTHERS)
    assert [blow.number for blow in plan] == list(range(1, len(plan) + 1))
    assert [blow.mark for blow in plan] == sorted(blow.mark for blow in plan)
    assert all(0 <= blow.mark <= 750 for blow in plan)


@given(seed=SEEDS)
def test_every_step_is_aimed_at_and_half_of_the_kills_at_none(seed: int) -> None:
    plan = make_plan(seed, jobs=10_000, kills=100, workers=4)

    kills = [blow for blow in plan if blow.fault is Fault.WORKER_KILL]
    aimed = Counter(blow.step for blow in kills)
    assert aimed[None] == 50
    assert all(aimed[step] >= 6 for step in Step)
    assert {blow.victim for blow in kills} <= {1, 2, 3, 4}


def test_even_a_short_plan_aims_at_every_step() -> None:
    plan = make_plan(7, jobs=250, kills=8, workers=4, others=SHORT)

    assert {blow.step for blow in plan if blow.step} == set(Step)
    assert {blow.fault for blow in plan} == {Fault.WORKER_KILL, *SHORT}


def test_other_seeds_make_other_plans() -> None:
    plans = {make_plan(seed, jobs=1000, kills=20, workers=4) for seed in range(20)}

    assert len(plans) == 20


def test_only_outages_last() -> None:
    plan = make_plan(3, jobs=1000, kills=20, workers=4)

    for blow in plan:
        lasts = blow.fault not in {
            Fault.WORKER_KILL,
            Fault.WORKER_DEPLOY,
            Fault.WEB_KILL,
            Fault.BEAT_KILL,
            Fault.REDIS_FLUSH,
        }
        assert bool(blow.seconds) == lasts, blow


@given(seed=SEEDS)
def test_stories_are_a_pure_function_of_the_seed(seed: int) -> None:
    stories = make_stories(seed, 60)

    assert stories == make_stories(seed, 60)
    assert 60 <= sum(story.jobs for story in stories) <= 61


def test_a_large_crowd_has_customers_of_every_kind() -> None:
    stories = make_stories(1, 5000)

    assert {story.course for story in stories} == set(Course)
    certificates = sum(story.kind == "certificate" for story in stories)
    assert 0.07 < certificates / len(stories) < 0.13
    assert {story.copies for story in stories} == {1, 2, 3}


def test_no_two_horses_share_a_mark_and_none_contains_another() -> None:
    names = [name_of(number) for number in range(20_000)]

    assert len(set(names)) == len(names)
    assert {len(name) for name in names} == {8}
