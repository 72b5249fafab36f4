"""Orders that no webhook ever told of, in a system of their own whose clock asks often."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest

from sandbox.client import SandboxControl
from sandbox.shop import DRESSAGE_HORSE, Shop, open_database
from sandbox.stack import WEBHOOK_SECRET, Stack
from tests.acceptance.conftest import World


@pytest.fixture(scope="module")
def watchful() -> Iterator[Stack]:
    """The whole system; it asks Stripe every three seconds."""
    settings = {
        "RECONCILE_EVERY_MINUTES": "0.05",
        "OPENROUTER_MIN_INTERVAL_MS": "0",
        "WORKER_GRACE_SECONDS": "2",
        "ENVIRONMENT": "staging",
    }
    with Stack(settings=settings).running() as running:
        yield running


@pytest.fixture
async def world(watchful: Stack) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        client, database = open_database(watchful.mongodb_uri, watchful.database)
        await stack.enter_async_context(client)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10, trust_env=False))
        control = await stack.enter_async_context(SandboxControl(watchful.sandbox_url))
        shop = Shop(database, control, http, web_url=watchful.web_url, secret=WEBHOOK_SECRET)
        yield World(watchful, shop, control, database)
        watchful.restart_the_dead()


async def test_an_order_paid_while_the_web_process_was_down_is_delivered(world: World) -> None:
    """No webhook ever comes, the web process does not come back, and the customer has a mail."""
    world.stack.kill("web")
    session_id = await world.shop.pay("valuation", DRESSAGE_HORSE)

    async def found() -> bool:
        return bool(await world.shop.job("valuation", session_id))

    await world.until("the job of a payment nobody told us of", found)
    job = await world.ended(session_id)

    assert job["state"] == "delivered"
    order = await world.shop.order("valuation", session_id)
    assert order["status"] == "fertig"
    assert await world.mails_for(session_id) == ["admin", "customer"]
    assert await world.database["stripe_events"].count_documents({}) == 0


async def test_a_refund_that_fails_is_delivered_after_all(world: World) -> None:
    """Refund and failure both go unheard; the order ends where the money is."""
    await world.control.set_scenario({"models": {"*": {"latency": 30}}})
    session_id = await world.shop.pay("valuation", DRESSAGE_HORSE)
    await world.control.create_event("charge.refunded", session_id)

    async def refunded() -> bool:
        return (await world.shop.job("valuation", session_id)).get("state") == "cancelled"

    await world.until("the job is cancelled", refunded)
    await world.control.set_scenario({})
    await world.control.create_event("refund.failed", session_id)

    async def owed() -> bool:
        return (await world.shop.job("valuation", session_id)).get("state") == "delivered"

    await world.until("the job is delivered after all", owed)
    await world.ended(session_id)
    assert await world.mails_for(session_id) == ["admin", "customer"]
