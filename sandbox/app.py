"""The sandbox as one aiohttp application, and how to run it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from sandbox import anthropic, openai
from sandbox.control import Control, explain
from sandbox.openrouter.chat import Chat
from sandbox.openrouter.reads import Reads
from sandbox.resend import Resend
from sandbox.scenario import Scenario
from sandbox.stripe_api import StripeApi
from sandbox.world import World

_MAX_BODY = 16 * 1024 * 1024
_SHUTDOWN_S = 0.2
_BACKLOG = 4096


def create_app(world: World) -> web.Application:
    app = web.Application(middlewares=[explain], client_max_size=_MAX_BODY)
    parts = (
        Chat(world),
        Reads(world),
        anthropic.vendor(world),
        openai.vendor(world),
        openai.Models(world),
        StripeApi(world),
        Resend(world),
        Control(world),
    )
    for part in parts:
        app.add_routes(part.routes())
    return app


@asynccontextmanager
async def running(
    scenario: Scenario | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    latency_scale: float = 1.0,
) -> AsyncIterator[str]:
    """Serve in the current loop and yield the base URL; port 0 takes a free one.

    Raises OSError when the port is taken.
    """
    world = World.of(scenario or Scenario(), latency_scale=latency_scale)
    # Cancelling the handler is how a silent reply ends when its caller hangs up.
    runner = web.AppRunner(
        create_app(world),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_S,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
        taken = runner.addresses[0][1]
        yield f"http://{host}:{taken}"
    finally:
        await runner.cleanup()
