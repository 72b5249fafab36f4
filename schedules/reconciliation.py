"""The reconciliation with Stripe: whatever is paid there has a job here, however it got lost.

Refunds and disputes are read before sessions, so that no job is opened for money that went back.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Final, Protocol

import structlog

from domain.ports import Clock
from domain.reconciliation import (
    SPANS,
    Pass,
    Reach,
    ReconciliationFacts,
    Source,
    Standing,
    Tally,
    added_up,
    facts_of,
    next_pass,
)
from payments.reading import CursorLost, KeyRefused, Page, StripeAway, StripeReader
from producer.intake import PAYING, WITHDRAWING
from schedules.taking import Taker

ASYNC_PAID: Final = "checkout.session.async_payment_succeeded"
ASYNC_FAILED: Final = "checkout.session.async_payment_failed"
FOLLOW_UPS: Final = WITHDRAWING | {ASYNC_PAID, ASYNC_FAILED}
"""Listed whether delivered or not: a type that no endpoint wants counts as delivered."""

UNPAID_AT_ONCE: Final = 50

log = structlog.get_logger(__name__)


class Book(Protocol):
    """Where the sources stand. Every verb raises Unavailable."""

    async def standing(self, source: Source) -> Standing: ...

    async def keep(self, source: Source, standing: Standing) -> None: ...

    async def keep_facts(self, facts: ReconciliationFacts) -> None: ...


class Unpaid(Protocol):
    async def unpaid(
        self, *, since: datetime, paying: Collection[str], failing: str, after: str, limit: int
    ) -> Sequence[str]:
        """Return sessions whose delayed payment is still open. Raises Unavailable."""
        ...


Keep = Callable[[Pass], Awaitable[None]]


class Reconciliation:
    """Walks through the sources. A walk that was cut off goes on where it was."""

    def __init__(
        self, *, reader: StripeReader, taker: Taker, book: Book, unpaid: Unpaid, clock: Clock
    ) -> None:
        self._reader = reader
        self._taker = taker
        self._book = book
        self._unpaid = unpaid
        self._clock = clock

    async def tick(self) -> str:
        """Do what is due in every source and say in a line how it went. Raises Unavailable."""
        tallies, faults = list[Tally](), list[str]()
        for source in Source:
            if (await self._catch_up(source, tallies)).fault:
                faults.append(source.value)
        counts = added_up(tallies).counts()
        log.info("reconciled", **counts, faults=faults)
        said = ", ".join(f"{field} {count}" for field, count in counts.items())
        return f"{said}; unread: {', '.join(faults)}" if faults else said

    async def look_back(self, source: Source, since: datetime) -> Pass:
        """Walk through one source by hand.

        Raises Unavailable for MongoDB, and StripeAway, KeyRefused and CursorLost.
        """
        begun = Pass(reach=Reach.FULL, begun_at=self._clock.now(), window_from=since)
        return await self._walk(source, begun, Standing(), _forget)

    async def keep_facts(self, walk: Pass) -> None:
        """Keep what a finished walk through the sessions proves, if it went far enough back."""
        facts = facts_of(walk, self._clock.now())
        if facts is not None:
            await self._book.keep_facts(facts)

    async def _catch_up(self, source: Source, tallies: list[Tally]) -> Standing:
        """Go on with what was cut off, then look at what has happened since."""
        standing = await self._book.standing(source)
        if standing.under_way:
            standing = await self._attempt(source, standing, standing.under_way, tallies)
            if standing.fault:
                return standing
        fresh = next_pass(standing, self._clock.now())
        return await self._attempt(source, standing, fresh, tallies)

    async def _attempt(
        self, source: Source, standing: Standing, begun: Pass, tallies: list[Tally]
    ) -> Standing:
        """Walk, and note in the book how far it went and what stopped it."""
        at = begun

        async def keep(walk: Pass) -> None:
            nonlocal at
            at = walk
            await self._book.keep(source, standing.model_copy(update={"under_way": walk}))

        try:
            walk = await self._walk(source, begun, standing, keep)
        except (KeyRefused, StripeAway, CursorLost) as error:
            tallies.append(at.tally)
            rest = at if at.cursor else None
            return await self._note_fault(
                source, standing.model_copy(update={"under_way": rest}), error
            )
        tallies.append(walk.tally)
        if source is Source.SESSIONS:
            await self.keep_facts(walk)
        standing = standing.finished(walk)
        await self._book.keep(source, standing)
        return standing

    async def _note_fault(self, source: Source, standing: Standing, error: Exception) -> Standing:
        """Write it down; a key that is refused is said once and not at every tick."""
        needs_hand, message = isinstance(error, KeyRefused), str(error)
        is_news = standing.fault is None or standing.fault.message != message
        if is_news and needs_hand:
            log.error("stripe_key_refused", source=source.value, detail=message)
        elif is_news:
            log.warning("stripe_unread", source=source.value, detail=message)
        standing = standing.faulty(message, self._clock.now(), needs_hand=needs_hand)
        await self._book.keep(source, standing)
        return standing

    async def _walk(self, source: Source, begun: Pass, standing: Standing, keep: Keep) -> Pass:
        """Take page after page; the place is kept after each, once all of it is taken."""
        walk = begun
        while True:
            try:
                page = await self._read(source, walk)
            except CursorLost:
                if walk.cursor is None:
                    raise
                walk = walk.model_copy(update={"cursor": None, "tally": Tally()})
                continue
            tally = walk.tally.model_copy(deep=True)
            take = self._taker.sessions if _is_about_sessions(source) else self._taker.events
            await take(page.items, tally, known_failures=standing.failing)
            walk = walk.model_copy(update={"cursor": page.cursor, "tally": tally})
            if page.cursor is None:
                return walk
            await keep(walk)

    async def _read(self, source: Source, walk: Pass) -> Page:
        since, after = walk.window_from, walk.cursor
        match source:
            case Source.FOLLOW_UPS:
                return await self._reader.events(since=since, types=FOLLOW_UPS, after=after)
            case Source.UNDELIVERED:
                return await self._reader.events(
                    since=since, types=FOLLOW_UPS | PAYING, undelivered=True, after=after
                )
            case Source.SESSIONS:
                return await self._reader.sessions(since=since, after=after)
            case Source.UNPAID:
                return await self._read_unpaid(walk)

    async def _read_unpaid(self, walk: Pass) -> Page:
        """Ask for our own unpaid sessions one by one; delayed money needs no haste."""
        if walk.reach is Reach.NEAR:
            return Page((), None)
        ids = await self._unpaid.unpaid(
            since=walk.begun_at - SPANS[Reach.DEEP],
            paying=PAYING,
            failing=ASYNC_FAILED,
            after=walk.cursor or "",
            limit=UNPAID_AT_ONCE,
        )
        found = [await self._reader.session(session_id) for session_id in ids]
        cursor = ids[-1] if len(ids) == UNPAID_AT_ONCE else None
        return Page([session for session in found if session is not None], cursor)


async def _forget(_walk: Pass) -> None:
    """Keep no place: what is asked for by hand is asked for again by hand."""


def _is_about_sessions(source: Source) -> bool:
    return source in {Source.SESSIONS, Source.UNPAID}
