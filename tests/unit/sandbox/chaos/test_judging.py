"""A world in order breaks no promise; each fault in it breaks its own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sandbox.chaos.customers import Letter, Sale, Try
from sandbox.chaos.deaths import Call, Outside
from sandbox.chaos.history import JobHistory, OrderHistory
from sandbox.chaos.judging import Observed, judge
from sandbox.chaos.stories import Course, Story

PAID = Story(1, "valuation", Course.PAID, 1, 0.0, {})
BOUGHT = Story(2, "certificate", Course.PAID, 1, 0.0, {})
REFUNDED = Story(3, "valuation", Course.REFUNDED_FIRST, 1, 0.0, {})
FAILED = Story(4, "valuation", Course.NEVER_PAID, 1, 0.0, {})
TWICE = Story(5, "valuation", Course.PAID_TWICE, 1, 0.0, {})
STATES = {"cs_1": "delivered", "cs_2": "delivered", "cs_3": "cancelled"}
STATES |= {"cs_5": "delivered", "cs_6": "parked"}


def sale(story: Story, *sessions: str) -> Sale:
    letter = Letter(f"evt_{story.number}", "checkout.session.completed", [Try(1.0, 0.1, 200)])
    return Sale(story, f"order{story.number}", list(sessions), [letter], is_over=True)


def mail(key: str, to: str) -> dict[str, Any]:
    return {"idempotency_key": key, "to": [to]}


def world() -> Observed:
    """Five customers, all served as promised."""
    sales = [
        sale(PAID, "cs_1"),
        sale(BOUGHT, "cs_2"),
        sale(REFUNDED, "cs_3"),
        sale(FAILED, "cs_4"),
        sale(TWICE, "cs_5", "cs_6"),
    ]
    jobs: dict[str, dict[str, Any]] = {
        job_id: {"state": STATES[session]}
        for one in sales
        for session, job_id in zip(one.sessions, one.job_ids, strict=True)
        if session in STATES
    }
    jobs["valuation:cs_6"]["reason"] = {"code": "duplicate_payment"}
    delivered = [one for one in sales if one.story in (PAID, BOUGHT, TWICE)]
    orders: dict[str, dict[str, Any]] = {one.order_id: {} for one in sales}
    orders["order1"] = {"bewertung": "good"}
    orders["order2"] = {"zertifikat_data": {"a": 1}, "zertifikatNummer": "CERT-2026-000001"}
    orders["order5"] = {"bewertung": "good too"}
    mails = []
    for one in delivered:
        mails.append(mail(f"{one.job_ids[0]}:customer", one.story.email))
        mails.append(mail(f"{one.job_ids[0]}:admin", "shop@example.org"))
    mails.append(mail("valuation:cs_6:parked", "shop@example.org"))
    return Observed(
        sales=sales,
        jobs=jobs,
        orders=orders,
        results={one.order_id: f"digest{one.story.number}" for one in delivered},
        good={one.story.mark: {f"digest{one.story.number}"} for one in sales},
        mails=mails,
        outside=Outside({"valuation:cs_1": [Call(1.0, 2.0, answered=True)]}),
        job_histories={"valuation:cs_1": journaled(3.0)},
        order_histories={"order1": OrderHistory("order1", updates=1, results=1)},
    )


def journaled(at: float) -> JobHistory:
    history = JobHistory("valuation:cs_1")
    history.take({"operationType": "insert", "fullDocument": {"answer": True}}, at)
    return history


def test_a_world_in_order_breaks_no_promise() -> None:
    assert judge(world()) == []


def lost(seen: Observed) -> Observed:
    return replace(seen, jobs={k: v for k, v in seen.jobs.items() if k != "valuation:cs_1"})


def stuck(seen: Observed) -> Observed:
    return replace(seen, jobs={**seen.jobs, "valuation:cs_1": {"state": "waiting"}})


def unowed(seen: Observed) -> Observed:
    return replace(seen, jobs={**seen.jobs, "valuation:cs_4": {"state": "queued"}})


def parked(seen: Observed) -> Observed:
    job = {"state": "parked", "reason": {"code": "internal_error"}}
    return replace(seen, jobs={**seen.jobs, "valuation:cs_6": job})


def empty(seen: Observed) -> Observed:
    return replace(seen, orders={**seen.orders, "order1": {}})


def foreign(seen: Observed) -> Observed:
    return replace(seen, results={**seen.results, "order1": "digest5"})


def refunded_result(seen: Observed) -> Observed:
    return replace(seen, orders={**seen.orders, "order3": {"bewertung": "x"}})


def order_gone(seen: Observed) -> Observed:
    return replace(seen, orders={k: v for k, v in seen.orders.items() if k != "order3"})


def written_twice(seen: Observed) -> Observed:
    return replace(seen, order_histories={"order1": OrderHistory("order1", updates=2, results=2)})


def touched_again(seen: Observed) -> Observed:
    return replace(seen, order_histories={"order1": OrderHistory("order1", updates=2, results=1)})


def gap(seen: Observed) -> Observed:
    order = {**seen.orders["order2"], "zertifikatNummer": "CERT-2026-000002"}
    return replace(seen, orders={**seen.orders, "order2": order})


def mailed_twice(seen: Observed) -> Observed:
    return replace(seen, mails=[*seen.mails, seen.mails[0]])


def mailed_under_another_key(seen: Observed) -> Observed:
    return replace(seen, mails=[*seen.mails, mail("valuation:cs_1:again", PAID.email)])


def unmailed(seen: Observed) -> Observed:
    return replace(seen, mails=seen.mails[1:])


def shop_unmailed(seen: Observed) -> Observed:
    return replace(seen, mails=[m for m in seen.mails if "admin" not in m["idempotency_key"]])


def parked_in_silence(seen: Observed) -> Observed:
    return replace(seen, mails=seen.mails[:-1])


def parked_with_noise(seen: Observed) -> Observed:
    return replace(seen, mails=[*seen.mails, seen.mails[-1]])


def untaken(seen: Observed) -> Observed:
    seen.sales[0].letters[0].tries = [Try(1.0, 0.1, 503), Try(2.0, 0.1, None)]
    return seen


def refused(seen: Observed) -> Observed:
    seen.sales[0].letters[0].tries.insert(0, Try(0.5, 0.1, 400))
    return seen


def paid_again(seen: Observed) -> Observed:
    call = Call(3.5, 4.0, answered=True)
    return replace(seen, outside=Outside({"valuation:cs_1": [call]}))


def paid_for_nothing(seen: Observed) -> Observed:
    call = Call(3.5, 4.0, answered=True)
    return replace(seen, outside=Outside({"valuation:cs_3": [call]}))


def not_over(seen: Observed) -> Observed:
    seen.sales[0].is_over = False
    return seen


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (lost, "every paid session ends as it should"),
        (stuck, "every paid session ends as it should"),
        (unowed, "every paid session ends as it should"),
        (parked, "nothing is parked without cause"),
        (empty, "every order has its own acceptable result"),
        (foreign, "every order has its own acceptable result"),
        (refunded_result, "every order has its own acceptable result"),
        (order_gone, "every order has its own acceptable result"),
        (written_twice, "every order is updated once"),
        (touched_again, "every order is updated once"),
        (gap, "certificate numbers are unique and without gaps"),
        (mailed_twice, "one mail each, by key and by recipient"),
        (mailed_under_another_key, "one mail each, by key and by recipient"),
        (unmailed, "one mail each, by key and by recipient"),
        (shop_unmailed, "one mail each, by key and by recipient"),
        (parked_in_silence, "one mail each, by key and by recipient"),
        (parked_with_noise, "one mail each, by key and by recipient"),
        (untaken, "every webhook is taken"),
        (refused, "every webhook is taken"),
        (not_over, "every webhook is taken"),
        (paid_again, "a journaled answer is never paid twice"),
        (paid_for_nothing, "no model is paid for what is not owed"),
    ],
)
def test_each_fault_breaks_its_promise(spoil: Callable[[Observed], Observed], promise: str) -> None:
    assert promise in {breach.promise for breach in judge(spoil(world()))}
