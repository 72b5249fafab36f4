"""From facts to reports, and from reports to what is shown."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from domain.answer import Tier, Usage
from domain.checkout import CheckoutSession, Price, order_reference
from domain.job import Job, Kind, MailDuty, MailState, MailTo, Reason, ReasonCode, State
from ledger.overview import AttemptSeen, ErrorSeen, EventSeen, MailPile, Pile
from ledger.switches import Switch
from llm.catalogue import ModelSpec
from ops import orders, status, trace
from ops.models import render_list, render_run
from ops.printing import help_end, span
from ops.reports.models import Probe, ProbeRun, chain_of
from ops.reports.orders import JobDetails, facts_of, listed
from ops.reports.status import Bell, Status, open_breakers, status_of
from ops.reports.trace import trace_of
from ops.reports.webhook import EventType, event_for, session_for
from payments.events import notice_of, read_event
from tests.builders import NOW, ORDER_ID, SESSION_ID
from tests.fakes_worker import JOB_ID, answer

SECRET_TEXT = "Geschätzter Marktwert"


def shown(parts: Iterable[RenderableType]) -> str:
    console = Console(width=200, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get()


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": JOB_ID,
        "kind": Kind.VALUATION,
        "session_id": SESSION_ID,
        "order_id": ORDER_ID,
        "state": State.QUEUED,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Job(**fields | changes)


def pile(state: State, count: int, hours: int, code: ReasonCode | None = None) -> Pile:
    return Pile(state=state, code=code, count=count, oldest=NOW - timedelta(hours=hours))


PILES = [
    pile(State.DELIVERED, 100, 900),
    pile(State.QUEUED, 2, 1),
    pile(State.PARKED, 1, 30, ReasonCode.INVALID_ORDER),
    pile(State.WAITING, 3, 2, ReasonCode.CHAIN_EXHAUSTED),
]


def a_status(bell: Bell | None) -> Status:
    mails = [
        MailPile(to=MailTo.CUSTOMER, state=MailState.FAILED, count=1),
        MailPile(to=MailTo.ADMIN, state=MailState.PENDING, count=2),
        MailPile(to=MailTo.ADMIN, state=MailState.SENT, count=99),
    ]
    switch = Switch(on=True, since=NOW, by="anna")
    return status_of(piles=PILES, mails=mails, workers=[], bell=bell, switch=switch, now=NOW)


def test_what_is_owed_counts_parked_jobs_and_no_delivered_ones() -> None:
    """Six paid and undelivered, the oldest of them 30 hours."""
    owed = a_status(None).owed

    assert (owed.count, owed.oldest_age_s) == (6, 30 * 3600)
    assert owed.by_reason == {"invalid_order": 1, "chain_exhausted": 3}


def test_the_status_page_tells_trouble() -> None:
    """Age, mails, the switch, open breakers, and that Redis is away."""
    circuits = {"a/open": NOW + timedelta(seconds=9), "b/half": NOW, "c/closed": None}
    bell = Bell(queue_depth=4, open_breakers=open_breakers(circuits, NOW))

    with_redis = shown(status.render(a_status(bell)))
    without = shown(status.render(a_status(None)))

    assert "6, the oldest for 1 d 6 h" in with_redis
    assert "Mails: 2 pending, 1 failed" in with_redis
    assert "Breaker open: a/open" in with_redis
    assert "b/half" not in with_redis
    assert "ON since 2026-11-20 12:00:00Z by anna" in with_redis
    assert "Redis does not answer" in without


def test_an_empty_shop_owes_nothing() -> None:
    """No jobs, no age."""
    empty = status_of(piles=[], mails=[], workers=[], bell=None, switch=Switch(), now=NOW)

    assert "Paid and undelivered: none" in shown(status.render(empty))
    assert json.loads(empty.model_dump_json())["owed"]["oldest_age_s"] is None


def test_a_job_is_shown_without_its_text() -> None:
    """Model, price and cost of the answer, and nothing the customer reads."""
    details = JobDetails(jobs=[facts_of(job(state=State.ANSWERED, answer=answer()))])

    page = shown(orders.render_details(details))

    assert "google/gemini-2.5-pro" in page
    assert "answer.usage.cost_usd" in page
    assert SECRET_TEXT not in page + details.model_dump_json()


def test_the_list_names_the_reason() -> None:
    """State, reason and the site's field stand in one line."""
    parked = job(
        state=State.PARKED, reason=Reason(code=ReasonCode.INVALID_ORDER, field="stockmass")
    )

    page = shown(orders.render_list(listed([parked], NOW + timedelta(minutes=5))))

    assert all(word in page for word in (JOB_ID, "parked", "invalid_order", "stockmass", "5 min"))


def test_a_trace_is_in_the_order_of_time_and_without_text() -> None:
    """Stripe, job, model, error and mail, each where it belongs."""

    def at(seconds: int) -> Any:
        return NOW + timedelta(seconds=seconds)

    delivered = job(
        state=State.DELIVERED,
        created_at=at(1),
        started_at=at(2),
        answer=answer().model_copy(update={"accepted_at": at(6)}),
        delivered_at=at(7),
        mails={MailTo.CUSTOMER: MailDuty(state=MailState.SENT, sent_at=at(8))},
        updated_at=at(9),
    )
    told = trace_of(
        SESSION_ID,
        [delivered],
        events=[EventSeen(_id="evt_1", type="checkout.session.completed", created=at(0))],
        attempts=[
            AttemptSeen(timestamp=at(5), model_used="b", success=True),
            AttemptSeen(
                timestamp=at(3),
                model_used="a",
                success=False,
                error_details={"outcome": "timeout", "error_type": "timeout"},
            ),
        ],
        errors=[ErrorSeen(timestamp=at(4), error_type="internal_error", error_code="KeyError")],
    )

    assert [moment.source.value for moment in told.moments] == [
        *("stripe", "job", "job", "model", "error"),
        *("model", "job", "job", "mail", "job"),
    ]
    assert "a: timeout timeout" in shown(trace.render(told))
    assert SECRET_TEXT not in told.model_dump_json()


def probe(model: str, latency_ms: int, error: str | None = None) -> Probe:
    return Probe(
        tier=Tier.PRIMARY,
        model=model,
        via="openrouter",
        answered=error is None,
        latency_ms=latency_ms,
        usage=Usage(cost_usd=0.001),
        error=error,
    )


def test_a_run_of_probes_sums_up() -> None:
    """Success rate, average of the answered, failures, the fastest, and the bill."""
    run = ProbeRun(probes=[probe("a", 300), probe("b", 100), probe("c", 9000, "timeout")])

    summary = json.loads(run.model_dump_json())

    assert summary["success_rate"] == pytest.approx(2 / 3)
    assert summary["average_latency_ms"] == 200
    assert summary["failures"] == ["c: timeout"]
    assert summary["fastest"] == ["b", "a"]
    assert summary["total_cost_usd"] == pytest.approx(0.003)
    assert "67% answered" in shown(render_run(run))


def test_an_unread_list_leaves_the_table_of_models() -> None:
    """The chain is known without OpenRouter; only expiry is not."""
    spec = ModelSpec(slug="a/b", tier=Tier.PRIMARY, price_in=1.0, price_out=2.0)

    report = chain_of([(spec, "openrouter")], None, NOW.date())

    assert (report.models[0].price_in, report.models[0].concerns) == (1.0, [])
    assert "was not read" in shown(render_list(report))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("type_", list(EventType))
def test_rehearsal_events_are_what_the_webhook_reads(type_: EventType, kind: Kind) -> None:
    """Each type can be read by the web process, and sessions lead to their order."""
    price = Price(amount=1490, currency="EUR")
    session = session_for(kind, ORDER_ID, SESSION_ID, price=price, livemode=False)
    event = event_for(type_, session, event_id="evt_1", created=0, livemode=False)

    notice = notice_of(read_event(json.dumps(event).encode()))

    assert notice.payment_intent == f"pi_{SESSION_ID}"
    assert order_reference(CheckoutSession.model_validate(session)) is not None


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=42), "42 s"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(days=3, hours=2, minutes=1), "3 d 2 h"),
    ],
)
def test_ages_are_short(age: timedelta, words: str) -> None:
    """Two units at most."""
    assert span(age) == words


def test_every_help_ends_with_examples_and_exit_codes() -> None:
    """Operators find both without a manual."""
    end = help_end("pferdewert x")

    assert end.startswith("Example: pferdewert x")
    assert "3 MongoDB does not answer" in end
