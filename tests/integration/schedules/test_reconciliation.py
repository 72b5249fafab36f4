"""Whatever Stripe knows and we were not told of, found over HTTP and kept in MongoDB."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from structlog.testing import capture_logs

from domain.errors import Unavailable
from domain.job import Kind
from domain.reconciliation import ReconciliationFacts, Source
from ledger.connection import Connection, connect
from ledger.migrations import migrate
from ledger.names import ORDERS
from ledger.reconciliation import ReconciliationBook
from payments.events import event_of
from producer.intake import Outcome
from producer.wiring import build_intake
from sandbox.app import running
from sandbox.client import SandboxControl
from sandbox.scenario import Scenario
from sandbox.servers import EmbeddedValkey
from tests.builders import order
from tests.fakes.clock import FakeClock
from tests.integration.schedules.bookkeeping import Books
from tests.unit.producer.fakes import HeardRings

SESSIONS = "/v1/checkout/sessions"
EVENTS = "/v1/events"
COMPLETED = "checkout.session.completed"
HOUR = 3600.0


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
async def connection(mongo_uri: str) -> AsyncIterator[Connection]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    connection = connect(mongo_uri, name, app_name="tests", op_timeout_s=20)
    await migrate(connection)
    yield connection
    await connection.client.drop_database(name)
    connection.close()


@pytest.fixture
async def books(connection: Connection, valkey: EmbeddedValkey) -> AsyncIterator[Books]:
    quick = Scenario.model_validate({"stripe": {"latency": 0}})
    async with running(quick) as url, SandboxControl(url) as control:
        clock = FakeClock(datetime.now(UTC))
        books = Books(connection, control, clock, None, valkey.url)  # type: ignore[arg-type] # built below, from the same settings
        books.intake = build_intake(
            books.settings(), connection=connection, ringer=HeardRings(), clock=clock
        )
        yield books


async def facts(books: Books) -> ReconciliationFacts:
    found = await ReconciliationBook(books.connection, books.clock).last_reconciliation()
    assert found is not None
    return found


async def test_a_paid_session_without_a_webhook_gets_its_job(books: Books) -> None:
    """Neither the event nor anything else came; the next tick finds nothing more to do."""
    assert await ReconciliationBook(books.connection, books.clock).last_reconciliation() is None
    session = await books.pay()

    first, second = await books.tick(), await books.tick()

    assert await books.jobs() == {session["id"]: "queued"}
    assert "opened 1" in first
    assert "opened 0" in second
    found = await facts(books)
    assert (found.sessions_seen, found.paid_seen, found.opened) == (1, 1, 1)
    assert (found.failed, found.unknown_paid) == (0, [])


async def test_the_webhook_and_the_reconciliation_meet_in_one_job(books: Books) -> None:
    """At the same moment, several times over."""
    session = await books.pay()
    event = await books.happen(COMPLETED, session)

    heard = [books.intake.take_notice(event_of(event)) for _ in range(3)]

    await asyncio.gather(*(books.tick() for _ in range(3)), *heard)

    assert await books.jobs() == {session["id"]: "queued"}


async def test_more_sessions_than_a_page_holds(books: Books) -> None:
    """All of them, in three pages, each asked for once."""
    sessions = [await books.pay() for _ in range(230)]

    await books.tick()

    assert set(await books.jobs()) == {session["id"] for session in sessions}
    asked = await books.asked(SESSIONS)
    assert [len(query.get("starting_after", [])) for query in asked] == [0, 1, 1]
    assert {query["limit"][0] for query in asked} == {"100"}


async def test_what_is_not_ours_or_not_paid_gets_no_job(books: Books) -> None:
    """Another product, an abandoned checkout, a payment still on its way."""
    await books.pay(metadata={"bewertungId": "", "product": "poster"}, amount=2900)
    poster = await books.pay()
    await books.control.change_session(poster["id"], metadata={"product": "poster"})
    await books.pay(payment_status="unpaid")
    await books.pay(payment_status="unpaid", status="complete")

    assert "ignored 2" in await books.tick(valuation_prices="1490 EUR")

    assert poster["id"] not in await books.jobs()


async def test_money_that_does_not_fit_goes_to_a_human(books: Books) -> None:
    """As by webhook: parked with its reason."""
    session = await books.pay(amount=100)

    await books.tick(valuation_prices="1490 EUR")

    job = await books.job(session)
    assert (job["state"], job["reason"]["code"]) == ("parked", "amount_mismatch")


@pytest.mark.parametrize("has_result", [True, False])
async def test_orders_of_the_time_before_jobs(books: Books, has_result: bool) -> None:  # noqa: FBT001 - a table's column
    """What the shop served before us stays served; what it never did is owed."""
    session = await books.pay()
    document = order(_id=ObjectId(), stripeSessionId=session["id"])
    result = {"bewertung": "### Zusammenfassung", "status": "fertig"} if has_result else {}
    await books.connection.collection(ORDERS[Kind.VALUATION]).insert_one(document | result)

    await books.tick()

    assert bool(await books.jobs()) is not has_result
    assert (await facts(books)).paid_seen == (0 if has_result else 1)


async def test_a_delayed_payment_that_arrives(books: Books) -> None:
    """The session is older than any window; we know it as unpaid and ask for it."""
    created = books._epoch(days=12)
    session = await books.pay(payment_status="unpaid", status="complete", created=created)
    heard = await books.hear(COMPLETED, session, created=created)
    await books.tick()
    before = await books.jobs()
    await books.control.change_session(session["id"], payment_status="paid")
    for _ in range(2):
        books.clock.advance(HOUR)
        await books.tick()

    assert (heard, before) == (Outcome.NOT_PAID, {})
    assert await books.jobs() == {session["id"]: "queued"}
    assert len(await books.asked(f"{SESSIONS}/{session['id']}")) == 2


async def test_a_delayed_payment_that_fails_is_not_asked_for_again(books: Books) -> None:
    """Stripe said so; the money will not come."""
    session = await books.pay(payment_status="unpaid", status="complete")
    await books.hear(COMPLETED, session)
    await books.hear("checkout.session.async_payment_failed", session)

    await books.tick()

    assert await books.asked(f"{SESSIONS}/{session['id']}") == []


async def test_an_undelivered_event_is_taken(books: Books) -> None:
    """Also of a session that lies before the window; delivered ones are left alone."""
    old = await books.pay_ago(days=40)
    new = await books.pay_ago(days=39)
    await books.happen(COMPLETED, old)
    await books.happen(COMPLETED, new, delivered=True)

    await books.tick()

    assert await books.jobs() == {old["id"]: "queued"}
    assert await books.events() == 1


async def test_a_delayed_payment_nobody_is_subscribed_to(books: Books) -> None:
    """An endpoint without the type counts as delivered, so these are read in any case."""
    session = await books.pay_ago(days=30)
    await books.happen("checkout.session.async_payment_succeeded", session, delivered=True)

    await books.tick()

    assert await books.jobs() == {session["id"]: "queued"}


async def test_a_refund_we_were_not_told_of(books: Books) -> None:
    """Of an order in work, and of one whose payment was missed, too: no job at work for either."""
    known, missed = await books.pay(), await books.pay()
    await books.hear(COMPLETED, known)
    for session in (known, missed):
        await books.happen("charge.refunded", session)

    assert "settled 1" in await books.tick()

    assert await books.jobs() == {known["id"]: "cancelled", missed["id"]: "cancelled"}


@pytest.mark.parametrize("is_swapped", [False, True])
async def test_a_refund_that_failed_is_owed_again(books: Books, is_swapped: bool) -> None:  # noqa: FBT001 - a table's column
    """Whichever of the two we hear first; hearing them again changes nothing."""
    session = await books.pay()
    await books.hear(COMPLETED, session)
    refund = await books.happen("charge.refunded", session, created=books._epoch(minutes=9))
    if not is_swapped:
        await books.tick()
    failure = await books.happen("refund.failed", session)
    await books.control.settle_event(refund["id"])
    await books.control.settle_event(failure["id"])

    await books.tick()
    await books.tick()

    job = await books.job(session)
    assert (job["state"], job["reason"], job["money"]["refunded"]) == ("queued", None, 0)
    assert job["holds_order"]


async def test_a_dispute_and_its_end(books: Books) -> None:
    """Cancelled when the money is withdrawn, owed again when it is won."""
    session = await books.pay()
    await books.happen("charge.dispute.funds_withdrawn", session, created=books._epoch(hours=1))
    await books.tick()
    disputed = await books.jobs()
    await books.happen("charge.dispute.closed", session, status="won")
    await books.tick()

    assert disputed == {session["id"]: "cancelled"}
    assert await books.jobs() == {session["id"]: "queued"}


async def test_a_job_whose_opener_died_before_it_looked_for_refunds(books: Books) -> None:
    """The refund was noted before the job was there, and is handled as far as the inbox knows."""
    session = await books.pay()
    assert await books.hear("charge.refunded", session) is Outcome.NOTED
    await books.hear(COMPLETED, session)
    jobs = books.connection.collection("jobs")
    unsettled = {"state": "queued", "reason": None, "cancelled_from": None}
    await jobs.update_many({}, {"$set": unsettled, "$unset": {"money": ""}})

    await books.tick()

    assert await books.jobs() == {session["id"]: "cancelled"}


@pytest.mark.parametrize("trouble", ["503", "503_html", "reset", "429", "hang"])
async def test_trouble_in_mid_list(books: Books, trouble: str) -> None:
    """The next tick goes on where this one was stopped, and nothing is asked twice."""
    sessions = [await books.pay() for _ in range(130)]
    # A dropped connection is tried once more by the HTTP client itself.
    fault = {"name": trouble, "retry_after": 600, "times": 2 if trouble == "reset" else 1}
    outcomes: list[Any] = ["ok", "ok", "ok", fault]
    await books.control.amend_scenario({"stripe": {"outcomes": outcomes}})

    first = await books.tick(request_s=1.0)
    standing = await books.standing(Source.SESSIONS)
    halfway = await books.jobs()
    await books.tick()

    assert "unread: sessions" in first
    assert len(halfway) == 100
    assert standing.under_way is not None
    assert standing.fault is not None
    assert not standing.fault.needs_hand
    assert await books.complaint() == ""
    assert set(await books.jobs()) == {session["id"] for session in sessions}
    asked = [query.get("starting_after") for query in await books.asked(SESSIONS)]
    assert asked[1] == asked[2] == [standing.under_way.cursor]
    found = await facts(books)
    assert (found.sessions_seen, found.opened) == (130, 130)


async def test_a_short_429_is_waited_out(books: Books) -> None:
    """Retry-After is kept, and the run goes on."""
    await books.pay()
    outcomes = [{"name": "429", "retry_after": 7, "times": 2}]
    await books.control.amend_scenario({"stripe": {"outcomes": outcomes}})
    before = books.clock.now()

    assert "unread" not in await books.tick()

    assert (books.clock.now() - before).total_seconds() >= 14


async def test_a_run_that_is_killed_goes_on(books: Books) -> None:
    """What ends it in the middle of a page costs that page and no more."""
    sessions = [await books.pay() for _ in range(250)]
    outcomes = ["ok", "ok", "ok", "ok", "hang"]
    await books.control.amend_scenario({"stripe": {"outcomes": outcomes}})
    run = asyncio.create_task(books.tick(request_s=60))
    while len(await books.jobs()) < 200:  # noqa: ASYNC110 - the fact is in MongoDB
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    asked = len(await books.asked(SESSIONS))

    await books.tick()

    assert set(await books.jobs()) == {session["id"] for session in sessions}
    resumed = (await books.asked(SESSIONS))[asked:]
    assert "starting_after" in resumed[0]
    assert (await facts(books)).sessions_seen == 250


async def test_a_cursor_that_leads_nowhere_begins_again(books: Books) -> None:
    """Events are kept for 30 days; a walk left before that has nothing to go on after."""
    session = await books.pay()
    await books.happen(COMPLETED, session)
    await books.tick()
    standing = await books.standing(Source.UNDELIVERED)
    book = ReconciliationBook(books.connection, books.clock)
    late = await books.pay_ago(days=40)
    await books.happen(COMPLETED, late)
    lost = {
        "reach": "near",
        "begun_at": books.clock.now(),
        "window_from": books.clock.now().replace(year=2026),
        "cursor": "evt_forgotten",
    }
    kept = type(standing).model_validate(standing.model_dump() | {"under_way": lost})
    await book.keep(Source.UNDELIVERED, kept)

    assert "unread" not in await books.tick()

    assert set(await books.jobs()) == {session["id"], late["id"]}


async def test_a_key_without_events_still_finds_sessions(books: Books) -> None:
    """Said once, by name, until it is mended; the other sources are read."""
    session = await books.pay()
    books.key = "rk_test_without_event"

    with capture_logs() as logs:
        said = [await books.tick(), await books.tick()]

    refusals = [line for line in logs if line["event"] == "stripe_key_refused"]
    assert [line["source"] for line in refusals] == ["follow_ups", "undelivered"]
    assert all("unread: follow_ups, undelivered" in line for line in said)
    assert await books.jobs() == {session["id"]: "queued"}
    assert "grant it Events: read (rak_event_read)" in await books.complaint()
    books.key = "rk_test_rehearsal"
    await books.tick()
    assert await books.complaint() == ""


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("rk_test_revoked", "make a new restricted key"),
        ("rk_test_without_checkout_session", "Checkout Sessions: read"),
    ],
)
async def test_a_refused_key_says_what_to_do(books: Books, key: str, advice: str) -> None:
    """And never quotes the key."""
    books.key = key

    with capture_logs() as logs:
        await books.tick()

    assert advice in await books.complaint()
    assert "rk_" not in str(logs)


async def test_a_dirty_session_stops_nobody(books: Books) -> None:
    """It is counted and written down once; the others get their jobs; later it gets its own."""
    clean = [await books.pay() for _ in range(2)]
    dirty = await books.pay()
    too_long = "cs_test_" + "a" * 300
    await books.control.change_session(dirty["id"], id=too_long)

    first = await books.tick()
    for _ in range(2):
        books.clock.advance(HOUR)
        await books.tick()

    assert "failed 1" in first
    assert set(await books.jobs()) == {session["id"] for session in clean}
    [error] = await books.errors()
    assert (error["error_type"], error["error_code"]) == ("reconciliation", "MalformedEvent")
    found = await facts(books)
    assert (found.failed, found.unknown_paid) == (1, [too_long])
    assert too_long in await books.complaint()

    await books.control.change_session(dirty["id"], id=dirty["id"])
    books.clock.advance(HOUR)
    await books.tick()
    assert dirty["id"] in await books.jobs()
    assert (await facts(books)).unknown_paid == []


async def test_after_a_long_outage_the_window_is_longer(books: Books) -> None:
    """Whatever was paid since the last run is seen, however long ago that was."""
    await books.tick()
    session = await books.pay()
    books.clock.advance(30 * 24 * HOUR)

    await books.tick()

    assert await books.jobs() == {session["id"]: "queued"}


async def test_near_full_and_deep_ticks(books: Books) -> None:
    """Every tick a session's life, every hour four days, every day all that can still settle."""
    windows = []
    for pause_s in (0.0, 300.0, HOUR, 300.0, 24 * HOUR):
        books.clock.advance(pause_s)
        begun = books.clock.now()
        await books.tick()
        query = (await books.asked(SESSIONS))[-1]
        windows.append(round((begun.timestamp() - int(query["created[gte]"][0])) / HOUR))

    assert windows == [361, 25, 96, 25, 361]


async def test_without_mongodb_nothing_is_noted(books: Books) -> None:
    """The chore fails as a whole and is done when MongoDB is back."""
    session = await books.pay()
    away = connect("mongodb://127.0.0.1:1/test", app_name="tests", op_timeout_s=0.1)
    here, books.connection = books.connection, away
    with pytest.raises(Unavailable):
        await books.tick()
    away.close()
    books.connection = here

    await books.tick()

    assert await books.jobs() == {session["id"]: "queued"}


async def test_events_are_asked_for_by_type(books: Books) -> None:
    """No more than the twenty types that Stripe takes, and undelivered ones apart."""
    await books.tick()

    everything, undelivered = await books.asked(EVENTS)
    assert "delivery_success" not in everything
    assert undelivered["delivery_success"] == ["false"]
    assert {COMPLETED, "refund.failed", "charge.dispute.closed"} <= set(undelivered["types[]"])
    assert max(len(query["types[]"]) for query in (everything, undelivered)) <= 20
