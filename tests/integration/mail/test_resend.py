"""Resend's API as a small server of our own plays it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from domain.errors import Unavailable
from domain.ports import Letter
from llm.http import make_client
from mail.resend import ResendMailer

LETTER = Letter(
    key="valuation:cs_live_1:customer",
    to=("anna@example.org",),
    subject="Ihre Pferdebewertung ist fertig",
    text="Grüße",
    html="<p>Grüße</p>",
)


@dataclass
class Provider:
    """Answers with `reply` and remembers what it was asked."""

    reply: Callable[[], Awaitable[web.Response]]
    seen: list[tuple[Mapping[str, str], Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.headers, await request.json()))
        return await self.reply()


def replies(status: int, body: object) -> Callable[[], Awaitable[web.Response]]:
    async def reply() -> web.Response:
        return web.json_response(body, status=status)

    return reply


@pytest.fixture
async def provider() -> AsyncIterator[tuple[Provider, str]]:
    provider = Provider(replies(200, {"id": "mail-1"}))
    app = web.Application()
    app.router.add_post("/emails", provider.handle)
    server = TestServer(app)
    await server.start_server()
    yield provider, str(server.make_url(""))
    await server.close()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    client = make_client(connect_timeout=2, max_connections=5)
    yield client
    await client.aclose()


def mailer(client: httpx.AsyncClient, url: str, *, total_s: float = 5) -> ResendMailer:
    return ResendMailer(
        client,
        base_url=url,
        api_key=SecretStr("re_secret"),
        sender="PferdeWert <info@example.org>",
        total_s=total_s,
    )


async def test_request(provider: tuple[Provider, str], client: httpx.AsyncClient) -> None:
    """One POST with key, sender, recipient and both bodies; the provider's id comes back."""
    server, url = provider

    assert await mailer(client, url).send(LETTER) == "mail-1"

    [(headers, body)] = server.seen
    assert headers["Idempotency-Key"] == LETTER.key
    assert headers["Authorization"] == "Bearer re_secret"
    assert body == {
        "from": "PferdeWert <info@example.org>",
        "to": ["anna@example.org"],
        "subject": LETTER.subject,
        "html": LETTER.html,
        "text": LETTER.text,
    }


@pytest.mark.parametrize("body", [{}, [], "x"])
async def test_taken_without_an_id(
    provider: tuple[Provider, str], client: httpx.AsyncClient, body: object
) -> None:
    """A 2xx is a mail taken, whatever its body says: a retry would send it twice."""
    server, url = provider
    server.reply = replies(202, body)

    assert await mailer(client, url).send(LETTER) == "unknown"


async def test_key_used_with_another_text(
    provider: tuple[Provider, str], client: httpx.AsyncClient
) -> None:
    """An earlier try with this key was taken: the mail counts as sent."""
    server, url = provider
    server.reply = replies(409, {"name": "invalid_idempotent_request", "message": "…"})

    assert await mailer(client, url).send(LETTER) == "taken-earlier"


@pytest.mark.parametrize(
    ("status", "name", "message"),
    [
        (409, "concurrent_idempotent_requests", "resend: 409 concurrent_idempotent_requests"),
        (429, "rate_limit_exceeded", "resend: 429 rate_limit_exceeded"),
        (500, "internal_server_error", "resend: 500 internal_server_error"),
        (401, "missing_api_key", "resend: 401 missing_api_key"),
        (422, "anna@example.org is no address", "resend: 422"),
        (503, None, "resend: 503"),
    ],
)
async def test_refusals(
    provider: tuple[Provider, str],
    client: httpx.AsyncClient,
    status: int,
    name: str | None,
    message: str,
) -> None:
    """Everything else is tried again later; the error names the code and nobody's address."""
    server, url = provider
    server.reply = replies(status, {"name": name, "message": "anna@example.org"})

    with pytest.raises(Unavailable) as caught:
        await mailer(client, url).send(LETTER)

    assert str(caught.value) == message


async def test_silence_is_bounded(
    provider: tuple[Provider, str], client: httpx.AsyncClient
) -> None:
    """A server that never answers costs the total time and no more."""
    server, url = provider
    server.reply = _never

    with pytest.raises(Unavailable, match="resend: TimeoutError"):
        await mailer(client, url, total_s=0.1).send(LETTER)


async def _never() -> web.Response:
    never: asyncio.Future[web.Response] = asyncio.get_running_loop().create_future()
    return await never


async def test_nobody_listens(client: httpx.AsyncClient, unused_tcp_port: int) -> None:
    """A refused connection is an outage like any other."""
    with pytest.raises(Unavailable):
        await mailer(client, f"http://127.0.0.1:{unused_tcp_port}").send(LETTER)
