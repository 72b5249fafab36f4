"""When the promise breaks: everybody who must know is told, once."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from sandbox.client import SandboxControl
from sandbox.shop import Shop, open_database
from sandbox.stack import WEBHOOK_SECRET, Stack
from tests.acceptance.conftest import World

TELLING_S = 100.0
"""The clock looks once a minute."""


@dataclass
class AlertChannel:
    """What a Slack-compatible address was sent."""

    texts: list[str] = field(default_factory=list)
    url: str = ""

    def about(self, session_id: str) -> list[str]:
        return [text for text in self.texts if session_id in text]


@pytest.fixture(scope="module")
def channel() -> Iterator[AlertChannel]:
    heard = AlertChannel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.texts.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield heard
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def impatient(channel: AlertChannel) -> Iterator[Stack]:
    """Give the whole system less than a second before it gives an order up."""
    settings = {
        "GIVE_UP_AFTER_HOURS": "0.0001",
        "WAIT_SCHEDULE_SECONDS": "1",
        "OPENROUTER_RETRY_ATTEMPTS": "0",
        "OPENROUTER_MIN_INTERVAL_MS": "0",
        "ALERT_WEBHOOK_URL": channel.url,
        "ENVIRONMENT": "staging",
    }
    with Stack(settings=settings, workers=2).running() as running:
        yield running


@pytest.fixture
async def broken(impatient: Stack) -> AsyncIterator[World]:
    """No model gives an acceptable answer."""
    client, database = open_database(impatient.mongodb_uri, impatient.database)
    async with (
        client,
        httpx.AsyncClient(timeout=10, trust_env=False) as http,
        SandboxControl(impatient.sandbox_url) as control,
    ):
        await control.reset()
        await control.set_scenario({"models": {"*": {"then": ["apology"], "latency": 0.02}}})
        shop = Shop(database, control, http, web_url=impatient.web_url, secret=WEBHOOK_SECRET)
        yield World(impatient, shop, control, database)


@pytest.mark.timeout(240)
async def test_an_exhausted_chain_tells_customer_shop_and_channel_once(
    broken: World, channel: AlertChannel
) -> None:
    """One delay mail, one refund proposal, one alert with the command, nothing on the order."""
    session_id = await broken.paid()

    job = await broken.ended(session_id)

    assert (job["state"], job["reason"]["code"]) == ("parked", "chain_exhausted")
    assert await broken.mails_for(session_id) == ["delay", "refund-proposal"]
    by_key = {mail["idempotency_key"]: mail for mail in await broken.control.mails()}
    proposal = str(by_key[f"valuation:{session_id}:refund-proposal"])
    assert f"pferdewert orders retry {session_id}" in proposal
    assert "dashboard.stripe.com" in proposal
    assert "noch nicht fertig" in str(by_key[f"valuation:{session_id}:delay"])

    async def told() -> bool:
        return bool(channel.about(session_id))

    await broken.until("the alert is posted", told, patience_s=TELLING_S)
    [alert] = channel.about(session_id)
    assert f"pferdewert orders retry {session_id}" in alert
    asked = await broken.control.journal("stripe")
    assert {request["method"] for request in asked} == {"GET"}
