"""The application behind the project's own server, in a thread, with limits a test can reach."""

import ctypes
import socket
import struct
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pymongo
import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis

from config.clock import SystemClock
from config.settings import Settings
from ledger.connection import connect
from ledger.migrations import migrate
from producer.app import create_app
from producer.breakers import Breakers
from producer.gate import Gate
from producer.patience import PatientProtocol
from producer.progress import Progress
from producer.serving import server_config
from producer.wiring import build_parts
from sandbox.processes import free_port
from tests.integration.producer.conftest import settings
from tests.unit.producer.fakes import HeardRings

WITHIN_S: Final = 60.0
_ATTACH_FILTER: Final = 26


class HastyProtocol(PatientProtocol):
    """As in production, but patient for a second only."""

    stalled_seconds = 1.0


@dataclass(frozen=True, slots=True)
class Served:
    server: uvicorn.Server
    database: Any
    port: int

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        line = socket.socket()
        if receive_buffer:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        line.settimeout(WITHIN_S)
        line.connect(("127.0.0.1", self.port))
        return line

    @property
    def lines(self) -> int:
        """How many connections the server holds."""
        return len(self.server.server_state.connections)


@contextmanager
def served(
    mongo_uri: str, *, max_streams: int = 500, max_per_address: int = 20, **changes: object
) -> Iterator[Served]:
    """`changes`: settings other than the usual ones."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    told = settings(mongo_uri, name).model_copy(
        update={"host": "127.0.0.1", "port": free_port(), **changes}
    )
    app = _app(told, max_streams=max_streams, max_per_address=max_per_address)
    server = uvicorn.Server(server_config(app, told, http=HastyProtocol))
    thread = threading.Thread(target=server.run)
    thread.start()
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(mongo_uri) as client:
        try:
            assert eventually(lambda: server.started)
            yield Served(server, client[name], told.port)
        finally:
            server.should_exit = True
            thread.join(WITHIN_S)
            client.drop_database(name)


def _app(told: Settings, *, max_streams: int, max_per_address: int) -> FastAPI:
    connection = connect(told.mongodb_uri, told.mongodb_db, app_name="tests", op_timeout_s=20)
    breakers = Breakers(Redis.from_url(told.redis_url.get_secret_value()), ["a/b"])
    gate, clock = Gate(), SystemClock()

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        await migrate(connection)
        gate.open()
        yield
        await breakers.close()
        connection.close()

    parts = build_parts(
        told,
        connection=connection,
        ringer=HeardRings(),
        clock=clock,
        gate=gate,
        breakers=breakers,
        lifespan=life,
    )
    progress = Progress(
        parts.status,
        clock=clock,
        max_streams=max_streams,
        max_per_address=max_per_address,
        heartbeat_s=0.2,
    )
    return create_app(replace(parts, progress=progress))


def eventually(look: Callable[[], bool]) -> bool:
    """Look again until it is so; a server tells nobody whom it has given up."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(0.05)
    return False


def reset(line: socket.socket) -> None:
    """End with RST, as a process that dies or a phone that changes networks."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def vanish(line: socket.socket) -> None:
    """Drop whatever comes from now on before TCP sees it, as if the cable were cut."""
    drop_all = struct.pack("HBBI", 0x06, 0, 0, 0)
    buffer = bytearray(drop_all)
    address = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    program = struct.pack("HP", 1, ctypes.addressof(address))
    line.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
