"""Stripe's shapes, lists and signatures, without a server."""

import random

import pytest
import stripe

from sandbox import stripe_scene, stripe_world
from sandbox.ids import Ids
from sandbox.stripe_account import StripeAccount, UnknownCursorError
from sandbox.stripe_scene import EventOrder, SceneError, SessionOrder

NOW = 1_795_000_000
SECRET = "whsec_rehearsal"


@pytest.fixture
def ids() -> Ids:
    return Ids(random.Random(3))  # noqa: S311  # a test wants a seed


@pytest.fixture
def account() -> StripeAccount:
    return StripeAccount(clock=lambda: float(NOW))


def ordered(account: StripeAccount, ids: Ids, **fields: object) -> stripe_world.Json:
    order = {"kind": "valuation", "order_id": "65f0c0ffee65f0c0ffee65f0", **fields}
    return stripe_scene.create_session(account, ids, SessionOrder.model_validate(order))


def evented(account: StripeAccount, ids: Ids, **fields: object) -> stripe_world.Json:
    return stripe_scene.create_event(account, ids, EventOrder.model_validate(fields))


def test_the_vendors_own_library_accepts_the_signature() -> None:
    """Two implementations agree on one header."""
    body = '{"name":"Jürgen"}'.encode()

    assert stripe.WebhookSignature.verify_header(
        body.decode(), stripe_world.sign(body, SECRET, NOW), SECRET
    )


@pytest.mark.parametrize("altered", [b'{"a":2}', b'{"a":1} '])
def test_an_altered_body_does_not_match(altered: bytes) -> None:
    """The signature covers every byte."""
    header = stripe_world.sign(b'{"a":1}', SECRET, NOW)

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(altered.decode(), header, SECRET)


def test_a_paid_session_is_complete(account: StripeAccount, ids: Ids) -> None:
    """Paid means complete, with an intent, the customer and the usual price."""
    session = ordered(account, ids)

    assert (session["status"], session["payment_status"]) == ("complete", "paid")
    assert session["payment_intent"].startswith("pi_")
    assert session["amount_total"] == 1490
    assert session["metadata"]["bewertungId"] == "65f0c0ffee65f0c0ffee65f0"
    assert len(session["id"]) == 66


def test_a_certificate_carries_its_own_metadata(account: StripeAccount, ids: Ids) -> None:
    """Product type and id as the site's second checkout writes them."""
    session = ordered(account, ids, kind="certificate", metadata={"attribution_source": "other"})

    assert session["amount_total"] == 4990
    assert session["metadata"]["product_type"] == "wertgutachten"
    assert session["metadata"]["attribution_source"] == "other"
    assert "bewertungId" not in session["metadata"]


def test_a_free_session_has_no_intent(account: StripeAccount, ids: Ids) -> None:
    """A voucher for everything: nothing to pay, nothing charged."""
    session = ordered(account, ids, discount=1490)

    assert session["payment_status"] == "no_payment_required"
    assert (session["amount_subtotal"], session["amount_total"]) == (1490, 0)
    assert session["payment_intent"] is None


def test_an_unpaid_session_is_open_until_completed(account: StripeAccount, ids: Ids) -> None:
    """Completing it creates the intent."""
    session = ordered(account, ids, payment_status="unpaid")
    opened = (session["status"], session["payment_intent"], session["customer_details"])
    changed = stripe_scene.change_session(
        account, ids, session["id"], {"status": "complete", "payment_status": "paid"}
    )

    assert opened == ("open", None, None)
    assert changed["payment_intent"].startswith("pi_")


def test_an_event_keeps_the_state_of_its_moment(account: StripeAccount, ids: Ids) -> None:
    """Later changes to the session do not reach into the event."""
    session = ordered(account, ids)
    event = evented(account, ids, type="checkout.session.completed", session_id=session["id"])
    stripe_scene.change_session(account, ids, session["id"], {"payment_status": "unpaid"})

    assert event["data"]["object"]["payment_status"] == "paid"
    assert event["livemode"] is False
    assert event["api_version"] == stripe_world.API_VERSION


def test_refunds_and_disputes_speak_of_one_charge(account: StripeAccount, ids: Ids) -> None:
    """Partial refund, full refund and dispute name the same charge and intent."""
    session_id = ordered(account, ids)["id"]
    about = {"session_id": session_id}
    partial = evented(account, ids, type="charge.refunded", amount_refunded=500, **about)
    full = evented(account, ids, type="charge.refunded", **about)
    dispute = evented(account, ids, type="charge.dispute.created", **about)
    won = evented(account, ids, type="charge.dispute.closed", status="won", **about)
    seen = [event["data"]["object"] for event in (partial, full, dispute, won)]

    assert [seen[0]["amount_refunded"], seen[1]["amount_refunded"]] == [500, 1490]
    assert [seen[0]["refunded"], seen[1]["refunded"]] == [False, True]
    assert seen[0]["id"] == seen[1]["id"] == seen[2]["charge"]
    assert seen[2]["id"] == seen[3]["id"]
    assert (seen[2]["status"], seen[3]["status"]) == ("needs_response", "won")


def test_a_refund_that_fails_returns_to_its_charge(account: StripeAccount, ids: Ids) -> None:
    """The same refund moves on; failing twice returns it once; a new refund is another one."""
    session_id = ordered(account, ids)["id"]
    types = ["charge.refunded", "refund.updated", "refund.failed", "charge.refund.updated"]
    statuses = [None, None, None, "failed"]
    seen = [
        evented(account, ids, type=type_, status=status, session_id=session_id)["data"]["object"]
        for type_, status in zip(types, statuses, strict=True)
    ]
    partial = evented(
        account, ids, type="charge.refunded", amount_refunded=500, session_id=session_id
    )["data"]["object"]

    assert [refund["status"] for refund in seen[1:]] == ["succeeded", "failed", "failed"]
    assert len({refund["id"] for refund in seen[1:]}) == 1
    assert {refund["amount"] for refund in seen[1:]} == {1490}
    assert (partial["amount_refunded"], partial["refunded"]) == (500, False)
    assert account.refunds[partial["id"]]["amount"] == 500


def test_events_about_nothing_are_refused(account: StripeAccount, ids: Ids) -> None:
    """An unknown session is named, not invented."""
    with pytest.raises(SceneError, match="cs_test_nowhere"):
        evented(account, ids, type="checkout.session.completed", session_id="cs_test_nowhere")


def test_pages_run_both_ways(account: StripeAccount, ids: Ids) -> None:
    """Newest first; starting_after goes back in time, ending_before forward."""
    made = [ordered(account, ids, created=NOW + n)["id"] for n in range(5)]

    def page(**cursor: str) -> tuple[list[int], bool]:
        found = account.sessions.page(lambda _: True, limit=2, **cursor)
        return [made.index(item["id"]) for item in found.data], found.has_more

    assert page() == ([4, 3], True)
    assert page(starting_after=made[3]) == ([2, 1], True)
    assert page(starting_after=made[1]) == ([0], False)
    assert page(ending_before=made[1]) == ([3, 2], True)
    assert page(ending_before=made[4]) == ([], False)


def test_an_unknown_cursor_is_an_error(account: StripeAccount) -> None:
    """A list cannot start at an object that is not there."""
    with pytest.raises(UnknownCursorError):
        account.sessions.page(lambda _: True, limit=2, starting_after="cs_test_nowhere")


def test_old_events_are_not_kept(account: StripeAccount, ids: Ids) -> None:
    """Thirty days, no longer."""
    session_id = ordered(account, ids)["id"]
    old = evented(
        account,
        ids,
        type="checkout.session.completed",
        session_id=session_id,
        created=NOW - 31 * stripe_world.DAY_S,
    )

    assert not account.kept(old)
