"""What the web process needs from the ledger, as protocols; `wiring` hands in the real things."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.figures import Figures, JobLine, Performance
from domain.health import ComponentState
from domain.job import Job, Kind, Money, Opening, RawOrder, State
from domain.payment import Notice


class PaidSessions(Protocol):
    """Jobs as payments see them. Every verb raises Unavailable when MongoDB does not answer."""

    async def open(self, opening: Opening) -> tuple[Job, bool]:
        """Return the session's one job, durable, and whether this call made it.

        A second paid session for one order is parked as `duplicate_payment`.
        """
        ...

    async def settle(self, payment_intent: str, money: Money) -> Sequence[Job]:
        """Apply the standing of a payment to its jobs and return them: cancel, re-open, note.

        A late view of the past takes nothing back.
        """
        ...

    async def of_session(self, session_id: str) -> Job | None: ...


class Inbox(Protocol):
    """Every Stripe event we handle, for audit and for refunds that come before the payment."""

    async def receive(self, notice: Notice) -> int:
        """Store the notice once and return how often it has arrived."""
        ...

    async def handled(self, event_id: str, outcome: str) -> None: ...

    async def about_payment(self, payment_intent: str) -> Sequence[Notice]: ...


class OrderIndex(Protocol):
    """The site's order documents, by the session they were opened for."""

    async def exists(self, session_id: str) -> Kind | None: ...

    async def find(self, kind: Kind, *, order_id: str | None, session_id: str) -> RawOrder | None:
        """Look up by document id first, then by Stripe session."""
        ...


class Server(Protocol):
    async def ping(self) -> None:
        """Raises Unavailable."""
        ...


class Ratings(Protocol):
    async def rate(self, job: Job, rating: int) -> bool:
        """Keep or replace a rating; False when no attempt is on record. Raises Unavailable."""
        ...


class HealthBook(Protocol):
    async def recall(self) -> Mapping[str, ComponentState]:
        """Return every component's state by name. Raises Unavailable."""
        ...


class Counts(Protocol):
    """What is counted and listed for those who look after the shop. Raises Unavailable."""

    async def figures(self) -> Figures: ...

    async def jobs(self, state: State | None, limit: int) -> Sequence[JobLine]: ...

    async def performance(self, since: datetime) -> Sequence[Performance]: ...
