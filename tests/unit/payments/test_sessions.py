"""Whom to write to, read from Stripe at send time."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from domain.errors import Unavailable
from domain.ports import Buyer, Buyers
from payments.sessions import StripeBuyers, first_name
from tests.builders import SESSION_ID
from tests.stripe_events import EMAIL, certificate_session, session

KEY = "rk_live_c2VjcmV0"
Handler = Callable[[httpx.Request], httpx.Response]


def buyers(handler: Handler, key: str | None = KEY) -> Buyers:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    secret = SecretStr(key) if key else None
    return StripeBuyers(client, base_url="https://api.stripe.com/", api_key=secret)


def answering(body: Any, status: int = 200) -> Handler:
    return lambda _request: httpx.Response(status, json=body)


async def test_buyer_of_a_session() -> None:
    """Address, first name and amount come from the session."""
    buyer = await buyers(answering(session())).of(SESSION_ID)

    assert buyer == Buyer(
        email=EMAIL, first_name="Anna", amount_total=1490, currency="eur", source=None
    )


async def test_request_names_session_and_key() -> None:
    """One GET below the configured base, authorised by the restricted key."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=session())

    await buyers(handler).of(SESSION_ID)

    assert str(seen[0].url) == f"https://api.stripe.com/v1/checkout/sessions/{SESSION_ID}"
    assert seen[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [("instagram", "instagram"), ("unknown", None), ("Unknown ", None), ("", None)],
)
async def test_source(source: str, expected: str | None) -> None:
    """The site writes `unknown` where it knows nothing."""
    raw = certificate_session(metadata={"attribution_source": source})

    assert (await buyers(answering(raw)).of(SESSION_ID)).source == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"customer_details": None, "customer_email": EMAIL},
        {"customer_details": {"email": None, "name": None}, "customer_email": EMAIL},
        {"customer_details": "?", "customer_email": EMAIL, "metadata": None, "currency": 7},
    ],
)
async def test_sparse_sessions(changes: dict[str, Any]) -> None:
    """Nulls and odd shapes cost a name, not the mail."""
    buyer = await buyers(answering(session(**changes))).of(SESSION_ID)

    assert (buyer.email, buyer.first_name) == (EMAIL, None)


@pytest.mark.parametrize(
    "handler",
    [
        answering({"error": {"code": "resource_missing"}}, 404),
        answering({"error": {}}, 401),
        answering({}, 500),
        answering({}),
        answering([1]),
        lambda _request: httpx.Response(200, text="<html>"),
    ],
)
async def test_stripe_does_not_tell(handler: Handler) -> None:
    """Missing sessions, refusals and nonsense are all Unavailable: the mail waits."""
    with pytest.raises(Unavailable):
        await buyers(handler).of(SESSION_ID)


async def test_stripe_is_not_there() -> None:
    """A transport error is Unavailable and names neither key nor address."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Unavailable, match="Stripe did not answer: ConnectError"):
        await buyers(refuse).of(SESSION_ID)


async def test_without_a_key_nobody_is_asked() -> None:
    """No key: no request, and an error that says what to set."""

    def forbidden(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("no request was due")

    with pytest.raises(Unavailable, match="STRIPE_API_KEY is not set"):
        await buyers(forbidden, key=None).of(SESSION_ID)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Anna Beispiel", "Anna"),
        ("ANNA-LENA BEISPIEL", "Anna-Lena"),
        ("Dr. Anna Beispiel", "Anna"),
        ("Prof. Dr. h.c. Eva Maria Beispiel", "Eva"),
        ("Dr.-Ing. Karl-Heinz Beispiel", "Karl-Heinz"),
        ("Frau Anna Beispiel", "Anna"),
        ("Beispiel, Anna", "Anna"),
        ("Zoë", "Zoë"),
        ("D'Arcy Beispiel", "D'Arcy"),
        ("Frau Beispiel", None),
        ("Dr. Beispiel", None),
        ("Familie Beispiel", None),
        ("Reitstall Sonnenhof GmbH", None),
        ("A. Beispiel", None),
        ("anna@example.org", None),
        ("<b>Anna</b> Beispiel", None),
        ("x" * 200, None),
        ("   ", None),
        ("", None),
        (None, None),
    ],
)
def test_first_name(name: str | None, expected: str | None) -> None:
    """Better no name than a wrong one."""
    assert first_name(name) == expected
