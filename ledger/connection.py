"""The way to MongoDB: one client, one named database, durable writes, bounded waiting."""

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar
from urllib.parse import unquote

# Read by Motor when it is imported: its own default, five threads a core, lets heartbeats queue
# behind the writes of a busy process.
os.environ.setdefault("MOTOR_MAX_WORKERS", "64")

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pydantic import SecretStr
from pymongo.errors import ConfigurationError, PyMongoError
from pymongo.read_concern import ReadConcern

from domain.errors import Unavailable
from ledger.failures import is_passing

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Collection = AsyncIOMotorCollection[Document]
Database = AsyncIOMotorDatabase[Document]

P = ParamSpec("P")
R = TypeVar("R")

# The driver's own limit comes first; this one catches what it does not see, a hanging name
# look-up for example.
_GRACE_S: Final = 0.5
_FAREWELL_S: Final = 1.0
_LATEST: Final = ReadConcern("local")


class LedgerMisconfigured(Exception):  # noqa: N818 - reads as the sentence it is
    """MongoDB cannot be used the way it is set up; the message says what to change."""


SessionId = Mapping[str, Any]
Introduce = Callable[[SessionId], Awaitable[None]]


async def _to_nobody(_session: SessionId) -> None:
    """Keep quiet: whoever has no heartbeat has nowhere to name its sessions."""


class Connection:
    """The ledger's database. Writes are acknowledged by a majority and journaled.

    `introduce` is told of every session before it may hold locks.
    """

    def __init__(self, client: Client, database: str, *, op_timeout_s: float) -> None:
        self.client = client
        self.op_timeout_s = op_timeout_s
        self.database: Database = client[database]
        self.introduce: Introduce = _to_nobody

    @property
    def name(self) -> str:
        return str(self.database.name)

    def collection(self, name: str) -> Collection:
        """Read what a majority has: what is seen here cannot be rolled back."""
        return self.database[name]

    def latest(self, name: str) -> Collection:
        """Read the primary's newest state, for decisions which a guarded write confirms.

        A majority read may still miss the very document that made a write fail.
        """
        return self.database.get_collection(name, read_concern=_LATEST)

    @asynccontextmanager
    async def answering(self, *, limit_s: float | None = None) -> AsyncIterator[None]:
        """Bound everything inside and raise Unavailable when MongoDB does not answer for now."""
        limit = self.op_timeout_s if limit_s is None else limit_s
        try:
            async with asyncio.timeout(limit + _GRACE_S):
                with pymongo.timeout(limit):
                    yield
        except TimeoutError as error:
            raise Unavailable("MongoDB did not answer in time") from error
        except ConfigurationError as error:
            self.renew()
            raise Unavailable("MongoDB was met while it started or changed its role") from error
        except PyMongoError as error:
            if not is_passing(error):
                raise
            raise Unavailable(f"MongoDB did not answer: {type(error).__name__}") from error

    def renew(self) -> None:
        """Let go of all idle connections; the next operations open new ones.

        One that was opened to a server in transition counts as "without sessions" for good: the
        driver refuses it with ConfigurationError before sending anything, and puts it back.
        """
        # The driver offers no other way; `close` would be for ever.
        topology: Any = self.client.delegate._topology  # noqa: SLF001
        for server in list(topology._servers.values()):  # noqa: SLF001
            server.pool.reset_without_pause()

    async def ping(self) -> None:
        """Raises Unavailable."""
        async with self.answering():
            await self.client.admin.command("ping")

    async def check_replica_set(self) -> None:
        """Raises LedgerMisconfigured on a standalone server: it knows no transactions."""
        async with self.answering():
            hello = await self.client.admin.command("hello")
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise LedgerMisconfigured(
                "MongoDB runs as a standalone server, but deliveries are transactions: start it "
                "with --replSet and initiate the set; a set of one node is enough."
            )

    def close(self) -> None:
        """Say goodbye to MongoDB if it is there; the driver would look for it for 30 s."""
        with pymongo.timeout(_FAREWELL_S):
            self.client.close()


class _Connected(Protocol):
    _connection: Connection


S = TypeVar("S", bound=_Connected)


def verb(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Run a method of something connected within `Connection.answering`."""

    @functools.wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        async with self._connection.answering():
            return await method(self, *args, **kwargs)

    return call


def database_name(uri: SecretStr | str, override: str | None) -> str:
    """Return the database to use; `override` wins over the URI's path.

    Raises LedgerMisconfigured when neither names one: the site's driver then silently uses
    `test`, others refuse.
    """
    hosts_and_path = _reveal(uri).partition("://")[2]
    path = hosts_and_path.partition("/")[2].partition("?")[0]
    name = (override or "").strip() or unquote(path).partition(".")[0]
    if not name:
        raise LedgerMisconfigured(
            "No database is named: put it into the path of MONGODB_URI or set MONGODB_DB."
        )
    return name


def connect(
    uri: SecretStr | str,
    database: str | None = None,
    *,
    app_name: str,
    op_timeout_s: float = 4.0,
) -> Connection:
    """Build the connection without talking to MongoDB yet. Raises LedgerMisconfigured.

    `op_timeout_s` bounds every operation in total, finding a server included.
    """
    name = database_name(uri, database)
    if not _reveal(uri).startswith(("mongodb://", "mongodb+srv://")):
        # The driver would take anything else for the name of a host.
        raise LedgerMisconfigured("MONGODB_URI must begin with mongodb:// or mongodb+srv://.")
    try:
        client: Client = AsyncIOMotorClient(
            _reveal(uri),
            appname=app_name,
            tz_aware=True,
            # Dates beyond Python's years would make every document around them unreadable.
            datetime_conversion="DATETIME_CLAMP",
            w="majority",
            journal=True,
            readConcernLevel="majority",
            readPreference="primary",
            retryWrites=True,
            retryReads=True,
            timeoutMS=round(op_timeout_s * 1000),
        )
    except (ConfigurationError, ValueError) as error:
        # The driver's message may quote the URI, and the URI holds the password.
        raise LedgerMisconfigured(
            f"MONGODB_URI cannot be used ({type(error).__name__}): "
            "check scheme, hosts, percent-encoding and options."
        ) from None
    return Connection(client, name, op_timeout_s=op_timeout_s)


def _reveal(uri: SecretStr | str) -> str:
    return uri.get_secret_value() if isinstance(uri, SecretStr) else uri
