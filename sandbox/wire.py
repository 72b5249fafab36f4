"""How bytes reach the caller: scripts are data, `play` is the only code that sends them."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from aiohttp import web

Piece = tuple[float, bytes]

_NO_LINGER = struct.pack("ii", 1, 0)
_DRIP_EVERY_S = 0.25


class Head(Enum):
    """EARLY commits status and headers before the outcome is known (chunked body)."""

    EARLY = auto()
    LATE = auto()
    NEVER = auto()


class Ending(Enum):
    CLOSE = auto()
    RESET = auto()
    SILENCE = auto()
    DRIP = auto()


@dataclass(frozen=True, slots=True)
class Script:
    """Pieces are (seconds to wait before, bytes); `drip` is repeated for ever by DRIP."""

    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Sequence[Piece] = ()
    head: Head = Head.LATE
    ending: Ending = Ending.CLOSE
    drip: bytes = b""

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.pieces)

    @property
    def seconds(self) -> float:
        return sum(wait for wait, _ in self.pieces)

    @property
    def visible_status(self) -> int | None:
        """The status line the caller gets to see, None when there is none."""
        return None if self.head is Head.NEVER else self.status


HANG = Script(head=Head.NEVER, ending=Ending.SILENCE)


def encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def reply(
    value: object,
    *,
    status: int = 200,
    after_s: float = 0,
    headers: Mapping[str, str] | None = None,
) -> Script:
    """A whole JSON body with Content-Length, `after_s` seconds from now."""
    return Script(status=status, headers=headers or {}, pieces=((after_s, encode(value)),))


def html(status: int, after_s: float) -> Script:
    """An edge error page; no JSON in sight."""
    page = (
        f"<!DOCTYPE html><html><head><title>{status}: Web server error</title></head>"
        f"<body><center><h1>Error {status}</h1></center><hr>"
        "<center>cloudflare</center></body></html>"
    )
    return Script(status=status, content_type="text/html", pieces=((after_s, page.encode()),))


def reset_after(seconds: float) -> Script:
    return Script(pieces=((seconds, b""),), head=Head.NEVER, ending=Ending.RESET)


async def play(request: web.Request, script: Script) -> web.StreamResponse:
    """Send `script`. Silence and drip end only by cancellation, when the caller leaves."""
    if script.head is Head.LATE:
        await _pause(script.seconds)
        return _whole(script)
    if script.head is Head.NEVER:
        await _pause(script.seconds)
        await _end(request, script, None)
        return web.Response()
    response = await _committed(request, script)
    for wait, data in script.pieces:
        await _pause(wait)
        if data:
            await response.write(data)
    await _end(request, script, response)
    return response


def _whole(script: Script) -> web.Response:
    return web.Response(
        status=script.status,
        body=script.body,
        headers=script.headers,
        content_type=script.content_type,
        charset="utf-8" if script.content_type == "text/html" else None,
    )


async def _committed(request: web.Request, script: Script) -> web.StreamResponse:
    response = web.StreamResponse(status=script.status, headers=script.headers)
    response.content_type = script.content_type
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _end(request: web.Request, script: Script, response: web.StreamResponse | None) -> None:
    if script.ending is Ending.RESET:
        _reset(request)
    elif script.ending is Ending.SILENCE:
        await asyncio.Event().wait()
    elif script.ending is Ending.DRIP and response is not None:
        while True:
            await asyncio.sleep(_DRIP_EVERY_S)
            await response.write(script.drip)


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    peer = transport.get_extra_info("socket")
    if peer is not None:
        # Without lingering the kernel answers with RST, as a dying proxy does.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
