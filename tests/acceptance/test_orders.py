"""Paid orders become results that the site's own conditions take for ready."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId

from sandbox.shop import DRESSAGE_HORSE
from tests.acceptance.conftest import HORSES, World

Json = dict[str, Any]


def site_shows(kind: str, order: Json) -> bool:
    """Replay the readiness conditions of the site's own result pages."""
    if kind == "valuation":
        text = order.get("bewertung")
        return isinstance(text, str) and bool(text.strip())
    return bool(order.get("zertifikat_data")) and order.get("status") == "fertig"


@pytest.mark.parametrize("kind", ["valuation", "certificate"])
async def test_a_paid_order_is_delivered_once_and_mailed_once(world: World, kind: str) -> None:
    """The whole way: webhook, job, model, order, two mails."""
    session_id = await world.paid(kind)

    job = await world.ended(session_id, kind)
    order = await world.shop.order(kind, session_id)
    assert job["state"] == "delivered"
    assert site_shows(kind, order)
    assert order["status"] == "fertig"
    assert order["ai_model"] == order["ai_model"].lower()
    assert order["ai_model_version"]
    assert order["stockmass"] == HORSES[kind]["stockmass"]
    assert await world.mails_for(session_id, kind) == ["admin", "customer"]


async def test_the_result_page_sees_the_answer(world: World) -> None:
    """GET /orders gives the text, the model, the time and the cost."""
    session_id = await world.paid()
    await world.ended(session_id)

    status = await world.shop.status(session_id)

    order = await world.shop.order("valuation", session_id)
    assert status["state"] == "delivered"
    assert status["ai_response"] == order["bewertung"]
    assert status["token_usage"]["total_cost_usd"] > 0


async def test_a_failing_primary_is_replaced_and_recorded(world: World) -> None:
    """The failed attempt stands under the model that failed, the result under the next."""
    await world.control.set_scenario({"models": {"google/*": {"then": ["400_unknown_model"]}}})

    session_id = await world.paid()
    await world.ended(session_id)

    attempts = await world.shop.attempts(session_id)
    assert [(a["model_tier"], a["success"]) for a in attempts] == [
        ("primary", False),
        ("secondary", True),
    ]


async def test_an_apology_is_never_sold(world: World) -> None:
    """Every model apologises at first: the order waits, and is delivered when they recover."""
    apologising = {"outcomes": [{"name": "apology", "times": 2}]}
    await world.control.set_scenario({"models": {"*": apologising}})

    session_id = await world.paid()
    await world.ended(session_id)

    order = await world.shop.order("valuation", session_id)
    attempts = await world.shop.attempts(session_id)
    assert "Entschuldigung" not in order["bewertung"]
    assert [a["success"] for a in attempts].count(True) == 1
    assert len(attempts) > 1


async def test_the_webhook_may_come_before_the_order(world: World) -> None:
    """The job waits and is linked when the site's insert arrives."""
    order_id = str(ObjectId())
    session = await world.control.create_session("valuation", order_id)
    response = await world.shop.notify("checkout.session.completed", session["id"])

    async def waiting() -> bool:
        return bool((await world.shop.job("valuation", session["id"])).get("state") == "waiting")

    await world.until("the job waits for its order", waiting)
    await world.shop.insert_order(
        "valuation", DRESSAGE_HORSE, session_id=session["id"], order_id=order_id
    )

    job = await world.ended(session["id"])
    assert response.status_code == 200
    assert (job["state"], job["order_id"]) == ("delivered", order_id)


async def test_duplicates_and_twins_change_nothing(world: World) -> None:
    """Ten copies of one event and a second event about the same session: one job, one result."""
    session_id = await world.shop.pay("valuation", DRESSAGE_HORSE)
    event = await world.control.create_event("checkout.session.completed", session_id)
    twin = await world.control.create_event("checkout.session.async_payment_succeeded", session_id)

    answers = await asyncio.gather(
        *(world.shop.post(event) for _ in range(10)), world.shop.post(twin)
    )
    await world.ended(session_id)
    await world.shop.post(event)

    assert {answer.status_code for answer in answers} == {200}
    accepted = [a for a in await world.shop.attempts(session_id) if a["success"]]
    assert len(accepted) == 1
    assert await world.mails_for(session_id) == ["admin", "customer"]


async def test_an_order_that_cannot_be_valued_costs_nothing(world: World) -> None:
    """It is parked with the site's field named, and no model was asked."""
    session_id = await world.paid(horse=DRESSAGE_HORSE | {"stockmass": 0})

    job = await world.ended(session_id)

    assert job["state"] == "parked"
    assert (job["reason"]["code"], job["reason"]["field"]) == ("invalid_order", "stockmass")
    assert await world.control.journal("chat") == []


async def test_a_wrong_amount_is_parked_for_review(world: World) -> None:
    """200 for Stripe, no model paid, and the reason names what was expected and what came."""
    session_id = await world.paid(amount=100)

    job = await world.ended(session_id)

    assert (job["state"], job["reason"]["code"]) == ("parked", "amount_mismatch")
    assert "1490" in job["reason"]["detail"]
    assert "100" in job["reason"]["detail"]


async def test_certificate_numbers_have_no_gaps_under_concurrency(world: World) -> None:
    """Twenty certificates at once get twenty consecutive numbers."""
    sessions = await asyncio.gather(*(world.paid("certificate") for _ in range(20)))
    await asyncio.gather(*(world.ended(session, "certificate") for session in sessions))

    orders = [await world.shop.order("certificate", session) for session in sessions]
    numbers = sorted(int(order["zertifikatNummer"].rpartition("-")[2]) for order in orders)
    assert numbers == list(range(numbers[0], numbers[0] + 20))


async def test_a_full_refund_before_delivery_cancels(world: World) -> None:
    """The model may be at work; nothing is written to the order afterwards."""
    await world.control.set_scenario({"models": {"*": {"latency": 3}}})
    session_id = await world.paid()
    await world.asked()

    await world.shop.notify("charge.refunded", session_id)

    job = await world.ended(session_id)
    assert (job["state"], job["reason"]["code"]) == ("cancelled", "refunded")
    assert "bewertung" not in await world.shop.order("valuation", session_id)
