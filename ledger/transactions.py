"""Transactions that repeat themselves until they are through or out of time."""

import asyncio
import contextvars
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import ConfigurationError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from ledger.connection import Connection
from ledger.failures import is_worth_repeating

Session = AsyncIOMotorClientSession
T = TypeVar("T")

_FIRST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.25
_ABORT_LIMIT_S: Final = 3.0


async def in_transaction(
    connection: Connection,
    body: Callable[[Session], Awaitable[T]],
    *,
    limit_s: float,
    jitter: Callable[[], float] = random.random,
) -> T:
    """Run `body` in one transaction and return its result once a majority has it.

    The whole body runs again after a conflict and also after a commit whose result is unknown,
    so it must recognise its own work. Motor's `with_transaction` does neither pause between
    tries nor end before 120 seconds.
    """
    deadline = asyncio.get_running_loop().time() + limit_s
    async with await connection.client.start_session() as session:
        await connection.introduce(session.session_id)  # type: ignore[arg-type]  # it is no method
        for tries in itertools.count():
            try:
                return await _once(connection, session, body)
            except PyMongoError as error:
                pause = jitter() * min(_FIRST_PAUSE_S * 1.5**tries, _LONGEST_PAUSE_S)
                too_late = asyncio.get_running_loop().time() + pause > deadline
                if too_late or not is_worth_repeating(error):
                    raise
            await asyncio.sleep(pause)
    raise AssertionError("unreachable: the loop ends by returning or raising")


async def _once(
    connection: Connection, session: Session, body: Callable[[Session], Awaitable[T]]
) -> T:
    session.start_transaction(
        read_concern=ReadConcern("snapshot"),
        write_concern=WriteConcern("majority", j=True),
        read_preference=ReadPreference.PRIMARY,
    )
    try:
        result = await body(session)
    except BaseException as error:
        if isinstance(error, ConfigurationError):
            # Otherwise the end of the transaction would take the same bad connection.
            connection.renew()
        # In a context of its own, because a deadline that has passed would keep the driver from
        # telling the server, and the documents would stay locked for a minute; and shielded from
        # whoever cancels a second time.
        await asyncio.shield(asyncio.create_task(_abort(session), context=contextvars.Context()))
        raise
    await _commit(connection, session)
    return result


async def _commit(connection: Connection, session: Session) -> None:
    try:
        await session.commit_transaction()
    except ConfigurationError:
        # Nothing was sent; left alone, the documents would stay locked for a minute.
        connection.renew()
        await session.commit_transaction()


async def _abort(session: Session) -> None:
    with pymongo.timeout(_ABORT_LIMIT_S):
        await session.abort_transaction()
