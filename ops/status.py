"""`pferdewert status`: the shop on one screen."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from redis.exceptions import RedisError
from rich.console import RenderableType

from doorbell.names import KEY_PREFIX, QUEUE
from ledger.overview import Overview
from ledger.proof import ProofBook
from ledger.switches import Switches
from ledger.workers import MongoPresence
from llm.circuits import breakers_open_until
from ops.printing import AsJson, help_end, moment, show, span, table
from ops.reports.status import Bell, Status, open_breakers, status_of
from ops.running import Desk, run

MOST_PROPOSALS: Final = 50

EPILOG: Final = help_end(
    "pferdewert status",
    "pferdewert status --json | jq .owed.count",
    codes="0 told, whatever it is",
)


def status(*, as_json: AsJson = False) -> None:
    """Show what is paid and undelivered, jobs, queue, workers, breakers, mails and the switch."""
    show(run(gather), render, as_json=as_json)


async def gather(desk: Desk) -> Status:
    overview = Overview(desk.connection)
    return status_of(
        piles=await overview.piles(),
        proof=await ProofBook(desk.connection).last(),
        proposed=await overview.broken_promises(MOST_PROPOSALS),
        mails=await overview.mails(),
        workers=await MongoPresence(desk.connection).workers(),
        bell=await _bell(desk),
        switch=await Switches(desk.connection).direct_only(),
        now=desk.clock.now(),
    )


async def _bell(desk: Desk) -> Bell | None:
    """Read what Redis knows; None when it does not answer."""
    try:
        depth = await desk.redis.llen(f"{KEY_PREFIX}{QUEUE}")
        circuits = await breakers_open_until(desk.redis)
    except (RedisError, OSError):
        return None
    return Bell(queue_depth=depth, open_breakers=open_breakers(circuits, desk.clock.now()))


def render(report: Status) -> Iterator[RenderableType]:
    yield _owed_line(report)
    rows = [(state.value, count) for state, count in report.jobs.items()]
    yield table("Jobs", ("state", "count"), rows)
    if report.owed.by_reason:
        yield table(
            "Reasons of undelivered jobs", ("reason", "count"), report.owed.by_reason.items()
        )
    yield from _proof_lines(report)
    workers = [
        (worker.owner, "yes" if worker.alive else "no", worker.seen_at, ", ".join(worker.holding))
        for worker in report.workers
    ]
    yield table("Workers", ("worker", "alive", "seen", "holds"), workers)
    yield from _bell_lines(report.bell)
    yield f"Mails: {report.mails_pending} pending, {report.mails_failed} failed"
    switch = report.direct_only
    since = f" since {moment(switch.since)} by {switch.by}" if switch.since else ""
    yield f"Rollback to the direct providers: {'ON' if switch.on else 'off'}{since}"


def _owed_line(report: Status) -> str:
    owed = report.owed
    if owed.oldest_age_s is None:
        return "Paid and undelivered: none"
    age = span(timedelta(seconds=owed.oldest_age_s))
    return f"Paid and undelivered: {owed.count}, the oldest for {age}"


def _proof_lines(report: Status) -> Iterator[RenderableType]:
    if report.proof is None:
        yield "Proof: none yet (does the clock run?)"
    else:
        found = ", ".join(f"{count} {fault.value}" for fault, count in report.proof.counts.items())
        advice = "; `pferdewert orders check` lists them" if found else ""
        yield f"Proof of {moment(report.proof.checked_at)}: {found or 'all agree'}{advice}"
    if report.refunds_proposed:
        rows = [(line.job_id, line.code, line.payment_intent) for line in report.refunds_proposed]
        columns = ("job", "reason", "payment")
        yield table("Refunds proposed (or `pferdewert orders retry`)", columns, rows)


def _bell_lines(bell: Bell | None) -> Iterator[str]:
    if bell is None:
        yield "Queue and breakers: unknown, Redis does not answer (jobs are found without it)"
        return
    yield f"Queue: {bell.queue_depth} waiting"
    if not bell.open_breakers:
        yield "Breakers: none open"
    for broken in bell.open_breakers:
        yield f"Breaker open: {broken.model} until {moment(broken.open_until)}"
