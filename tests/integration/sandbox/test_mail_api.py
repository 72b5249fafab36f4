"""The mail API: sent once per key, whatever happens to the reply."""

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.client import SandboxControl

KEY = {"Authorization": "Bearer re_rehearsal"}
MAIL: dict[str, Any] = {
    "from": "PferdeWert <info@example.test>",
    "to": ["kundin@example.test"],
    "subject": "Ihre Bewertung",
    "html": "<p>Fertig</p>",
}


async def send(
    http: httpx.AsyncClient, key: str | None = "valuation:cs_1:customer", **more: Any
) -> httpx.Response:
    headers = KEY if key is None else KEY | {"Idempotency-Key": key}
    return await http.post("/emails", json=MAIL | more, headers=headers)


async def test_a_mail_is_taken_and_can_be_read(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """The id leads back to the mail; the record keeps its key."""
    mail_id = (await send(http)).json()["id"]
    (kept,) = await control.mails()
    shown = (await http.get(f"/emails/{mail_id}", headers=KEY)).json()

    assert (kept["id"], kept["idempotency_key"]) == (mail_id, "valuation:cs_1:customer")
    assert (shown["subject"], shown["to"]) == (MAIL["subject"], MAIL["to"])


async def test_a_repeated_key_sends_nothing_new(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """Same key, same body: same id, one mail, one replay."""
    first, second = await send(http), await send(http)
    (kept,) = await control.mails()

    assert first.json() == second.json()
    assert kept["replays"] == 1


async def test_a_key_belongs_to_one_body(http: httpx.AsyncClient) -> None:
    """Same key, other body: 409."""
    await send(http)
    response = await send(http, subject="Etwas anderes")

    assert response.status_code == 409
    assert response.json()["name"] == "invalid_idempotent_request"


async def test_a_key_serves_one_request_at_a_time(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """Two at once: one is taken, the other told to come back."""
    await control.set_scenario({"mail": {"latency": 0.1}})
    answers = await asyncio.gather(send(http), send(http))
    refused = next(answer for answer in answers if answer.status_code == 409)

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert refused.json()["name"] == "concurrent_idempotent_requests"
    assert len(await control.mails()) == 1


async def test_without_a_key_every_request_is_a_mail(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """No key, no memory."""
    await send(http, key=None)
    await send(http, key=None)

    assert len(await control.mails()) == 2


@pytest.mark.parametrize("outcome", ["accepted_then_500", "accepted_then_reset"])
async def test_a_mail_can_be_taken_without_saying_so(
    http: httpx.AsyncClient, control: SandboxControl, outcome: str
) -> None:
    """The first reply is lost; the retry with the same key finds the mail already sent."""
    await control.set_scenario({"mail": {"outcomes": [outcome]}})
    try:
        assert (await send(http)).status_code == 500
    except httpx.TransportError:
        assert outcome == "accepted_then_reset"
    retried = await send(http)
    (kept,) = await control.mails()

    assert retried.json()["id"] == kept["id"]


@pytest.mark.parametrize(
    ("outcome", "status", "name"),
    [
        ("403", 403, "invalid_api_key"),
        ("422", 422, "validation_error"),
        ("429", 429, "rate_limit_exceeded"),
        ("429_quota", 429, "daily_quota_exceeded"),
        ("500", 500, "internal_server_error"),
        ("503", 503, "application_error"),
    ],
)
async def test_refused_mails_are_not_sent(
    http: httpx.AsyncClient, control: SandboxControl, outcome: str, status: int, name: str
) -> None:
    """A refusal leaves no mail and no memory of the key."""
    await control.set_scenario({"mail": {"outcomes": [outcome]}})
    refused = await send(http)

    assert (refused.status_code, refused.json()["name"]) == (status, name)
    assert await control.mails() == []
    assert (await send(http)).status_code == 200


@pytest.mark.parametrize("missing", ["from", "to", "subject", "html"])
async def test_incomplete_mails_are_refused(http: httpx.AsyncClient, missing: str) -> None:
    """The missing field is named."""
    response = await send(http, **{missing: None})

    assert response.status_code == 422
    assert f"`{missing}`" in response.json()["message"]


async def test_the_key_has_a_length(http: httpx.AsyncClient) -> None:
    """At most 256 characters."""
    assert (await send(http, key="k" * 257)).json()["name"] == "invalid_idempotency_key"


async def test_a_key_is_needed(http: httpx.AsyncClient) -> None:
    """None is 401, a wrong one 403."""
    wrong = {"Authorization": "Bearer re_invalid"}
    answers = [await http.post("/emails", json=MAIL, headers=h) for h in ({}, wrong)]

    assert [answer.status_code for answer in answers] == [401, 403]
