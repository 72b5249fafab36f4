"""Reading a request's body without trusting its sender."""

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request

MAX_BODY: Final = 256 * 1024


class BodyRefused(Exception):  # noqa: N818 - reads as the sentence it is
    """The body will not be read to its end. `status` is the HTTP answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


async def read_body(request: Request, *, seconds: float, limit: int = MAX_BODY) -> bytes:
    """Return the exact bytes received. Raises BodyRefused.

    Counts while reading, since Content-Length is a claim; `seconds` bounds the whole body, since
    a sender may drip it byte by byte.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise BodyRefused(413, "too_large")
    except TimeoutError:
        raise BodyRefused(408, "too_slow") from None
    except ClientDisconnect:
        raise BodyRefused(400, "incomplete") from None
    return bytes(body)
