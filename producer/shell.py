"""What every answer wears, and what happens when one cannot be given. Plain ASGI: streams pass."""

from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from producer.tracing import where

log = structlog.get_logger(__name__)

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


class UniformHeaders:
    """Sets the same protective headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_dressed if scope["type"] == "http" else send)


class CrashGuard:
    """Turns a crash into a 500 and one line without contents; a traceback may quote a customer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:  # noqa: BLE001 - the outermost of our own code
            log.error("request_crashed", error=type(error).__name__, where=where(error))  # noqa: TRY400 - no traceback, see the class
            if not started:
                await JSONResponse({"status": "error"}, 500)(scope, receive, send)
