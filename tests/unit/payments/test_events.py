"""The envelope is read leniently, and only ids, amounts and states are kept of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from payments.events import MalformedEvent, UnwantedEvent, notice_of, read_event
from tests.builders import NOW, SESSION_ID
from tests.stripe_events import (
    EMAIL,
    NAME,
    PAYMENT_INTENT,
    charge,
    dispute_event,
    event,
    refund_event,
    session,
)
from tests.stripe_signing import as_body


def test_event_of_the_newest_shape() -> None:
    """Unknown extra fields are no obstacle."""
    read = read_event(as_body(event(session(), shiny_new_field={"a": [1]})))

    assert read.type == "checkout.session.completed"
    assert read.created == NOW
    assert read.session().id == SESSION_ID


@pytest.mark.parametrize("missing", ["api_version", "pending_webhooks", "request", "created"])
def test_what_is_not_needed_may_be_missing(missing: str) -> None:
    """Older shapes lack fields; only id, type and object are indispensable."""
    raw = event(session())
    del raw[missing]

    assert notice_of(read_event(as_body(raw))).session_id == SESSION_ID


def test_undated_event_sorts_before_every_dated_one() -> None:
    """An event without a time is kept rather than refused."""
    assert read_event(as_body(event(session(), created=None))).created == datetime(
        1970, 1, 1, tzinfo=UTC
    )


def test_livemode_falls_back_to_the_objects() -> None:
    """An envelope without livemode is read from what it carries."""
    raw = event(session(livemode=True), livemode=None)

    assert notice_of(read_event(as_body(raw))).livemode is True


def test_byte_order_mark_is_read_over() -> None:
    """A body with a byte order mark is signed with it and parsed without it."""
    assert read_event(b"\xef\xbb\xbf" + as_body(event(session()))).id


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b"[" * 100_000,
        as_body({}),
        as_body(event(session(), id=None)),
        as_body(event(session(), id="")),
        as_body(event(session(), type=7)),
        as_body(event(session(), data=None)),
        as_body(event(session(), data={})),
        as_body(event(session(), data={"object": "cs_live_x"})),
        as_body(event(session(), object="event\n")),
        json.dumps({"id": "evt_1", "object": "event", "type": "\ud800", "data": {}}).encode(),
    ],
)
def test_signed_but_malformed(body: bytes) -> None:
    """Thin events, other JSON and no JSON at all are one error, and it quotes nothing."""
    with pytest.raises(MalformedEvent) as caught:
        read_event(body)

    assert EMAIL not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("subject", [{}, {"id": None}, {"id": 7}, {"id": ""}])
def test_session_without_id_is_malformed(subject: dict[str, Any]) -> None:
    """A session is nothing without its id."""
    read = read_event(as_body(event(subject)))

    with pytest.raises(MalformedEvent):
        read.session()
    with pytest.raises(MalformedEvent):
        notice_of(read)


def test_notice_of_a_session() -> None:
    """Of a session its id, payment and amount are kept."""
    notice = notice_of(read_event(as_body(event(session()))))

    assert (notice.session_id, notice.object_id) == (SESSION_ID, SESSION_ID)
    assert notice.payment_intent == PAYMENT_INTENT
    assert notice.payment_status == "paid"
    assert notice.amount == 1490
    assert notice.dispute_status is None


def test_notice_of_a_refund() -> None:
    """Refunds carry no session; the payment intent leads to the job."""
    notice = notice_of(read_event(as_body(refund_event(500))))

    assert (notice.session_id, notice.payment_intent) == (None, PAYMENT_INTENT)
    assert (notice.amount, notice.amount_refunded, notice.refunded) == (1490, 500, False)


def test_notice_of_a_dispute() -> None:
    """A dispute's status is kept, that of other objects is not."""
    notice = notice_of(read_event(as_body(dispute_event("needs_response"))))

    assert notice.dispute_status == "needs_response"


def test_expanded_and_null_payment_intents() -> None:
    """A reference may be text, an expanded object or null."""
    expanded = event(charge(0, payment_intent={"id": "pi_9", "object": "payment_intent"}))
    absent = event(charge(0, payment_intent=None))

    assert notice_of(read_event(as_body(expanded))).payment_intent == "pi_9"
    assert notice_of(read_event(as_body(absent))).payment_intent is None


def test_no_personal_data_is_kept() -> None:
    """Names and addresses stop here."""
    for raw in (event(session()), refund_event(1490)):
        kept = notice_of(read_event(as_body(raw))).model_dump_json()

        assert EMAIL not in kept
        assert NAME not in kept


def test_a_thin_event_is_not_wanted_and_not_malformed() -> None:
    """It is Stripe's own; a 400 would count against the endpoint for days."""
    with pytest.raises(UnwantedEvent):
        read_event(as_body({"id": "evt_1", "object": "v2.core.event", "type": "v2.core.ping"}))
