"""A server that says exactly these bytes, for everything a well-behaved one cannot do."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Line:
    """The server's side of one connection."""

    request: Request
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader

    async def say(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def until_hung_up(self) -> None:
        await self.reader.read()

    def reset(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Line], Awaitable[None]]


@dataclass
class WireServer:
    """Plays the scripts in order, one per connection; the last one repeats."""

    scripts: list[Script]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read_request(reader)
            script = self.scripts[min(len(self.requests), len(self.scripts) - 1)]
            self.requests.append(request)
            await script(Line(request, writer, reader))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.hung_up.set()
            writer.close()


@asynccontextmanager
async def wire_server(*scripts: Script) -> AsyncIterator[WireServer]:
    plan = WireServer(list(scripts))
    server = await asyncio.start_server(plan.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    plan.url = f"http://{host}:{port}"
    try:
        yield plan
    finally:
        server.close()


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    pairs = (line.partition(": ") for line in head[1:] if line)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body)


GENERATION = "gen-1763631600-AbCdEfGhIjKlMnOpQrSt"


def head(status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    """The head of a chunked reply, as OpenRouter sends it before the outcome is known."""
    fields = {
        "Content-Type": kind,
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "X-Generation-Id": GENERATION,
    }
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = (f"{name}: {value}\r\n" for name, value in (fields | extra).items())
    return f"HTTP/1.1 {status} Whatever\r\n{''.join(lines)}\r\n".encode()


def piece(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


END = b"0\r\n\r\n"
PAD = b"\n         \n"
STREAM = "text/event-stream"


def reply(data: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> Script:
    """A script that answers properly."""

    async def script(line: Line) -> None:
        await line.say(head(status, kind, **headers), piece(data) if data else b"", END)

    return script
