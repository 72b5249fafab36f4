"""At most one paid session works for an order; a unique index keeps the rule.

Only jobs that are going to be worked hold their order. Whoever finds it taken is parked as
`duplicate_payment` and moves up when the holder's money is withdrawn.
"""

from datetime import datetime
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from domain.job import ReasonCode, State
from ledger.connection import Connection, Document
from ledger.names import JOBS

HOLDING_INDEX_KEYS: Final = ("kind", "order_id")


def is_about_holding(error: DuplicateKeyError) -> bool:
    """Tell the rule's index from the index of job ids."""
    return tuple((error.details or {}).get("keyPattern", {})) == HOLDING_INDEX_KEYS


async def find_holder(connection: Connection, kind: str, order_id: str) -> Document | None:
    query = {"kind": kind, "order_id": order_id, "holds_order": True}
    return await connection.latest(JOBS).find_one(query)


async def promote_next(
    connection: Connection, kind: str, order_id: str | None, now: datetime
) -> Document | None:
    """Give the order to the oldest duplicate if nobody holds it; return the job that moved up.

    Needed after every step that may have freed an order or parked a duplicate: whichever of two
    racing steps comes second then sees the other.
    """
    if order_id is None:
        return None
    waiting = {
        "kind": kind,
        "order_id": order_id,
        "state": State.PARKED.value,
        "reason.code": ReasonCode.DUPLICATE_PAYMENT.value,
    }
    try:
        return await connection.collection(JOBS).find_one_and_update(
            waiting,
            [{"$set": _moving_up(now)}],
            sort=[("created_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
    except DuplicateKeyError:
        return None


def _moving_up(now: datetime) -> dict[str, Any]:
    has_answer = {"$gt": ["$answer", None]}
    return {
        "state": {"$cond": [has_answer, State.ANSWERED.value, State.QUEUED.value]},
        "reason": None,
        "not_before": now,
        "holds_order": True,
        # Its time to be tried in begins now, however long it was parked.
        "reopened_at": now,
        "updated_at": now,
    }
