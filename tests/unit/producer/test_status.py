"""`GET /orders/{session_id}`, and what every answer of the web process has in common."""

from typing import Any

import pytest

from domain.job import Kind, PaymentFacts
from ledger.documents import new_job, order_key, plain
from ledger.names import JOBS, ORDERS
from tests.builders import NOW, ORDER_ID, SESSION_ID, order
from tests.integration.ledger.examples import make_answer
from tests.stripe_events import EMAIL, event, refund_event, session
from tests.unit.producer.fakes import SITE, world

PATH = f"/orders/{SESSION_ID}"
TEST_SESSION = SESSION_ID.replace("live", "test")


async def test_queued_order() -> None:
    """A paid order is found by its session."""
    here = world()
    await here.deliver(event(session()))

    response = await here.get(PATH)
    view = response.json()

    assert response.status_code == 200
    assert (view["session_id"], view["kind"], view["state"]) == (SESSION_ID, "valuation", "queued")
    assert view["eta_seconds"] == 60
    assert "deine Bewertung" in view["message"]
    assert (view["ai_response"], view["error"]) == (None, None)


async def test_unpaid_order() -> None:
    """An order document alone is not a payment."""
    here = world()
    here.store.put_order(Kind.CERTIFICATE, order())

    view = (await here.get(PATH)).json()

    assert (view["kind"], view["state"]) == ("certificate", "unpaid")


async def test_cancelled_order() -> None:
    """A refunded order says so."""
    here = world()
    await here.deliver(event(session()), refund_event(1490))

    view = (await here.get(PATH)).json()

    assert (view["state"], view["error"]["code"]) == ("cancelled", "general")
    assert "erstattet" in view["message"]


async def test_play_money_is_parked_for_everybody_to_see() -> None:
    """A payment of the other mode is a job in front of a human like any other."""
    here = world()
    await here.deliver(event(session(id=TEST_SESSION, livemode=False), livemode=False))

    assert (await here.get(f"/orders/{TEST_SESSION}")).json()["state"] == "parked"


async def test_an_id_with_a_hyphen_is_an_order_like_any_other() -> None:
    """Stripe may change its ids' alphabet; what the webhook took the page must show."""
    here = world()
    await here.deliver(event(session(id="cs_live_order-17")))

    assert (await here.get("/orders/cs_live_order-17")).json()["state"] == "queued"


async def test_unknown_orders_read_alike() -> None:
    """Unknown, malformed, or no route at all: the same bytes."""
    here = world()
    await here.deliver(event(session()))

    answers = [
        await here.get(path)
        for path in (
            "/orders/cs_live_unknown",
            "/orders/cs_test_unknown",
            "/orders/cs_live_" + "x" * 241,
            "/orders/cs_live_%C3%A9",
            "/orders/cs_live_x%0A",
            "/orders/cs_live_",
            "/orders/cs_live_$ne",
            "/orders/68a0c0ffee0123456789abcd",
            "/orders/cs_live_unknown/events",
            "/nowhere",
        )
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.content for answer in answers} == {b'{"status":"not_found"}'}
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1


async def test_longest_session_id_is_looked_up() -> None:
    """Ids may grow; 240 characters behind the prefix are looked up."""
    here = world()
    session_id = "cs_live_" + "x" * 240
    await here.deliver(event(session(id=session_id), id="evt_long"))

    assert (await here.get(f"/orders/{session_id}")).status_code == 200


async def test_test_mode_reads_its_own_sessions() -> None:
    """A staging system knows test sessions and no live ones."""
    here = world(livemode=False)
    await here.deliver(event(session(id=TEST_SESSION, livemode=False), livemode=False))

    assert (await here.get(f"/orders/{TEST_SESSION}")).status_code == 200
    assert (await here.get(PATH)).status_code == 404


async def test_ledger_down() -> None:
    """503 with a fixed word; not a 404, which would send the customer away."""
    here = world()
    here.store.is_down = True

    response = await here.get(PATH)

    assert (response.status_code, response.json()) == (503, {"status": "unavailable"})
    assert response.headers["retry-after"] == "5"


async def test_reads_are_limited_by_address() -> None:
    """Sixty reads per ten seconds are allowed, the next is told when to come back."""
    here = world()
    await here.deliver(event(session()))

    async with here.client() as client:
        statuses = [(await client.get(PATH)).status_code for _ in range(60)]
        refused = await client.get(PATH)
    async with here.client("198.51.100.7") as elsewhere:
        allowed = await elsewhere.get(PATH)

    assert set(statuses) == {200}
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert allowed.status_code == 200


async def test_no_personal_data_is_shown() -> None:
    """The session id is a bearer token that may be shared: it opens no address book."""
    here = world()
    here.store.put_order(Kind.VALUATION, order())
    await here.deliver(event(session()))

    body = (await here.get(PATH)).text

    assert EMAIL not in body
    assert "Hannover" not in body


async def test_every_answer_wears_the_same_headers() -> None:
    """Never cached, never sniffed, never framed, success or not."""
    here = world()
    await here.deliver(event(session()))

    for path in (PATH, "/orders/x", "/health", "/webhooks/stripe"):
        headers = (await here.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.parametrize(
    ("origin", "allowed"), [(SITE, SITE), ("https://evil.example", None), (f"{SITE}.evil", None)]
)
async def test_browsers_of_the_shop_may_read(origin: str, allowed: str | None) -> None:
    """Cross-origin reads are for the shop's pages, refusals included."""
    here = world()

    assert (await here.get(PATH, origin=origin)).headers.get(
        "access-control-allow-origin"
    ) == allowed


async def test_health() -> None:
    """200 while the process serves, whatever MongoDB does."""
    here = world()
    here.store.is_down = True

    async with here.client() as client:
        assert (await client.get("/health")).json() == {"status": "ok"}
        assert (await client.head("/health")).status_code == 200


async def test_openapi_documents_the_order() -> None:
    """The front end's developers find the shape at /openapi.json."""
    here = world()
    schema = (await here.get("/openapi.json")).json()

    assert "/orders/{session_id}/events" in schema["paths"]
    view = schema["components"]["schemas"]["OrderView"]["properties"]
    assert {"ai_response", "ai_model", "response_time_ms", "token_usage", "error"} <= set(view)
    assert (await here.get("/docs")).status_code == 404


async def test_a_damaged_job_is_shown_as_parked() -> None:
    """A job that cannot be read is in front of a human, and the customer reads so."""
    here = world()
    await here.deliver(event(session()))
    job = here.store.all(JOBS)[0]
    here.store.put(JOBS, job | {"state": 7, "attempts": "many"})

    assert (await here.get(PATH)).json()["state"] == "parked"


async def test_crash_is_a_500_without_contents() -> None:
    """What we did not think of is our fault and tells the caller nothing."""
    here = world()

    @here.app.get("/broken")
    async def broken() -> None:
        raise ValueError("a customer's words")

    response = await here.get("/broken", origin=SITE)

    assert (response.status_code, response.json()) == (500, {"status": "error"})
    assert response.headers["access-control-allow-origin"] == SITE


@pytest.mark.parametrize("kind", list(Kind))
async def test_an_old_result_is_read_from_the_order(kind: Kind) -> None:
    """The job keeps the words for a while only; without an order there is nothing to show."""
    here = world()
    result = {"bewertung": "### Alt"} | {"zertifikat_data": {"preisVon": 1, "preisBis": 2}}
    here.store.put_order(kind, order(**result))
    here.store.put(JOBS, slimmed_job(kind))

    view = (await here.get(PATH)).json()
    here.store.drop(ORDERS[kind], order_key(ORDER_ID))
    without = (await here.get(PATH)).json()

    if kind is Kind.VALUATION:
        assert (view["ai_response"], without["ai_response"]) == ("### Alt", None)
    else:
        assert view["certificate"]["data"] == {"preisVon": 1, "preisBis": 2}
        assert without["certificate"] is None
    assert without["state"] == "delivered"


def slimmed_job(kind: Kind) -> dict[str, Any]:
    job = new_job(kind, SESSION_ID, order_id=ORDER_ID, payment=PaymentFacts(), reason=None, now=NOW)
    answer = plain(make_answer(kind)) | {"text": "", "certificate": None}
    return job | {"state": "delivered", "answer": answer, "slimmed_at": NOW}
