"""Not letting go of what was paid for."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from itertools import chain, repeat
from typing import Any, Final, TypeVar

from domain.errors import Unavailable
from domain.ports import Clock

T = TypeVar("T")

PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0)


async def insist(act: Callable[[], Awaitable[T]], *, clock: Clock, limit_s: float) -> T:
    """Repeat `act` while its server is away, for at most `limit_s`; then raise Unavailable.

    `act` must be a guarded write: a repetition of one that did arrive changes nothing.
    """
    started = clock.monotonic()
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        try:
            return await act()
        except Unavailable:
            if clock.monotonic() - started + pause > limit_s:
                raise
        await clock.sleep(pause)
    raise AssertionError("unreachable: the pauses never end")


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end even when cancelled meanwhile; the cancellation is raised afterwards.

    A second cancellation no longer waits.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen; the cancellation is what counts now
        raise
