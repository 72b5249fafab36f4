"""Whether a session is ours, whether it is paid, and whether the money fits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.checkout import (
    CheckoutSession,
    Judgement,
    NotOurs,
    NotPaid,
    Paid,
    Price,
    Review,
    judge,
    kind_of,
    order_reference,
)
from domain.job import Kind, ReasonCode
from tests.builders import ORDER_ID
from tests.stripe_events import EMAIL, certificate_session, session

PRICES = {
    Kind.VALUATION: (
        Price(amount=1490, currency="EUR"),
        Price(amount=1990, currency="CHF"),
    ),
    Kind.CERTIFICATE: (Price(amount=4990, currency="EUR"),),
}
UNCHECKED: dict[Kind, tuple[Price, ...]] = {Kind.VALUATION: (), Kind.CERTIFICATE: ()}
PAID = Paid(Kind.VALUATION, ORDER_ID)


def judged(
    raw: dict[str, Any],
    *,
    event_livemode: bool | None = True,
    expected_livemode: bool = True,
    prices: dict[Kind, tuple[Price, ...]] = PRICES,
    known_as: Kind | None = None,
) -> Judgement:
    return judge(
        CheckoutSession.model_validate(raw),
        event_livemode=event_livemode,
        expected_livemode=expected_livemode,
        prices=prices,
        known_as=known_as,
    )


def code(judgement: Judgement) -> ReasonCode | None:
    return judgement.reason.code if isinstance(judgement, Review) else None


def detail(judgement: Judgement) -> str:
    return judgement.reason.detail if isinstance(judgement, Review) else ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, PAID),
        ({"status": None}, PAID),
        ({"status": "open"}, NotPaid()),
        ({"status": "expired"}, NotPaid()),
        ({"payment_status": "unpaid"}, NotPaid()),
        ({"payment_status": "half_paid"}, NotPaid()),
        ({"payment_status": None}, NotPaid()),
        ({"payment_status": 1}, NotPaid()),
        ({"payment_status": "no_payment_required", "amount_total": 0}, PAID),
        ({"payment_status": "paid", "amount_total": 0}, PAID),
        ({"mode": None}, PAID),
        ({"payment_intent": None}, PAID),
    ],
)
def test_paid_is_an_allow_list(changes: dict[str, Any], expected: Judgement) -> None:
    """Unknown and missing payment states are not paid."""
    assert judged(session(**changes)) == expected


@pytest.mark.parametrize("status", ["paid", "unpaid", "no_payment_required", "new_one", None])
@pytest.mark.parametrize("mode", ["payment", "setup", "subscription"])
@pytest.mark.parametrize("livemode", [True, False])
def test_every_combination_has_one_answer(status: str | None, mode: str, livemode: bool) -> None:  # noqa: FBT001 - a table's column
    """Money in sight is a job or a review; anything else is not paid. Never silence."""
    judgement = judged(session(payment_status=status, mode=mode, livemode=livemode))

    if status not in {"paid", "no_payment_required"}:
        assert judgement == NotPaid()
    elif not livemode:
        assert code(judgement) is ReasonCode.LIVEMODE_MISMATCH
    elif mode != "payment":
        assert code(judgement) is ReasonCode.UNSUPPORTED_MODE
    elif status == "no_payment_required":
        assert code(judgement) is ReasonCode.AMOUNT_MISMATCH
    else:
        assert judgement == PAID


@pytest.mark.parametrize(
    ("event_livemode", "session_livemode", "expected_livemode", "is_paid"),
    [
        (True, True, True, True),
        (False, False, False, True),
        (None, True, True, True),
        (True, None, True, True),
        (False, False, True, False),
        (True, True, False, False),
        (True, False, True, False),
        (False, True, True, False),
        (None, None, True, False),
    ],
)
def test_livemode_of_event_and_session_must_match(
    event_livemode: bool | None,  # noqa: FBT001 - a table's column
    session_livemode: bool | None,  # noqa: FBT001 - a table's column
    expected_livemode: bool,  # noqa: FBT001 - a table's column
    is_paid: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Play money is never worked for, and where nobody says which money it is, a human looks."""
    judgement = judged(
        session(livemode=session_livemode),
        event_livemode=event_livemode,
        expected_livemode=expected_livemode,
    )

    assert code(judgement) is (None if is_paid else ReasonCode.LIVEMODE_MISMATCH)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount_subtotal": 1490, "currency": "EUR"}, None),
        ({"amount_subtotal": 1990, "currency": "chf"}, None),
        ({"amount_subtotal": 1490, "amount_total": 745}, None),
        ({"amount_subtotal": None, "amount_total": 1490}, None),
        ({"amount_subtotal": None, "amount_total": 1490, "total_details": None}, None),
        (
            {
                "amount_subtotal": None,
                "amount_total": 1000,
                "total_details": {"amount_discount": 490},
            },
            None,
        ),
        ({"amount_subtotal": 1}, ReasonCode.AMOUNT_MISMATCH),
        ({"amount_subtotal": 4990}, ReasonCode.AMOUNT_MISMATCH),
        ({"amount_subtotal": None, "amount_total": None}, ReasonCode.AMOUNT_MISMATCH),
        ({"amount_subtotal": -1490, "amount_total": None}, ReasonCode.AMOUNT_MISMATCH),
        ({"amount_subtotal": 1490, "currency": "usd"}, ReasonCode.CURRENCY_MISMATCH),
        ({"amount_subtotal": 1490, "currency": "chf"}, ReasonCode.AMOUNT_MISMATCH),
        ({"currency": None}, ReasonCode.CURRENCY_MISMATCH),
    ],
)
def test_price_before_discounts_must_be_ours(
    changes: dict[str, Any], expected: ReasonCode | None
) -> None:
    """Vouchers are fine; another price or currency is for a human."""
    assert code(judged(session(**changes))) is expected


def test_mismatch_names_expected_and_received() -> None:
    """The human reads both sides without opening Stripe."""
    assert detail(judged(session(amount_subtotal=1))) == (
        "expected 1490 EUR or 1990 CHF, came 1 EUR"
    )
    assert detail(judged(session(livemode=False), event_livemode=False)) == (
        "expected livemode true, came false"
    )


@pytest.mark.parametrize("amount", [1, 99_999, None])
def test_no_configured_prices_check_nothing(amount: int | None) -> None:
    """An empty list switches the check off."""
    assert judged(session(amount_subtotal=amount), prices=UNCHECKED) == PAID


@pytest.mark.parametrize("amount", [1490, None])
def test_unpaid_though_no_payment_was_required(amount: int | None) -> None:
    """`no_payment_required` with a price to pay is not a paid order, even unchecked."""
    raw = session(payment_status="no_payment_required", amount_total=amount)

    assert code(judged(raw, prices=UNCHECKED)) is ReasonCode.AMOUNT_MISMATCH


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"bewertungId": ORDER_ID}, Kind.VALUATION),
        ({"wertgutachtenId": ORDER_ID}, Kind.CERTIFICATE),
        ({"product_type": "wertgutachten"}, Kind.CERTIFICATE),
        ({"product_type": " Wertgutachten ", "bewertungId": ORDER_ID}, Kind.CERTIFICATE),
        ({"product_type": "poster", "bewertungId": ORDER_ID}, Kind.VALUATION),
        ({"product_type": "poster"}, None),
        ({"bewertungId": None}, None),
        ({}, None),
        (None, None),
        ("text", None),
    ],
)
def test_kind_is_read_from_the_metadata(metadata: Any, expected: Kind | None) -> None:
    """The site names the product in the metadata, or it is not the site's."""
    assert kind_of(CheckoutSession.model_validate(session(metadata=metadata))) is expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (ORDER_ID, ORDER_ID),
        (f" {ORDER_ID.upper()} ", ORDER_ID),
        (ORDER_ID[:-1], None),
        (f"{ORDER_ID}0", None),
        (f"{ORDER_ID[:-1]}g", None),
        (f"{ORDER_ID[:-1]}٣", None),
        ("", None),
    ],
)
def test_order_reference_is_a_document_id(reference: str, expected: str | None) -> None:
    """24 hex digits in ASCII, or no reference at all."""
    raw = session(metadata={"bewertungId": reference})

    assert order_reference(CheckoutSession.model_validate(raw)) == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"bewertungId": "not-an-id"}, ReasonCode.MALFORMED_REFERENCE),
        ({"bewertungId": ""}, ReasonCode.MISSING_REFERENCE),
        ({"product_type": "wertgutachten"}, ReasonCode.MISSING_REFERENCE),
    ],
)
def test_unusable_reference(metadata: dict[str, str], expected: ReasonCode) -> None:
    """Ours without a usable reference is parked, unless an order knows the session."""
    raw = session(metadata=metadata)

    assert code(judged(raw, prices=UNCHECKED)) is expected
    assert judged(raw, known_as=Kind.VALUATION) == Paid(Kind.VALUATION, None)


@pytest.mark.parametrize(
    ("changes", "prices", "expected"),
    [
        ({"metadata": {}}, PRICES, Kind.VALUATION),
        ({"metadata": None}, PRICES, Kind.VALUATION),
        ({"metadata": {}, "amount_subtotal": 4990}, PRICES, Kind.CERTIFICATE),
        ({"metadata": {}, "amount_subtotal": 3000}, UNCHECKED, Kind.VALUATION),
        ({"metadata": {}, "amount_subtotal": 3000}, PRICES, None),
        ({"metadata": {}, "payment_link": "plink_1"}, PRICES, None),
        ({"metadata": {"product": "poster"}}, PRICES, None),
        ({"metadata": {"product": "poster"}}, UNCHECKED, None),
    ],
)
def test_without_our_metadata(
    changes: dict[str, Any], prices: dict[Kind, tuple[Price, ...]], expected: Kind | None
) -> None:
    """Money that may be ours is parked with a guessed kind; another product is left alone."""
    judgement = judged(session(**changes), prices=prices)

    if expected is None:
        assert judgement == NotOurs()
    else:
        assert isinstance(judgement, Review)
        assert (judgement.kind, judgement.order_id) == (expected, None)
        assert judgement.reason.code is ReasonCode.MISSING_REFERENCE


def test_order_document_makes_a_session_ours() -> None:
    """The collection that knows the session also tells the product."""
    raw = session(metadata={}, amount_subtotal=4990)

    assert judged(raw, known_as=Kind.CERTIFICATE) == Paid(Kind.CERTIFICATE, None)


def test_certificate() -> None:
    """The premium product has its own reference and price."""
    assert judged(certificate_session()) == Paid(Kind.CERTIFICATE, ORDER_ID)
    assert code(judged(certificate_session(amount_subtotal=1490))) is ReasonCode.AMOUNT_MISMATCH


def test_facts_hold_no_personal_data() -> None:
    """Amounts, states and ids are kept, the customer is not."""
    read = CheckoutSession.model_validate(session(currency="EUR"))

    assert EMAIL not in read.model_dump_json()
    assert read.facts().currency == "eur"
    assert read.facts().amount_discount == 0


def test_session_needs_an_id() -> None:
    """Everything else may be missing."""
    assert CheckoutSession.model_validate({"id": "cs_live_1"}).subtotal is None
    with pytest.raises(ValidationError):
        CheckoutSession.model_validate(session(id=None))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
FIELDS = sorted(set(session()) - {"id"})


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_no_shape_breaks_the_judgement(changes: dict[str, Any]) -> None:
    """Whatever Stripe may one day put into a field, the session is judged."""
    assert judged(session(**changes)) is not None


@pytest.mark.parametrize("session_id", ["cs_live_ä", "cs_live a", "cs_live_\x00", "cs_live_\n"])
def test_an_id_that_no_worker_takes_is_parked_at_once(session_id: str) -> None:
    """Its rings would be dropped one after the other, and nobody would hear of it."""
    assert code(judged(session(id=session_id))) is ReasonCode.MALFORMED_SESSION
