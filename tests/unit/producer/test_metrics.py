"""What Prometheus reads."""

from prometheus_client.parser import text_string_to_metric_families

from domain.answer import AttemptOutcome, Tier
from domain.figures import COST_BOUNDS_USD, LATENCY_BOUNDS_MS, AttemptFigures
from producer.breakers import BreakerState
from tests.stripe_events import event, session
from tests.unit.producer.fakes import ADMIN_TOKEN, World, world

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scrape(here: World) -> Samples:
    """Return all samples by name and labels."""
    async with here.client() as client:
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (
            sample.name.removeprefix("pferdewert_"),
            tuple(sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def attempts(outcome: AttemptOutcome, count: int, latency_ms: float) -> AttemptFigures:
    return AttemptFigures(
        model="a/b",
        tier=Tier.PRIMARY,
        outcome=outcome,
        count=count,
        latency_ms=latency_ms * count,
        cost_usd=0.03 * count,
        latency_buckets=tuple(count if latency_ms <= bound else 0 for bound in LATENCY_BOUNDS_MS),
        cost_buckets=tuple(count if bound >= 0.03 else 0 for bound in COST_BOUNDS_USD),
    )


async def test_the_shop_in_figures() -> None:
    """Jobs, mails, workers, chores and servers."""
    here = world()
    await here.deliver(event(session()))
    await here.deliver(event(session(id="cs_live_2", amount_subtotal=1), id="evt_2"))
    here.clock.advance(90)

    found = await scrape(here)

    assert (of(found, "mongodb_up"), of(found, "redis_up")) == (1, 1)
    assert of(found, "jobs", state="queued") == 1
    assert of(found, "jobs", state="delivered") == 0
    assert of(found, "paid_undelivered", waits_for="machine") == 1
    assert of(found, "paid_undelivered", waits_for="human") == 1
    assert of(found, "paid_undelivered_oldest_age_seconds", waits_for="machine") == 90
    assert of(found, "mails", to="customer", state="failed") == 2
    assert of(found, "workers", state="alive") == 2
    assert of(found, "jobs_in_hand") == 3
    assert of(found, "chore_last_success_age_seconds", chore="aggregate") == 3600
    assert of(found, "chore_period_seconds", chore="health") == 60
    assert ("chore_last_success_age_seconds", (("chore", "health"),)) not in found


async def test_attempts_of_a_day() -> None:
    """Counted by outcome; time and cost as histograms over all outcomes."""
    here = world()
    here.window.attempts = [
        attempts(AttemptOutcome.ACCEPTED, 3, 40_000),
        attempts(AttemptOutcome.TIMEOUT, 1, 120_000),
    ]

    found = await scrape(here)

    labels = {"model": "a/b", "tier": "primary"}
    assert of(found, "attempts_24h", **labels, outcome="accepted") == 3
    latency = "attempt_latency_seconds_24h"
    assert of(found, f"{latency}_bucket", **labels, le="30.0") == 0
    assert of(found, f"{latency}_bucket", **labels, le="45.0") == 3
    assert of(found, f"{latency}_bucket", **labels, le="120.0") == 4
    assert of(found, f"{latency}_bucket", **labels, le="+Inf") == 4
    assert of(found, f"{latency}_gsum", **labels) == 240
    assert of(found, f"{latency}_gcount", **labels) == 4
    assert of(found, "attempt_cost_usd_24h_bucket", **labels, le="0.05") == 4


async def test_answers_to_stripe_are_this_processs_own() -> None:
    """Counted by what Stripe was told, under the process's name."""
    here = world()
    await here.deliver(event(session()))
    await here.post(b"{}", headers={})

    found = await scrape(here)

    name = "webhook_answers_total"
    assert of(found, name, process="host:1", status="200", decision="accepted") == 1
    assert of(found, name, process="host:1", status="400", decision="bad_signature") == 1


async def test_without_mongodb_and_redis_the_page_says_so() -> None:
    """An outage is the moment to be scraped; what is not known is not there, rather than zero."""
    here = world()
    here.store.is_down = True
    here.window.breakers = None

    found = await scrape(here)

    assert (of(found, "mongodb_up"), of(found, "redis_up")) == (0, 0)
    assert of(found, "component_status", component="mongodb", status="unhealthy") == 1
    assert not [name for name, _ in found if name in {"jobs", "paid_undelivered", "breaker_state"}]


async def test_breakers() -> None:
    """One line per model of the chain."""
    here = world()
    here.window.breakers = {"a/b": BreakerState.OPEN, "c/d": BreakerState.CLOSED}

    found = await scrape(here)

    assert (of(found, "breaker_state", model="a/b"), of(found, "breaker_state", model="c/d")) == (
        2,
        0,
    )
