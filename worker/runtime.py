"""One asyncio loop per worker process, in a thread beside Celery's pool."""

import asyncio
import concurrent.futures
import os
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog

from domain.ports import Ringer
from worker.hands import Hands
from worker.pulse import Pulse

HAND_BACK_SECONDS: Final = 5.0
JOIN_SECONDS: Final = 15.0
BEGIN_AGAIN_SECONDS: Final = 1.0

REFUSED: Final = "refused"
HANDED_BACK: Final = "handed_back"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a connected process works with.

    `work` tells one job's story. `background` coroutines never end. `chores` are what the clock
    may ask for, by name; each returns in a word how it went.
    """

    work: Callable[[str], Coroutine[Any, Any, str]]
    background: Sequence[Callable[[], Coroutine[Any, Any, None]]]
    chores: Mapping[str, Callable[[], Coroutine[Any, Any, str]]]
    pulse: Pulse
    ringer: Ringer


OpenDesk = Callable[[Hands], AbstractAsyncContextManager[Desk]]


def new_owner() -> str:
    """Name this start of this process; a restart with the same pid is somebody else."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class Runtime:
    """Runs jobs for Celery's threads and drains them in an orderly way.

    The order of a life: `start` returns after the first heartbeat, `work` runs jobs, `drain`
    refuses new ones and hands back what is not done after `grace_s`, `close` ends the thread.
    `on_death` is called when the loop ends unasked: the process is of no use any more.
    """

    def __init__(
        self, open_desk: OpenDesk, *, grace_s: float, on_death: Callable[[], None]
    ) -> None:
        self._open_desk = open_desk
        self._grace_s = grace_s
        self._on_death = on_death
        self._ended = threading.Event()
        self._hands = Hands()
        self._leaving = asyncio.Event()
        self._hurry = asyncio.Event()
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._waiting: set[concurrent.futures.Future[str]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._desk: Desk | None = None
        # A daemon: a signal during start-up must not wait for MongoDB.
        self._thread = threading.Thread(target=self._live, name="jobs", daemon=True)

    def start(self) -> None:
        """Return when the process can work and is known to be alive; raises what prevents it."""
        self._thread.start()
        self._ready.result()

    def work(self, job_id: str) -> str:
        """Run one job to its end from a pool thread; return its outcome, never raise."""
        return self._run(self._take(job_id))

    def chore(self, name: str) -> str:
        """Do one of the clock's chores from a pool thread; return how it went, never raise."""
        return self._run(self._do(name))

    def drain(self) -> None:
        """Begin to leave. Safe from signal handlers and other threads; repeating is harmless."""
        self._tell(self._leaving)

    def hurry(self) -> None:
        """Hand back at once what is still running."""
        self._tell(self._leaving)
        self._tell(self._hurry)

    def wait_until_ended(self) -> None:
        """Return when nothing is in hand any more and nothing will be."""
        self._ended.wait()

    def close(self) -> None:
        """Drain and end the thread; does not wait for ever."""
        self.drain()
        if self._thread.is_alive():
            self._thread.join(self._grace_s + HAND_BACK_SECONDS + JOIN_SECONDS)

    def _run(self, coroutine: Coroutine[Any, Any, str]) -> str:
        loop = self._loop
        if loop is None or self._ended.is_set():
            coroutine.close()
            return REFUSED
        try:
            done = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:  # the loop was closed just now
            coroutine.close()
            return REFUSED
        self._waiting.add(done)
        if self._ended.is_set():  # nobody is left to cancel it
            done.cancel()
        try:
            return done.result()
        except concurrent.futures.CancelledError:
            return HANDED_BACK
        finally:
            self._waiting.discard(done)

    def _tell(self, event: asyncio.Event) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(event.set)
        except RuntimeError:  # closed in between: there is nobody left to tell
            return

    def _live(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - whatever it is, somebody must hear of it
            if not self._ready.done():
                self._ready.set_exception(error)
                return
            log.critical("job_loop_died", error=type(error).__name__)
            self._on_death()
        finally:
            self._ended.set()
            for done in tuple(self._waiting):
                done.cancel()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._open_desk(self._hands) as desk:
            await desk.pulse.first()
            async with _beside(desk.pulse.run):
                async with _beside(*desk.background):
                    self._desk = desk
                    self._ready.set_result(None)
                    await self._leaving.wait()
                await self._drain()
            await desk.pulse.stop()

    async def _take(self, job_id: str) -> str:
        desk = self._desk
        if desk is None or self._leaving.is_set():
            if desk is not None:
                desk.ringer.ring(job_id)
            return REFUSED
        return await self._hands.carry(job_id, desk.work)

    async def _do(self, name: str) -> str:
        desk = self._desk
        if desk is None or self._leaving.is_set():
            return REFUSED
        try:
            return await desk.chores[name]()
        except Exception as error:  # noqa: BLE001 - the clock will ask again
            log.error("chore_failed", chore=name, error=type(error).__name__)  # noqa: TRY400 - the text may quote customers
            return f"failed: {type(error).__name__}"

    async def _drain(self) -> None:
        """Wait for running jobs, then have them handed back, then give up on them."""
        running = self._hands.tasks
        log.info("draining", jobs=len(running), grace_s=self._grace_s)
        running = await self._wait(running)
        for task in running:
            task.cancel()
        if running:
            _, running = await asyncio.wait(running, timeout=HAND_BACK_SECONDS)
        log.info("drained", left=len(running))

    async def _wait(self, running: set[asyncio.Task[object]]) -> set[asyncio.Task[object]]:
        """Return what still runs after the grace time, or after somebody pressed again."""
        if running:
            hurry = asyncio.ensure_future(self._hurry.wait())
            everything = asyncio.ensure_future(asyncio.wait(running))
            await asyncio.wait(
                {hurry, everything},
                timeout=self._grace_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            hurry.cancel()
            everything.cancel()
        return {task for task in running if not task.done()}


@asynccontextmanager
async def _beside(*endless: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run coroutines that never end beside the block, and end them with it."""
    tasks = [asyncio.ensure_future(_endless(begin)) for begin in endless]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _endless(begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Begin again whatever ends: these loops are nets, and a torn net goes unnoticed."""
    while True:
        try:
            await begin()
        except Exception as error:  # noqa: BLE001 - it must go on
            log.critical("background_failed", error=type(error).__name__)
        await asyncio.sleep(BEGIN_AGAIN_SECONDS)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - not available on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
