"""The proof, every minute: what was paid is delivered, or somebody is told.

Bounded whatever the shop's size: the newest orders and deliveries, everything that was found
broken before, and a step of the tour over all orders, which comes round to each of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from domain.examination import Judge, created_at, examine, is_as_delivered, objections, version_of
from domain.health import (
    ComponentState,
    HealthReport,
    Sort,
    Status,
    Watched,
    overall,
)
from domain.job import Job, Kind, RawOrder
from domain.ports import Clock
from domain.proof import (
    LOST,
    Fault,
    Finding,
    Proof,
    Reconciled,
    Sums,
    conclude,
    paid_and_undelivered,
    standing,
    unknown_paid,
)
from ledger.health import HealthBook
from ledger.metrics import MongoFigures
from ledger.proof import Check, ProofBook, check_id, check_of
from schedules.alerts import Alerts

WINDOW: Final = timedelta(days=3)
MAIL_WINDOW: Final = timedelta(days=7)
SETTLING: Final = timedelta(minutes=2)
"""An event is stored before its job is; a webhook takes seconds."""

CHECKOUT: Final = timedelta(hours=1)
"""An order is older than its payment by the time a customer spends at the till."""

GRAVE: Final = LOST | {Fault.UNACCEPTABLE_RESULT}
BATCH: Final = 50
MOST_BROKEN: Final = 500
ALERTS_A_MINUTE: Final = 20
ORDERS: Final = Watched(name="orders", sort=Sort.SERVICE)

log = structlog.get_logger(__name__)


async def _nothing() -> None:
    """Compare with Stripe's own list nowhere."""


@dataclass(frozen=True, slots=True)
class Prover:
    """`reconciled` is what a comparison with Stripe's own list found last, if there is one."""

    book: ProofBook
    jobs: MongoFigures
    health: HealthBook
    alerts: Alerts
    judge: Judge
    clock: Clock
    patience: timedelta
    reconciled: Callable[[], Awaitable[Reconciled | None]] = _nothing

    async def work(self) -> str:
        """Compare, write it down, tell what is news; return the one number. Raises Unavailable."""
        heaps = await self.jobs.by_state()
        now = self.clock.now()
        first = min((heap.oldest for heap in heaps), default=now)
        opened = min(first, await self.book.opened(now)) - CHECKOUT
        await self._examine_orders(opened)
        proof = conclude(await self._findings(), self.clock.now())
        await self.book.keep(proof)
        sums = paid_and_undelivered(heaps, proof)
        await self._tell_parked()
        await self._tell(sums, proof)
        total = sums.total
        log.info("proof", owed=total.count, **{f.value: n for f, n in proof.counts.items()})
        return f"{total.count} paid and undelivered"

    async def _findings(self) -> list[Finding]:
        now = self.clock.now()
        return [
            *await self.book.events_without_job(now - WINDOW, now - SETTLING),
            *unknown_paid(await self.reconciled()),
            *(check.finding() for check in await self._broken(MOST_BROKEN)),
            *await self.book.overdue_mails(now - MAIL_WINDOW, now - self.patience),
        ]

    async def _broken(self, limit: int) -> list[Check]:
        """Return what is wrong with orders; much that is only odd must not hide what is grave."""
        grave = await self.book.broken(GRAVE, limit)
        return [*grave, *await self.book.broken(frozenset(Fault) - GRAVE, limit)]

    async def _examine_orders(self, opened: datetime) -> None:
        since = self.clock.now() - WINDOW
        suspects = await self._broken(BATCH)
        delivered = await self.book.delivered(since, BATCH)
        for kind in Kind:
            known = [check.order_id for check in suspects if check.kind is kind]
            sold = [job.order_id for job in delivered if job.kind is kind and job.order_id]
            orders = [
                *await self.book.new_orders(kind, since, BATCH),
                *await self.book.tour(kind, BATCH),
                *await self.book.orders(kind, {*known, *sold}),
            ]
            await self._examine(kind, list({o["_id"]: o for o in orders}.values()), opened)
            present = {str(order["_id"]) for order in orders}
            await self._note_vanished(kind, suspects, delivered, present)

    async def _examine(self, kind: Kind, orders: Sequence[RawOrder], opened: datetime) -> None:
        jobs = await self.book.jobs_of(orders) if orders else []
        known = await self.book.checks([check_id(kind, str(order["_id"])) for order in orders])
        checks = [
            await self.check(kind, order, of_order(kind, order, jobs), known=known, opened=opened)
            for order in orders
        ]
        # An order that was never wrong and holds nothing to judge leaves no trace.
        await self.book.keep_checks(
            [check for check in checks if check.fault or check.version or check.id in known]
        )

    async def check(
        self,
        kind: Kind,
        order: RawOrder,
        jobs: Sequence[Job],
        *,
        known: dict[str, Check],
        opened: datetime,
    ) -> Check:
        """Judge a result once per version, off the loop: it is a computation of milliseconds."""
        version = version_of(kind, order)
        before = known.get(check_id(kind, str(order["_id"])))
        reasons: Sequence[str] = ()
        if version and not is_as_delivered(kind, order, jobs):
            if before and before.version == version:
                reasons = before.reasons
            else:
                reasons = await asyncio.to_thread(objections, kind, order, self.judge)
        created = created_at(order)
        found = examine(kind, order, jobs, reasons=reasons, ours=created >= opened)
        return check_of(kind, order, found, created=created, at=self.clock.now())

    async def _note_vanished(
        self, kind: Kind, suspects: Iterable[Check], delivered: Iterable[Job], present: set[str]
    ) -> None:
        """Drop suspicions about orders that were deleted; a delivered one in them is gone."""
        now = self.clock.now()
        lost = [
            Check(
                _id=check_id(kind, job.order_id or ""),
                kind=kind,
                order_id=job.order_id or "",
                session_id=job.session_id,
                fault=Fault.RESULT_GONE,
                reasons=("the order document is gone",),
                created_at=job.delivered_at or now,
                checked_at=now,
            )
            for job in delivered
            if job.kind is kind and job.order_id not in present
        ]
        still = present | {check.order_id for check in lost}
        freed = [
            check.model_copy(update={"fault": None, "checked_at": now})
            for check in suspects
            if check.kind is kind and check.order_id not in still
        ]
        await self.book.keep_checks([*freed, *lost])

    async def _tell_parked(self) -> None:
        for job in await self.book.untold(ALERTS_A_MINUTE):
            if await self.book.mark_told(job, self.clock.now()):
                await self.alerts.parked(job)

    async def _tell(self, sums: Sums, proof: Proof) -> None:
        """Keep and tell the component `orders` as the health check does with its own."""
        now = self.clock.now()
        states = await self.health.recall()
        before = states.get(ORDERS.name)
        status, detail = standing(sums, proof, patience=self.patience, now=now)
        state = _state(before, status, detail, now)
        await self.health.keep_one(state)
        everything = overall([*(states | {ORDERS.name: state}).values()])
        await self.alerts.tell(HealthReport(status=everything, checked_at=now, components=(state,)))


def of_order(kind: Kind, order: RawOrder, jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs that an order's document or session names."""
    key, session_id = str(order["_id"]), order.get("stripeSessionId")
    return [
        job
        for job in jobs
        if job.kind is kind
        and (job.order_id == key or (job.order_id is None and job.session_id == session_id))
    ]


def _state(
    before: ComponentState | None, status: Status, detail: str, now: datetime
) -> ComponentState:
    return ComponentState(
        watched=ORDERS,
        status=status,
        detail=detail,
        since=before.since if before and before.status is status else now,
        checked_at=now,
        seen_at=now,
        alerted=before.alerted if before else None,
    )
