"""Stripe's signature over the exact bytes, with every trap of the official library."""

import json
import time

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from payments.signature import BadSignature, NotConfigured, SignatureFault, verify
from tests.builders import NOW
from tests.stripe_events import EMAIL, event, session
from tests.stripe_signing import OLD_SECRET, SECRET, as_body, mac, signature

AT = NOW.timestamp()
BODY = as_body(event(session()))
SECRETS = (SecretStr(SECRET),)


def fault_of(
    body: bytes = BODY,
    header: str | None = None,
    *,
    secrets: tuple[SecretStr, ...] = SECRETS,
) -> SignatureFault | None:
    try:
        verify(body, header, secrets, NOW)
    except BadSignature as error:
        return error.fault
    return None


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b"",
        json.dumps(event(session()), indent=4).encode(),
        json.dumps({"name": "J\u00fcrgen \u674e \u2028"}, ensure_ascii=False).encode(),
        rb'{"url":"https:\/\/example.org","name":"J\u00fcrgen"}',
        b'{ "b" : 1 ,\r\n\t"a":  2 }',
        b"\xef\xbb\xbf" + BODY,
        b"[1, 2]",
        b"x" * 1_000_000,
    ],
    ids=["event", "empty", "indented", "utf8", "escapes", "spacing", "bom", "list", "1MB"],
)
def test_exact_bytes_are_what_is_signed(body: bytes) -> None:
    """No re-serialisation: whatever bytes were signed are accepted as they are."""
    assert fault_of(body, signature(body, AT)) is None


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (None, SignatureFault.HEADER_MISSING),
        ("", SignatureFault.HEADER_MISSING),
        ("garbage", SignatureFault.HEADER_MALFORMED),
        ("t=", SignatureFault.HEADER_MALFORMED),
        ("t=abc,v1=00", SignatureFault.HEADER_MALFORMED),
        (f"t={'9' * 900},v1=00", SignatureFault.HEADER_MALFORMED),
        (f"v1={mac(BODY, AT)}", SignatureFault.HEADER_MALFORMED),
        (f"t={int(AT)}", SignatureFault.NO_MATCH),
        (f"t={int(AT)},v1=", SignatureFault.NO_MATCH),
        (f"t={int(AT)},v0={mac(BODY, AT)}", SignatureFault.NO_MATCH),
        (f"t={int(AT)},v1={mac(BODY, AT).upper()}", SignatureFault.NO_MATCH),
        (f"t={int(AT)}, v1={mac(BODY, AT)}", SignatureFault.NO_MATCH),
        (f" t={int(AT)},v1={mac(BODY, AT)}", SignatureFault.HEADER_MALFORMED),
        (f"t={int(AT)},v1={mac(BODY, AT)[:-1]}é", SignatureFault.HEADER_NOT_ASCII),
        (f"t={int(AT)},v1={mac(BODY, AT)}{',v1=0' * 500}", SignatureFault.HEADER_TOO_LARGE),
        (f"t={int(AT) + 1},v1={mac(BODY, AT)}", SignatureFault.NO_MATCH),
        (signature(BODY, AT, "whsec_of_somebody_else"), SignatureFault.NO_MATCH),
        (signature(BODY + b" ", AT), SignatureFault.NO_MATCH),
    ],
)
def test_what_stripe_would_not_send_is_refused(header: str | None, fault: SignatureFault) -> None:
    """Every odd header ends as BadSignature with its own reason, never as another exception."""
    assert fault_of(BODY, header) is fault


@pytest.mark.parametrize(
    "header",
    [
        f"t={int(AT)},v1={mac(BODY, AT, OLD_SECRET)},v1={mac(BODY, AT)}",
        f"v1={mac(BODY, AT)},t={int(AT)}",
        f"t={int(AT)},v1={mac(BODY, AT)},v0=00",
        f"t={int(AT)},v1={mac(BODY, AT)},t=1",
    ],
    ids=["two v1", "v1 first", "v0 besides", "first t counts"],
)
def test_one_matching_signature_is_enough(header: str) -> None:
    """Rolling secrets, fake schemes and order in the header do not matter."""
    assert fault_of(BODY, header) is None


def test_altered_byte_is_refused() -> None:
    """A single changed byte breaks the MAC."""
    altered = BODY.replace(b"1490", b"1491", 1)

    assert fault_of(altered, signature(BODY, AT)) is SignatureFault.NO_MATCH


def test_second_secret_of_the_list_counts() -> None:
    """While a secret is rolled, old and new are both accepted, pasted newlines included."""
    secrets = (SecretStr("whsec_new"), SecretStr(f"  {OLD_SECRET}\n"))

    assert fault_of(BODY, signature(BODY, AT, OLD_SECRET), secrets=secrets) is None


@pytest.mark.parametrize("secrets", [(), (SecretStr(""),), (SecretStr(" \n"), SecretStr(""))])
def test_empty_secret_closes_the_endpoint(secrets: tuple[SecretStr, ...]) -> None:
    """A body signed with the empty key must not get in where no secret is configured."""
    with pytest.raises(NotConfigured):
        verify(BODY, signature(BODY, AT, ""), secrets, NOW)


@pytest.mark.parametrize(
    ("age", "fault"),
    [
        (0, None),
        (299, None),
        (300, None),
        (301, SignatureFault.STALE),
        (-299, None),
        (-301, SignatureFault.AHEAD),
        (-(10**10), SignatureFault.AHEAD),
        (int(AT), SignatureFault.STALE),
    ],
)
def test_age_window_is_symmetric(age: int, fault: SignatureFault | None) -> None:
    """Five minutes either way; the far future, which the library accepts, is refused."""
    assert fault_of(BODY, signature(BODY, AT - age)) is fault


@pytest.mark.parametrize("body", [b"\xff\xfe{}", b'{"name": "\xe4"}'])
def test_body_that_is_not_utf8_is_refused(body: bytes) -> None:
    """The library would raise UnicodeDecodeError before checking anything."""
    assert fault_of(body, signature(body, AT)) is SignatureFault.BODY_NOT_UTF8


def test_refusal_carries_no_contents() -> None:
    """Neither the message nor the chained exceptions hold body, header or secret."""
    with pytest.raises(BadSignature) as caught:
        verify(BODY, signature(BODY, AT, "whsec_wrong"), SECRETS, NOW)

    error: BaseException | None = caught.value
    assert error is not None
    assert error.__context__ is None
    assert error.__cause__ is None
    assert EMAIL not in repr(error)
    assert error.args == ("no_match",)


def test_librarys_own_headers_are_accepted() -> None:
    """Our checks and the official generator agree."""
    header = stripe.WebhookSignature.generate_signature_header(
        BODY.decode(), SECRET, timestamp=int(AT)
    )

    assert fault_of(BODY, header) is None


def test_library_accepts_our_helpers_signature() -> None:
    """The five-line helper of these tests signs like Stripe."""
    at = time.time()
    built = stripe.Webhook.construct_event(BODY, signature(BODY, at), SECRET, api_key="rk_test_x")

    assert built["id"] == event(session())["id"]


@given(st.binary(max_size=200), st.text(max_size=80))
def test_only_bad_signature_ever_escapes(body: bytes, header: str) -> None:
    """Whatever an anonymous caller sends, the answer is a refusal and not a crash."""
    with pytest.raises(BadSignature):
        verify(body, header, SECRETS, NOW)
