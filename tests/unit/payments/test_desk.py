"""Stripe for people at the command line."""

import httpx
import pytest
from pydantic import SecretStr

from domain.errors import Unavailable
from payments.desk import StripeDesk, StripeRefused, signed
from payments.signature import verify
from tests.builders import NOW
from tests.stripe_signing import SECRET, signature

BASE = "https://stripe.test"
KEY = SecretStr("rk_test_desk")


def desk(status: int, body: object) -> StripeDesk:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    return StripeDesk(httpx.AsyncClient(transport=transport), base_url=BASE, api_key=KEY)


def test_a_rehearsed_event_is_signed_as_stripe_signs() -> None:
    """Our own door lets it in, and an independent signer agrees; umlauts included."""
    body, header = signed({"id": "evt_1", "name": "Jörg"}, SecretStr(f"{SECRET}\n"), 1000.9)

    assert header == signature(body, 1000)
    body, header = signed({"id": "evt_1"}, SecretStr(SECRET), NOW.timestamp())
    verify(body, header, [SecretStr(SECRET)], NOW)


@pytest.mark.parametrize(("status", "words"), [(401, "new"), (403, "permission"), (404, "mode")])
async def test_refusals_say_what_to_do(status: int, words: str) -> None:
    """A bad key, a missing permission, an unknown session; the key itself is not named."""
    with pytest.raises(StripeRefused, match=words) as refused:
        await desk(status, {}).session("cs_1")

    assert KEY.get_secret_value() not in str(refused.value)


async def test_the_key_must_read_events_too() -> None:
    """Without them nobody notices refunds whose webhook got lost."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403 if request.url.path == "/v1/events" else 200, json={})

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    with pytest.raises(StripeRefused, match="may not read Events"):
        await StripeDesk(client, base_url=BASE, api_key=KEY).check()


@pytest.mark.parametrize(("status", "body"), [(500, {}), (429, {}), (200, ["no", "object"])])
async def test_everything_else_is_an_outage(status: int, body: object) -> None:
    """Trying again later is right."""
    with pytest.raises(Unavailable):
        await desk(status, body).check()


async def test_a_session_is_returned_as_it_is() -> None:
    """Nothing is read into it here."""
    assert await desk(200, {"id": "cs_1"}).session("cs_1") == {"id": "cs_1"}
