"""From what Stripe says to a durable job: one idempotent function for every source.

Webhook, reconciliation and manual replay all end here. Nothing is marked as done before its
effect is durable, and a repetition runs the same effect again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog
from structlog.contextvars import bound_contextvars

from domain.checkout import (
    CheckoutSession,
    Judgement,
    NotOurs,
    NotPaid,
    Paid,
    Price,
    Review,
    judge,
    order_reference,
)
from domain.job import Job, Kind, Money, Opening, State
from domain.payment import money_from
from domain.ports import Ringer
from payments.events import StripeEvent, notice_of
from producer.ports import Inbox, OrderIndex, PaidSessions

log = structlog.get_logger(__name__)

PAYING: Final = frozenset(
    {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
)
ENDING: Final = frozenset({"checkout.session.async_payment_failed", "checkout.session.expired"})
WITHDRAWING: Final = frozenset(
    {
        "charge.refunded",
        # A refund that fails leaves the money with us: the order is owed again.
        "charge.refund.updated",
        "refund.updated",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    }
)


class Outcome(StrEnum):
    """What became of an event or a session; also the text of the 200 that Stripe shows."""

    ACCEPTED = "accepted"
    REVIEW = "review"
    WITHDRAWN = "withdrawn"
    NOT_PAID = "not_paid"
    SETTLED = "settled"
    NOTED = "noted"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Taken:
    """The outcome for one session, with its job as it was opened if it has one."""

    outcome: Outcome
    job: Job | None = None
    created: bool = False


class Intake:
    """Turns verified events and sessions into jobs. Raises Unavailable: take it again later."""

    def __init__(
        self,
        *,
        sessions: PaidSessions,
        inbox: Inbox,
        orders: OrderIndex,
        ringer: Ringer,
        expected_livemode: bool,
        prices: Mapping[Kind, Sequence[Price]],
    ) -> None:
        self._sessions = sessions
        self._inbox = inbox
        self._orders = orders
        self._ringer = ringer
        self._expected_livemode = expected_livemode
        self._prices = prices

    async def take_notice(self, event: StripeEvent) -> Outcome:
        """Take one verified event. Also raises MalformedEvent, before anything is stored.

        The inbox row is the audit, not the guard: a redelivery runs everything again.
        """
        if event.type in PAYING:
            return await self._take_paying(event)
        if event.type not in ENDING | WITHDRAWING:
            return Outcome.IGNORED
        notice = notice_of(event)
        # Written down before it looks for jobs, see `_look_again`.
        await self._inbox.receive(notice)
        withdraws = event.type in WITHDRAWING
        outcome = await self.take_payment(notice.payment_intent) if withdraws else Outcome.NOT_PAID
        await self._inbox.handled(notice.id, outcome.value)
        return outcome

    async def take_session(self, session: CheckoutSession, *, event_livemode: bool | None) -> Taken:
        """Take one Checkout session, however it came to us; `event_livemode` if by an event."""
        taken = await self._take_session(session, event_livemode=event_livemode)
        self._ring(await self._look_again(session, taken))
        return taken

    async def take_payment(self, payment_intent: str | None) -> Outcome:
        """Apply all the inbox knows of a payment; without a job yet, it is kept for later."""
        jobs = await self._settle(payment_intent)
        for job in jobs:
            log.info("payment_settled", job_id=job.id, state=job.state)
        self._ring(jobs)
        return Outcome.SETTLED if jobs else Outcome.NOTED

    async def judge(self, session: CheckoutSession, *, event_livemode: bool | None) -> Judgement:
        """Say what a session means, and change nothing. Raises Unavailable.

        The orders are asked only where the metadata does not lead to one.
        """
        known_as = None if order_reference(session) else await self._orders.exists(session.id)
        return judge(
            session,
            event_livemode=event_livemode,
            expected_livemode=self._expected_livemode,
            prices=self._prices,
            known_as=known_as,
        )

    async def _take_paying(self, event: StripeEvent) -> Outcome:
        """Do at once what does not wait for each other: Stripe and the customer wait for all."""
        notice, session = notice_of(event), event.session()
        taken, _ = await asyncio.gather(
            self._take_session(session, event_livemode=event.livemode),
            self._inbox.receive(notice),
        )
        jobs, _ = await asyncio.gather(
            self._look_again(session, taken), self._inbox.handled(notice.id, taken.outcome.value)
        )
        # Last, since publishing takes the interpreter's time.
        self._ring(jobs)
        return taken.outcome

    async def _take_session(
        self, session: CheckoutSession, *, event_livemode: bool | None
    ) -> Taken:
        match await self.judge(session, event_livemode=event_livemode):
            case NotOurs():
                log.info("session_not_ours", session_id=session.id)
                return Taken(Outcome.IGNORED)
            case NotPaid():
                return Taken(Outcome.NOT_PAID)
            case Paid() | Review() as judgement:
                return await self._open(session, judgement)

    async def _open(self, session: CheckoutSession, judgement: Paid | Review) -> Taken:
        """Open the job as its payment stands by now, for workers may be at it at once."""
        job, created = await self._sessions.open(
            Opening(
                kind=judgement.kind,
                session_id=session.id,
                order_id=judgement.order_id,
                payment=session.facts(),
                money=await self._standing(session.payment_intent),
                reason=judgement.reason if isinstance(judgement, Review) else None,
            )
        )
        with bound_contextvars(job_id=job.id):
            self._announce(job, judgement, created=created)
        return Taken(_outcome_of(job), job, created)

    async def _look_again(self, session: CheckoutSession, taken: Taken) -> Sequence[Job]:
        """Return the jobs as they are after refunds that came while this one was opened.

        A refund is written down before it looks for jobs: whichever of the two is later sees what
        the other one wrote.
        """
        if taken.job is None:
            return ()
        settled = await self._settle(session.payment_intent)
        is_among = any(job.id == taken.job.id for job in settled)
        return settled if is_among else [taken.job, *settled]

    async def _settle(self, payment_intent: str | None) -> Sequence[Job]:
        standing = await self._standing(payment_intent)
        if payment_intent is None or standing == Money():
            return ()
        return await self._sessions.settle(payment_intent, standing)

    async def _standing(self, payment_intent: str | None) -> Money:
        """Return what has gone back of a payment; zero totals have none."""
        if payment_intent is None:
            return Money()
        return money_from(await self._inbox.about_payment(payment_intent))

    def _announce(self, job: Job, judgement: Paid | Review, *, created: bool) -> None:
        """Alert about money that does not fit; what a worker parked later is not our news."""
        is_news = created or isinstance(judgement, Review)
        if is_news and job.state is State.PARKED and job.reason:
            log.error("payment_needs_review", code=job.reason.code, detail=job.reason.detail)
        elif created:
            log.info("job_opened", state=job.state)

    def _ring(self, jobs: Sequence[Job]) -> None:
        """Ring for whatever is due; a re-opened job may hold its answer already."""
        due = {job.id for job in jobs if job.state in {State.QUEUED, State.ANSWERED}}
        for job_id in sorted(due):
            self._ringer.ring(job_id)


def _outcome_of(job: Job) -> Outcome:
    if job.state is State.PARKED:
        return Outcome.REVIEW
    return Outcome.WITHDRAWN if job.state is State.CANCELLED else Outcome.ACCEPTED
