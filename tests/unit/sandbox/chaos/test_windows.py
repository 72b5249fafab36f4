"""What was measured while something was away, and after it came back."""

import pytest

from sandbox.chaos.conductor import Crowd
from sandbox.chaos.customers import Letter, Sale, Try
from sandbox.chaos.history import JobHistory
from sandbox.chaos.plan import Fault
from sandbox.chaos.scenarios import OUTAGES, under
from sandbox.chaos.stories import Course, Story
from sandbox.chaos.windows import Window, first_after, statuses, webhooks_without_redis
from sandbox.scenario import Scenario

REDIS = Window(1, "redis", "redis frozen", 100.0, 105.0)
MONGO = Window(2, "mongodb", "mongodb frozen", 102.0, 103.0)


def sales(*tries: Try) -> list[Sale]:
    story = Story(1, "valuation", Course.PAID, 1, 0.0, {})
    return [Sale(story, letters=[Letter("evt_1", "checkout.session.completed", list(tries))])]


def test_only_deliveries_inside_a_redis_outage_count() -> None:
    before, inside = Try(99.0, 0.1, 200), Try(101.0, 0.1, 200)

    assert webhooks_without_redis(sales(before, inside), [REDIS]) == [inside]


def test_what_another_outage_touches_says_nothing_about_redis() -> None:
    tries = [Try(101.0, 1.5, 503), Try(104.0, 0.1, 503), Try(100.5, 0.1, 200)]

    assert webhooks_without_redis(sales(*tries), [REDIS, MONGO]) == [tries[2]]


def test_answers_are_counted_by_status() -> None:
    tries = [Try(1.0, 0.1, 200), Try(1.0, 0.1, None), Try(1.0, 0.1, 200)]

    assert statuses(tries) == {"200": 2, "none": 1}


def job(*moments: tuple[float, str, str | None]) -> JobHistory:
    history = JobHistory("valuation:cs_1")
    for at, state, owner in moments:
        change = {"operationType": "replace", "fullDocument": {"state": state, "owner": owner}}
        history.take(change, at)
    return history


def test_recovery_counts_from_the_end_of_an_outage_for_jobs_that_waited() -> None:
    waited = job((90.0, "queued", None), (106.0, "running", "a"), (108.0, "delivered", "a"))
    worked = job((90.0, "running", "a"), (105.5, "delivered", "a"))
    came_later = job((105.1, "queued", None), (105.2, "running", "a"))

    assert first_after([waited, worked, came_later], 105.0) == (1.0, 3.0)
    assert first_after([worked, came_later], 105.0) == (None, None)


@pytest.mark.parametrize(
    ("begun", "ended", "rushes", "room"),
    [(9, 0, 0, True), (10, 0, 0, False), (10, 1, 0, True), (10, 0, 1, True),
     (25, 20, 0, False), (25, 20, 2, True), (60, 59, 1, False)],
)  # fmt: skip
def test_customers_neither_pile_up_nor_run_ahead_of_the_blows(
    begun: int, ended: int, rushes: int, *, room: bool
) -> None:
    crowd = Crowd(rate=100, most_open=10, rushes=rushes, next_mark=15)

    assert crowd.has_room(begun=begun, ended=ended) is room


def test_two_rushes_at_a_time_end_with_the_later_one() -> None:
    crowd = Crowd(rate=100, most_open=10)

    with crowd.rush():
        with crowd.rush():
            pass
        assert crowd.rushes == 1
    assert crowd.rushes == 0


@pytest.mark.parametrize("fault", OUTAGES, ids=str)
def test_every_outage_is_a_scenario_the_sandbox_knows(fault: Fault) -> None:
    everyday = Scenario.model_validate(under([], 1))

    assert Scenario.model_validate(under([fault], 1)) != everyday


def test_outages_of_different_providers_add_up() -> None:
    both = under([Fault.MODELS_5XX, Fault.MAIL_DOWN], 1)

    assert both["models"]["*"]["then"][0] == "500"
    assert both["mail"]["then"][0] == "503"
