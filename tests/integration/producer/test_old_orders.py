"""Stripe sends an event again long after: nobody is worked for twice, and nobody gets a mail."""

from datetime import timedelta
from typing import Any

import pytest

from config.clock import SystemClock
from domain.job import Kind
from ledger.documents import order_key, plain
from ledger.handwork import Handwork
from ledger.jobs import MongoJobs
from ledger.names import JOBS, ORDERS, STRIPE_EVENTS
from ledger.retention import Ages, MongoRetention
from ledger.tombstone import erased
from tests.builders import ORDER_ID, SESSION_ID, order
from tests.integration.ledger.examples import REPORT, make_answer
from tests.integration.producer.conftest import Shop
from tests.stripe_events import event, refund_event, session

JOB_ID = f"valuation:{SESSION_ID}"
AGES = Ages(*[timedelta(days=90)] * 4)


async def delivered(shop: Shop) -> None:
    """Take the payment in and pretend that the valuation was delivered half a year ago."""
    document = order(_id=order_key(ORDER_ID), bewertung=REPORT, status="fertig")
    await shop.connection.collection(ORDERS[Kind.VALUATION]).insert_one(document)
    await shop.post(event(session()))
    fields = {
        "state": "delivered",
        "not_before": None,
        "answer": plain(make_answer()),
        "delivered_at": SystemClock().now() - timedelta(days=180),
        "mails": {"customer": {"state": "sent"}, "admin": {"state": "sent"}},
    }
    await shop.connection.collection(JOBS).update_one({"_id": JOB_ID}, {"$set": fields})
    shop.bell.job_ids.clear()


async def slim(shop: Shop) -> None:
    assert await MongoRetention(shop.connection, SystemClock(), AGES).slim_delivered() == 1


async def bury(shop: Shop) -> None:
    clock = SystemClock()
    await Handwork(shop.connection, clock).handle(
        JOB_ID, lambda job: erased(job, clock.now(), although_owed=True)
    )


async def nothing_happened(shop: Shop, before: list[dict[str, Any]]) -> bool:
    due = await MongoJobs(shop.connection, SystemClock()).due(10, rung_before=SystemClock().now())
    return (await shop.jobs(), due, shop.bell.job_ids) == (before, [], [])


@pytest.mark.parametrize("age", [slim, bury])
@pytest.mark.parametrize("events_are_gone", [False, True])
async def test_a_resent_payment_makes_no_second_job_and_no_mail(
    shop: Shop, age: Any, *, events_are_gone: bool
) -> None:
    """The job is there, whatever it has given away; even when its events have expired."""
    await delivered(shop)
    await age(shop)
    before = await shop.jobs()
    if events_are_gone:
        await shop.connection.collection(STRIPE_EVENTS).delete_many({})

    again = await shop.post(event(session()))
    twin = await shop.post(event(session(), id="evt_twin"))

    assert (again.status_code, twin.status_code) == (200, 200)
    assert await nothing_happened(shop, before)


async def test_a_job_erased_before_its_delivery_stays_dead(shop: Shop) -> None:
    """Paid, erased by force, told again: nobody works on it, and it says so."""
    await shop.post(event(session()))
    await bury(shop)
    shop.bell.job_ids.clear()
    before = await shop.jobs()

    answer = await shop.post(event(session()))
    page = (await shop.ask(f"/orders/{SESSION_ID}")).json()

    assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    assert await nothing_happened(shop, before)
    assert "gelöscht" in page["message"]


async def test_a_refund_after_an_erasure_is_noted(shop: Shop) -> None:
    """The payment's id stayed for that."""
    await delivered(shop)
    await bury(shop)

    answer = await shop.post(refund_event(1490))

    assert answer.json()["status"] == "settled"
    [job] = await shop.jobs()
    assert (job["state"], job["money"]["refunded"]) == ("delivered", 1490)


async def test_the_pages_of_a_slimmed_and_of_an_erased_order(shop: Shop) -> None:
    """The first shows the order's result, the second nothing; only the first can be rated."""
    await delivered(shop)
    await slim(shop)
    slimmed = (await shop.ask(f"/orders/{SESSION_ID}")).json()
    rated = await shop.ask(f"/orders/{SESSION_ID}/feedback", body='{"rating": 5}')
    await bury(shop)
    gone = (await shop.ask(f"/orders/{SESSION_ID}")).json()
    refused = await shop.ask(f"/orders/{SESSION_ID}/feedback", body='{"rating": 5}')

    assert slimmed["ai_response"] == REPORT
    assert (gone["state"], gone["ai_response"], gone["ai_model"]) == ("delivered", None, None)
    assert "gelöscht" in gone["message"]
    assert (rated.status_code, refused.status_code) == (200, 409)
