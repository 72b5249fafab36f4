"""Between values and BSON documents."""

from typing import Any

import bson
import pytest
from bson import CodecOptions, ObjectId

from domain.job import Kind, MailDuty, MailState, MailTo, PaymentFacts, Reason, ReasonCode, State
from ledger.documents import new_job, order_key, plain, read_job
from tests.builders import NOW, ORDER_ID


def test_models_become_plain_documents() -> None:
    """Enums are their values, keys are texts, tuples are lists, at every depth."""
    value = {MailTo.ADMIN: MailDuty(state=MailState.SENT, sent_at=NOW), "codes": (Kind.VALUATION,)}
    document = plain(value)
    assert type(next(iter(document))) is str
    assert type(document["admin"]["state"]) is str
    assert document["admin"]["sent_at"] == NOW
    assert document["codes"] == ["valuation"]


@pytest.mark.parametrize("reason", [None, Reason(code=ReasonCode.AMOUNT_MISMATCH, detail="x")])
def test_a_new_job_survives_bson(reason: Reason | None) -> None:
    """What is written is what is read back."""
    document = new_job(
        Kind.CERTIFICATE,
        "cs_1",
        order_id=ORDER_ID,
        payment=PaymentFacts(amount_total=4990, currency="eur"),
        reason=reason,
        now=NOW,
    )
    aware: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
    stored: dict[str, Any] = bson.decode(bson.encode(document), aware)
    job = read_job(stored)
    assert job == read_job(document)
    assert job.id == "certificate:cs_1"
    assert job.state is (State.PARKED if reason else State.QUEUED)
    assert document["holds_order"] is (reason is None)


@pytest.mark.parametrize(
    ("order_id", "key"),
    [(ORDER_ID, ObjectId(ORDER_ID)), ("abcdefghijkl", "abcdefghijkl"), ("", ""), ("x" * 24,) * 2],
)
def test_only_hex_ids_are_object_ids(order_id: str, key: object) -> None:
    """Anything else is looked up as it is, and finds nothing."""
    assert order_key(order_id) == key
