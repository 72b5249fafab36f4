"""The hot queries use an index, however large the collections grow."""

from typing import Any

import pytest

from domain.job import Kind
from ledger.connection import Connection
from ledger.delivery import numbers_of
from ledger.names import ERROR_LOGS, JOBS, ORDER_CHECKS, ORDERS, STRIPE_EVENTS
from tests.builders import NOW, ORDER_ID

DUE = {
    "not_before": {"$lte": NOW},
    "owner": {"$nin": ["worker-a"]},
    "rung_at": {"$not": {"$gte": NOW}},
}
HOLDER = {"kind": "valuation", "order_id": ORDER_ID, "holds_order": True}
PAYING = "checkout.session.completed"
UNPAID = {"payment_status": "unpaid", "type": PAYING, "created": {"$gte": NOW}}
DUPLICATES = {
    "kind": "valuation",
    "order_id": ORDER_ID,
    "state": "parked",
    "reason.code": "duplicate_payment",
}


PAID_LATELY = {
    "type": {"$in": ["checkout.session.completed"]},
    "received_at": {"$gte": NOW},
    "payment_status": {"$in": ["paid"]},
    "outcome": {"$in": ["accepted", None]},
}
PAID_EVENT = {
    "type": PAYING,
    "payment_status": "paid",
    "created": NOW,
    "received_at": NOW,
}
NAMED_BY_ORDERS = {
    "$or": [{"order_id": {"$in": [ORDER_ID]}}, {"session_id": {"$in": ["cs_1"]}}],
}


@pytest.mark.parametrize(
    ("collection", "query", "index"),
    [
        (JOBS, DUE, "due"),
        (JOBS, HOLDER, "one_paid_session_per_order"),
        (JOBS, DUPLICATES, "order"),
        (JOBS, {"session_id": "cs_1"}, "session"),
        (JOBS, {"payment.payment_intent": "pi_1"}, "payment"),
        (JOBS, {"owner": "worker-a", "_id": {"$nin": ["valuation:cs_1"]}}, "owner"),
        (JOBS, {"erased_at": {"$gte": NOW}}, "erased"),
        (ERROR_LOGS, {"session_id": {"$in": ["cs_1"]}}, "session"),
        (STRIPE_EVENTS, {"session_id": "cs_1"}, "session"),
        (JOBS, {"delivered_at": {"$gte": NOW}}, "delivered"),
        (JOBS, {"state": "parked", "$or": [{"told_at": None}]}, "backlog"),
        (JOBS, NAMED_BY_ORDERS, "order"),
        (ORDER_CHECKS, {"fault": {"$in": ["result_gone"]}}, "broken"),
        (STRIPE_EVENTS, {"payment_intent": "pi_1"}, "payment"),
        (STRIPE_EVENTS, PAID_LATELY, "paying"),
        (STRIPE_EVENTS, {"handled_at": None, "received_at": {"$lt": NOW}}, "unhandled"),
        (STRIPE_EVENTS, UNPAID, "unpaid"),
        (STRIPE_EVENTS, {"session_id": "cs_1", "type": PAYING}, "session"),
        (ORDERS[Kind.VALUATION], {"stripeSessionId": "cs_1"}, "stripeSessionId_unique"),
        (ORDERS[Kind.CERTIFICATE], {"stripeSessionId": "cs_1"}, "stripeSessionId_unique"),
        (
            ORDERS[Kind.CERTIFICATE],
            {"zertifikatNummer": numbers_of(2026)},
            "zertifikatNummer_unique",
        ),
    ],
)
async def test_the_query_planner_takes_the_index(
    connection: Connection, collection: str, query: dict[str, Any], index: str
) -> None:
    """No collection scan, also where the index is partial."""
    finished = [{"_id": f"valuation:cs_{n}", "owner": None} for n in range(200)]
    await connection.collection(JOBS).insert_many(finished)
    await connection.collection(STRIPE_EVENTS).insert_many(
        [PAID_EVENT | {"_id": n} for n in range(50)]
    )
    plan = await connection.collection(collection).find(query).explain()
    assert index in index_names(plan["queryPlanner"]["winningPlan"])


def index_names(stage: dict[str, Any]) -> set[str]:
    children = [stage["inputStage"]] if "inputStage" in stage else stage.get("inputStages", [])
    own = {stage["indexName"]} if "indexName" in stage else set()
    return own.union(*(index_names(child) for child in children))
