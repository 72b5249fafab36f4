"""Between our values and BSON documents, in both directions."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from bson import Decimal128, Int64, ObjectId
from pydantic import BaseModel, ValidationError

from domain.duties import after_parking
from domain.job import (
    Job,
    Kind,
    Money,
    PaymentFacts,
    RawOrder,
    Reason,
    ReasonCode,
    State,
    job_id_for,
)
from domain.payment import Notice
from ledger.damage import damaged_fields, salvaged
from ledger.newer import glimpsed, newer_words
from ledger.results import next_mail_at


def plain(value: object) -> Any:
    """Return what BSON can hold: models as dictionaries by field name, enums as their values."""
    match value:
        case BaseModel():
            fields = {name: plain(getattr(value, name)) for name in type(value).model_fields}
            return fields | (value.model_extra or {})
        case Enum():
            return value.value
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def read_job(document: Mapping[str, Any]) -> Job:
    """Return the job; of any other document what can be told, with a reason that says so.

    What of a newer build can be passed over is; a LaterJob must not be written to.
    """
    if words := newer_words(document):
        return glimpsed(document, words)
    try:
        return Job.model_validate(document)
    except ValidationError as error:
        return salvaged(document, damaged_fields(error))


def new_job(
    kind: Kind,
    session_id: str,
    *,
    order_id: str | None,
    payment: PaymentFacts,
    reason: Reason | None,
    now: datetime,
) -> dict[str, Any]:
    """Return a newborn job: due at once, or parked for `reason` and due for the mail about it.

    Two fields are the ledger's own and no part of `Job`: `cancelled_from` (what comes back with
    the money) and `rung_at`. Who opens a job rings for it, and the rescue loop is not to do so
    again at once; nobody rings for a mail about a parked one.
    """
    mails = after_parking({}, reason) if reason else {}
    return {
        "_id": job_id_for(kind, session_id),
        "kind": kind.value,
        "session_id": session_id,
        "order_id": order_id,
        "state": (State.PARKED if reason else State.QUEUED).value,
        "stage": None,
        "reason": plain(reason),
        "not_before": next_mail_at(mails.values(), now) if reason else now,
        "attempts": 0,
        "rounds": 0,
        "rounds_for": None,
        "deaths": 0,
        "owner": None,
        "fence": 0,
        "answer": None,
        "payment": plain(payment),
        "money": plain(Money()),
        "mails": plain(mails),
        "certificate_number": None,
        "holds_order": reason is None and order_id is not None,
        "cancelled_from": None,
        "rung_at": None if reason else now,
        "created_at": now,
        "updated_at": now,
        "reopened_at": None,
        "started_at": None,
        "delivered_at": None,
        "parked_at": now if reason else None,
        "told_at": None,
    }


def duplicate_of(holder: Mapping[str, Any]) -> Reason:
    """Say that another paid session has the order; `holder` is that session's job."""
    return Reason(
        code=ReasonCode.DUPLICATE_PAYMENT,
        detail=f"the order is paid by session {holder['session_id']} already",
    )


def notice_fields(notice: Notice) -> dict[str, Any]:
    """Return a notice without its id, which is the document's `_id`."""
    fields: dict[str, Any] = plain(notice)
    del fields["id"]
    return fields


def read_notice(document: Mapping[str, Any]) -> Notice:
    return Notice.model_validate(document)


def order_key(order_id: str) -> ObjectId | str:
    """Return the `_id` under which the site stores an order; `order_id` is its hex form."""
    return ObjectId(order_id) if ObjectId.is_valid(order_id) else order_id


def read_order(document: Mapping[str, Any]) -> RawOrder:
    """Return the site's document in plain Python types: ids as hex strings, numbers as numbers."""
    return {key: _unwrap(value) for key, value in document.items()}


def _unwrap(value: object) -> Any:
    match value:
        case ObjectId():
            return str(value)
        case Decimal128():
            return float(value.to_decimal())
        case Int64():
            return int(value)
        case Mapping():
            return {str(key): _unwrap(item) for key, item in value.items()}
        case list():
            return [_unwrap(item) for item in value]
        case _:
            return value
