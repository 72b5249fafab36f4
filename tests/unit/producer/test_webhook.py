"""`POST /webhooks/stripe`: which answer for which call, and what is left behind."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from domain.job import Job, State
from payments.events import StripeEvent
from producer.intake import Intake, Outcome
from tests.builders import ORDER_ID, SESSION_ID
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.stripe_events import EMAIL, NAME, event, session
from tests.stripe_signing import OLD_SECRET, SECRET, as_body, signature
from tests.unit.producer.fakes import World, world

EVENT = event(session())
BODY = as_body(EVENT)
PATH = "/webhooks/stripe"


def signed(here: World, body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return {"Stripe-Signature": signature(body, here.clock.now().timestamp(), secret)}


async def answer(
    here: World, body: bytes, headers: dict[str, Any] | None = None
) -> tuple[int, str]:
    response = await here.post(body, headers=headers)
    return response.status_code, response.json()["status"]


async def test_new_paid_order() -> None:
    """200 once the job is in the ledger."""
    here = world()

    assert await answer(here, BODY) == (200, "accepted")
    assert here.job().order_id == ORDER_ID


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (event(session(payment_status="unpaid")), "not_paid"),
        (event(session(metadata={"product": "poster"})), "ignored"),
        (event({"object": "invoice"}, "invoice.paid"), "ignored"),
        (event(session(livemode=False), livemode=False), "review"),
        (event(session(amount_subtotal=1)), "review"),
        (event(session(metadata={"bewertungId": "?"})), "review"),
    ],
)
async def test_what_no_retry_can_change_is_acknowledged(raw: dict[str, Any], expected: str) -> None:
    """A steady 4xx on unwanted events would endanger the wanted ones."""
    assert await answer(world(), as_body(raw)) == (200, expected)


async def test_both_secrets_of_a_rotation_are_accepted() -> None:
    """Old and new secret work side by side."""
    here = world()

    assert await answer(here, BODY, signed(here, secret=OLD_SECRET)) == (200, "accepted")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "t=1,v1=00"},
        {"Stripe-Signature": signature(BODY, 0)},
        {"Stripe-Signature": "t=1,v1=" + "0" * 3000},
        {"Stripe-Signature": "t=1,v1=\u00e9".encode("latin-1")},
    ],
    ids=["missing", "empty", "wrong", "stale", "large", "non-ascii"],
)
async def test_refused_signatures_read_alike(headers: dict[str, Any]) -> None:
    """A forger learns nothing from the answer, and nothing of the body is stored."""
    here = world()

    response = await here.post(BODY, headers=headers)

    assert (response.status_code, response.content) == (400, b'{"status":"bad_signature"}')
    assert here.events() == {}


async def test_two_signature_headers_are_refused() -> None:
    """Which of the two was meant is nobody's guess."""
    here = world()
    header = signed(here)["Stripe-Signature"]

    async with here.client() as client:
        response = await client.post(
            PATH, content=BODY, headers=[("Stripe-Signature", header), ("Stripe-Signature", header)]
        )

    assert response.status_code == 400


async def test_body_that_is_not_utf8_is_refused() -> None:
    """A decoding error is an answer, not a crash."""
    here = world()
    body = b'{"name": "\xe4"}'

    assert await answer(here, body, signed(here, body)) == (400, "bad_signature")


@pytest.mark.parametrize(
    "body",
    [b"[]", b"not json", as_body({"object": "event"}), as_body(event(session(id=None), id="evt"))],
)
async def test_signed_but_malformed(body: bytes) -> None:
    """Visible as a failure in Stripe's dashboard, and nothing is stored."""
    here = world()

    assert await answer(here, body) == (400, "malformed")
    assert here.events() == {}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_only_post(method: str) -> None:
    """Other methods are refused before anything is read."""
    async with world().client() as client:
        assert (await client.request(method, PATH)).status_code == 405


async def test_no_redirect() -> None:
    """Stripe does not follow redirects, so there is none to a path with a slash."""
    async with world().client() as client:
        assert (await client.post(PATH + "/", content=BODY)).status_code == 404


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_large_body_is_refused_while_reading() -> None:
    """A megabyte without Content-Length ends at 256 KiB."""
    here = world()

    async with here.client() as client:
        response = await client.post(PATH, content=chunks(65536, 16), headers=signed(here))

    assert (response.status_code, response.json()) == (413, {"status": "too_large"})


async def test_body_of_exactly_the_limit_is_read() -> None:
    """256 KiB is allowed."""
    padded = as_body(EVENT | {"padding": ""})
    body = as_body(EVENT | {"padding": "x" * (256 * 1024 - len(padded))})

    assert len(body) == 256 * 1024
    assert await answer(world(), body) == (200, "accepted")


async def test_dripping_body_is_given_up() -> None:
    """A sender who never finishes gets 408."""
    here = world(body_seconds=0.01)

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with here.client() as client:
        response = await client.post(PATH, content=endless(), headers=signed(here))

    assert response.status_code == 408


@pytest.mark.parametrize("secrets", [(), ("",)])
async def test_without_a_secret_the_door_is_closed(secrets: tuple[str, ...]) -> None:
    """503: Stripe keeps retrying until it is configured; an empty key opens nothing."""
    here = world(secrets=secrets)

    assert await answer(here, BODY, signed(here, secret="")) == (503, "not_configured")
    assert here.jobs() == []


async def test_before_the_ledger_is_prepared() -> None:
    """Without indexes nothing is unique: 503 until the migrations are through."""
    here = world()
    here.gate._is_open = False

    assert await answer(here, BODY) == (503, "unavailable")
    here.gate.open()
    assert await answer(here, BODY) == (200, "accepted")


async def test_database_down() -> None:
    """503, nothing is marked as done, and Stripe's retry completes the work."""
    here = world()
    here.store.is_down = True

    assert await answer(here, BODY) == (503, "unavailable")
    assert here.events() == {}
    here.store.is_down = False
    assert await answer(here, BODY) == (200, "accepted")
    assert here.job().state is State.QUEUED


class Scripted(Intake):
    """An intake that does one thing with every event."""

    def __init__(self, failure: Exception | None) -> None:
        self._failure = failure

    async def take_notice(self, event: StripeEvent) -> Outcome:
        del event
        if self._failure:
            raise self._failure
        await asyncio.Event().wait()
        return Outcome.ACCEPTED


async def test_database_hanging() -> None:
    """A ledger that never answers is given up in time for Stripe."""
    here = world(intake=Scripted(None), answer_seconds=0.01)

    assert await answer(here, BODY) == (503, "unavailable")


async def test_unexpected_failure_is_a_503_and_one_line() -> None:
    """Stripe retries; the line names type and place but quotes nothing."""
    here = world(intake=Scripted(RuntimeError(f"boom {EMAIL}")))

    with capture_logs() as logs:
        assert await answer(here, BODY) == (503, "unavailable")

    (crash,) = [line for line in logs if line["event"] == "stripe_event_crashed"]
    assert crash["error"] == "RuntimeError"
    assert "take_notice" in crash["where"]
    assert EMAIL not in repr(logs)


async def test_only_bad_signatures_are_limited() -> None:
    """Thirty forgeries a minute and address; Stripe itself is never kept out."""
    here = world()
    bad = {"Stripe-Signature": "t=1,v1=00"}

    answers = [(await here.post(BODY, headers=bad)).status_code for _ in range(31)]

    assert answers == [400] * 30 + [429]
    assert await answer(here, BODY) == (200, "accepted")
    async with here.client("198.51.100.7") as elsewhere:
        assert (await elsewhere.post(PATH, content=BODY, headers=bad)).status_code == 400


async def test_ipv6_addresses_of_one_site_count_together() -> None:
    """A /64 belongs to one customer of a provider."""
    here = world()
    statuses = []
    for number in range(31):
        async with here.client(f"2001:db8::{number:x}") as client:
            statuses.append((await client.post(PATH, content=BODY)).status_code)

    assert statuses[-1] == 429


async def test_redeliveries_and_twins_at_once() -> None:
    """Twenty calls at the same time, one job in the store."""
    here = world()
    twins = [as_body(event(session(), id=f"evt_{number}")) for number in range(10)]

    answers = await asyncio.gather(*(answer(here, body) for body in [BODY] * 10 + twins))

    assert set(answers) == {(200, "accepted")}
    assert isinstance(here.job(), Job)
    assert here.events()[EVENT["id"]]["deliveries"] == 10


async def test_log_line_of_an_event() -> None:
    """Event, type, session, decision and latency are what the log tells."""
    here = world()

    with capture_logs(processors=[merge_contextvars]) as logs:
        await answer(here, BODY)

    (line,) = [line for line in logs if line["event"] == "stripe_event_answered"]
    assert line["event_id"] == EVENT["id"]
    assert line["session_id"] == SESSION_ID
    assert (line["type"], line["decision"]) == ("checkout.session.completed", "accepted")
    assert line["latency_ms"] == 0


@pytest.mark.parametrize(
    "raw",
    [
        EVENT,
        event(session(amount_subtotal=1)),
        event(session(metadata={})),
        event(session(), object="v2.core.event"),
        event(session(id=7)),
        event(session(), id=EMAIL * 20),
    ],
)
async def test_no_record_names_the_customer(
    raw: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """No address, name, secret or signature in any record, whatever happens to the event."""
    here = world(store=MemoryStore(FakeClock()))
    caplog.set_level(logging.DEBUG)
    body = as_body(raw)
    header = signature(body, here.clock.now().timestamp())

    with capture_logs(processors=[merge_contextvars]) as logs:
        await here.post(body, headers={"Stripe-Signature": header})
        await here.post(body, headers={"Stripe-Signature": header.replace("v1", "v0")})
        here.store.is_down = True
        await here.post(body, headers={"Stripe-Signature": header})

    written = repr(logs) + caplog.text
    for secret in (EMAIL, NAME, json.dumps(NAME), SECRET, header, header.partition("v1=")[2]):
        assert secret not in written
