"""What every command stands on: settings, connections, and errors that say what to do."""

import asyncio
import getpass
import os
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import httpx
import typer
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.clock import SystemClock
from config.loading import SettingsError, load
from config.settings import Settings
from config.startup import EX_CONFIG
from domain.errors import Unavailable
from domain.ports import Clock
from ledger.connection import Connection, LedgerMisconfigured, connect
from llm.http import make_client

T = TypeVar("T")

REDIS_SECONDS: Final = 2.0
MAX_CONNECTIONS: Final = 10
_HOUSE: Final = Path(__file__).resolve().parent.parent


class Exit(IntEnum):
    """How commands end; 2 is the command line's own word for wrong usage."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_MONGODB = 3
    UNFORESEEN = 70
    SETTINGS = EX_CONFIG


class Refused(Exception):  # noqa: N818 - it says what happened
    """The command cannot or will not do this; the message says what would help."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with. Nothing is connected before it is used."""

    settings: Settings
    connection: Connection
    http: httpx.AsyncClient
    redis: Redis
    clock: Clock


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Raises LedgerMisconfigured."""
    async with AsyncExitStack() as stack:
        connection = connect(settings.mongodb_uri, settings.mongodb_db, app_name="pferdewert-ops")
        stack.callback(connection.close)
        client = make_client(connect_timeout=settings.connect_s, max_connections=MAX_CONNECTIONS)
        stack.push_async_callback(client.aclose)
        redis = make_redis(settings.redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        yield Desk(settings, connection, client, redis, SystemClock())


def make_redis(url: str) -> Redis:
    """Return a client that fails instead of waiting. Raises ValueError for an unreadable URL."""
    redis: Redis = Redis.from_url(
        url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    return redis


def run(work: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
    """Do the work at an opened desk; every failure ends the process with a message and a code."""

    async def at_desk() -> T:
        async with open_desk(load()) as desk:
            return await work(desk)

    return guarded(at_desk)


def guarded(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        return asyncio.run(work())
    except (typer.Exit, typer.Abort):
        raise
    except Refused as error:
        end(str(error), Exit.FAILED)
    except Unavailable as error:
        end(
            f"{error}.\nIs MongoDB running, and does MONGODB_URI lead to it? "
            "`pferdewert doctor` checks it.",
            Exit.NO_MONGODB,
        )
    except (SettingsError, LedgerMisconfigured) as error:
        end(f"{error}\n`pferdewert doctor` checks all of it.", Exit.SETTINGS)
    except Exception as error:  # noqa: BLE001 - a traceback helps nobody who runs a shop
        end(f"Something unforeseen: {type(error).__name__} at {place(error)}.", Exit.UNFORESEEN)


def end(message: str, code: Exit) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def who() -> str:
    """Return the login of whoever runs this, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def place(error: BaseException) -> str:
    """Return the last line of ours that an error passed through, for a report to developers."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_HOUSE)]
    ours = [frame for frame in ours if ".venv" not in frame.filename] or list(frames)
    last = ours[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
