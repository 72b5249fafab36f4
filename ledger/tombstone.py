"""What remains of a job whose customer's data are erased, as a pure decision on its document."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.job import UNDELIVERED, Reason, ReasonCode, State
from ledger.connection import Document
from ledger.documents import plain
from ledger.handwork import Changes, Effect, NotByHand, moved


def erased(job: Document, now: datetime, *, although_owed: bool) -> tuple[Effect, Changes]:
    """Decide about erasing a job. Raises NotByHand when somebody paid and would get nothing.

    What stays guards against a resent webhook and a second payment, matches refunds, and feeds
    the daily figures: ids, state, dates, payment, and the answer's model, tokens and cost.
    """
    if job.get("erased_at"):
        return Effect.ALREADY_ERASED, {}
    if is_owed(job) and not although_owed:
        raise NotByHand(
            f"{job['_id']} is {job['state']}: the customer paid and would get nothing. Refund the "
            "payment in Stripe's dashboard first, which cancels the job by itself; or repeat with "
            "--force."
        )
    return Effect.ERASED, moved(job, now) | _course(job) | {
        "erased_at": now,
        "stage": None,
        "not_before": None,
        "mails": {},
        "certificate_number": None,
        "payment.source": None,
        # A dispute that is won later must not bring it back to life.
        "cancelled_from": None,
    }


def is_owed(job: Mapping[str, Any]) -> bool:
    """Say whether the order may still be delivered; a disputed one is, if the dispute is won."""
    state, code = State(job["state"]), (job.get("reason") or {}).get("code")
    return state in UNDELIVERED or (state is State.CANCELLED and code == ReasonCode.DISPUTED)


def _course(job: Document) -> dict[str, Any]:
    if State(job["state"]) is State.DELIVERED:
        return {"answer": _figures(job.get("answer"))}
    if State(job["state"]) is State.CANCELLED:
        return {"answer": None}
    reason = plain(Reason(code=ReasonCode.ERASED))
    state = State.CANCELLED.value
    return {"answer": None, "state": state, "reason": reason, "holds_order": False}


def _figures(answer: Document | None) -> Document | None:
    nothing = {"text": "", "certificate": None, "price_low": 0, "price_high": 0}
    return answer | nothing if answer else None
