"""One thing that Stripe tells, taken as the webhook would have taken it, and counted."""

from collections.abc import Collection, Sequence
from typing import Any, Final, Protocol

import structlog
from structlog.contextvars import bound_contextvars

from domain.checkout import CheckoutSession, Paid, Review
from domain.errors import Unavailable
from domain.ports import Records
from domain.reconciliation import Tally
from payments.events import MalformedEvent, StripeEvent, UnwantedEvent, event_of, session_of
from producer.intake import PAYING, WITHDRAWING, Intake, Outcome
from producer.tracing import where

OPENED: Final = frozenset({Outcome.ACCEPTED, Outcome.REVIEW, Outcome.WITHDRAWN})
_PAID: Final = frozenset({"paid", "no_payment_required"})

log = structlog.get_logger(__name__)


class Counterparts(Protocol):
    """What taking needs of the ledger. Every verb raises Unavailable."""

    async def with_job(self, session_ids: Collection[str]) -> frozenset[str]: ...

    async def handled(self, event_ids: Collection[str]) -> frozenset[str]: ...

    async def unsettled(
        self, session_ids: Collection[str], types: Collection[str]
    ) -> Sequence[str]: ...

    async def is_served(self, session_id: str) -> bool: ...

    async def ping(self) -> None: ...


class Taker:
    """Hands sessions and events to the intake. What one of them breaks on stops no other.

    `rehearse`: change nothing, and count what would be done. Raises Unavailable when MongoDB is
    away; things already named in `known_failures` are not written to the error log again.
    """

    def __init__(
        self, intake: Intake, counterparts: Counterparts, records: Records, *, rehearse: bool
    ) -> None:
        self._intake = intake
        self._counterparts = counterparts
        self._records = records
        self._rehearse = rehearse

    async def sessions(
        self, items: Sequence[Any], tally: Tally, *, known_failures: Collection[str] = ()
    ) -> None:
        known = await self._counterparts.with_job(_ids(items))
        for item in items:
            tally.seen += 1
            try:
                await self._session(session_of(item), known, tally)
            except Exception as error:  # noqa: BLE001 - the next session is somebody else's order
                await self._failed(item, error, tally, known_failures)
        await self._settle(known, tally)

    async def events(
        self, items: Sequence[Any], tally: Tally, *, known_failures: Collection[str] = ()
    ) -> None:
        handled = await self._counterparts.handled(_ids(items))
        for item in items:
            tally.seen += 1
            if _id(item) in handled:
                continue
            try:
                await self._event(event_of(item), tally)
            except UnwantedEvent:
                tally.ignored += 1
            except Exception as error:  # noqa: BLE001 - the next event is somebody else's money
                await self._failed(item, error, tally, known_failures)

    async def _session(
        self, session: CheckoutSession, known: Collection[str], tally: Tally
    ) -> None:
        if session.id in known:
            tally.paid += 1
        elif not _looks_paid(session) or await self._counterparts.is_served(session.id):
            tally.ignored += 1
        elif self._rehearse:
            await self._foresee(session, tally)
        else:
            taken = await self._intake.take_session(session, event_livemode=None)
            if taken.job is None:
                tally.ignored += 1
            else:
                tally.paid += 1
                self._opened(session.id, tally, is_new=taken.created)

    async def _event(self, event: StripeEvent, tally: Tally) -> None:
        session = event.session() if event.type in PAYING else None
        if session is None:
            outcome = Outcome.SETTLED if self._rehearse else await self._intake.take_notice(event)
            is_settled = outcome is Outcome.SETTLED and event.type in WITHDRAWING
            tally.settled += is_settled
            tally.ignored += not is_settled
            return
        is_known = session.id in await self._counterparts.with_job([session.id])
        if not is_known and await self._counterparts.is_served(session.id):
            tally.ignored += 1
        elif self._rehearse:
            if not is_known:
                await self._foresee(session, tally)
        else:
            outcome = await self._intake.take_notice(event)
            is_new = outcome in OPENED and not is_known
            tally.ignored += outcome not in OPENED
            self._opened(session.id, tally, is_new=is_new)

    async def _foresee(self, session: CheckoutSession, tally: Tally) -> None:
        match await self._intake.judge(session, event_livemode=None):
            case Paid() | Review():
                tally.paid += 1
                tally.opened += 1
                tally.leave_unknown(session.id)
            case _:
                tally.ignored += 1

    async def _settle(self, session_ids: Collection[str], tally: Tally) -> None:
        for intent in await self._counterparts.unsettled(session_ids, WITHDRAWING):
            tally.settled += self._rehearse or await self._take_payment(intent)

    async def _take_payment(self, intent: str) -> bool:
        """Return whether it was settled; one that is left to a newer build holds up no other."""
        try:
            await self._intake.take_payment(intent)
        except Unavailable:
            await self._counterparts.ping()
            log.warning("payment_not_settled", payment_intent=intent)
            return False
        return True

    def _opened(self, session_id: str, tally: Tally, *, is_new: bool) -> None:
        tally.opened += is_new
        if is_new:
            log.warning("paid_session_had_no_job", session_id=session_id)

    async def _failed(
        self, item: Any, error: Exception, tally: Tally, known_failures: Collection[str]
    ) -> None:
        """Count it and write it down once. Raises Unavailable when it is MongoDB that fails."""
        if isinstance(error, Unavailable):
            await self._counterparts.ping()
        name = _id(item) or "without an id"
        tally.fail(name, is_paid=isinstance(item, dict) and _raw_status(item) in _PAID)
        if name in known_failures or self._rehearse:
            return
        # Only a malformed thing's own words are ours; other texts may quote the customer.
        detail = str(error) if isinstance(error, MalformedEvent) else where(error)
        with bound_contextvars(stripe_id=name):
            log.error("reconciliation_failed", error=type(error).__name__, detail=detail)
        await self._records.error(
            job=None,
            error_type="reconciliation",
            code=type(error).__name__,
            message=f"{name} could not be taken from Stripe: {detail}",
        )


def _looks_paid(session: CheckoutSession) -> bool:
    return session.payment_status in _PAID


def _raw_status(item: dict[str, Any]) -> str:
    """Return a session's payment status; "" for anything else, however dirty."""
    status = item.get("payment_status")
    return status if item.get("object") == "checkout.session" and isinstance(status, str) else ""


def _id(item: Any) -> str | None:
    found = item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str) and found else None


def _ids(items: Sequence[Any]) -> list[str]:
    return [found for item in items if (found := _id(item))]
