"""What the run's own eyes missed, and webhooks that Redis must not matter to."""

from sandbox.chaos.customers import Letter, Sale, Try
from sandbox.chaos.history import JobHistory
from sandbox.chaos.judging import Observed
from sandbox.chaos.observing import refused_without_redis, unwatched
from sandbox.chaos.stories import Course, Story
from sandbox.chaos.windows import Window

REDIS = Window(1, "redis", "redis frozen", 100.0, 105.0)


def posted(status: int | None) -> list[Sale]:
    letter = Letter("evt_1", "checkout.session.completed", [Try(101.0, 0.1, status)])
    return [Sale(Story(1, "valuation", Course.PAID, 1, 0.0, {}), letters=[letter])]


def test_a_webhook_answered_200_without_redis_is_as_promised() -> None:
    assert refused_without_redis(posted(200), [REDIS]) == []


def test_any_other_answer_without_redis_is_a_broken_promise() -> None:
    assert [b.subject for b in refused_without_redis(posted(503), [REDIS])] == ["web"]
    assert [b.subject for b in refused_without_redis(posted(None), [REDIS])] == ["web"]


def test_a_job_whose_writes_were_never_seen_is_told() -> None:
    jobs = {"valuation:cs_1": {"state": "parked"}}

    assert [b.subject for b in unwatched(Observed(jobs=jobs))] == ["valuation:cs_1"]
    histories = {"valuation:cs_1": JobHistory("valuation:cs_1")}
    assert unwatched(Observed(jobs=jobs, job_histories=histories)) == []
