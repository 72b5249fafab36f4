"""`pferdewert trace`: the story of one order."""

from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.console import RenderableType

from ledger.handwork import Handwork
from ledger.overview import Overview
from ops.printing import AsJson, help_end, show, table
from ops.reports.trace import Trace, trace_of
from ops.running import Desk, Refused, run

EPILOG: Final = help_end(
    "pferdewert trace cs_live_a1B2c3", "pferdewert trace cs_live_a1B2c3 --json"
)


def trace(
    session: Annotated[str, typer.Argument(help="Stripe session; a job or order id works too.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show everything that happened to one order, in the order of time, without customer text."""

    async def gather(desk: Desk) -> Trace:
        return await tell(desk, session)

    show(run(gather), render, as_json=as_json)


async def tell(desk: Desk, reference: str) -> Trace:
    """Raises Refused when nothing is known."""
    jobs = await Handwork(desk.connection, desk.clock).find(reference)
    sessions = [job.session_id for job in jobs] or [reference]
    payments = [job.payment.payment_intent for job in jobs if job.payment.payment_intent]
    overview = Overview(desk.connection)
    told = trace_of(
        reference,
        jobs,
        events=await overview.events(sessions, payments),
        attempts=await overview.attempts(sessions),
        errors=await overview.errors(sessions),
    )
    if not told.moments:
        raise Refused(
            f"Nothing is known about {reference}: no event of Stripe, no job. Check the id; for a "
            "paid session look into Stripe's dashboard whether its webhook was delivered."
        )
    return told


def render(report: Trace) -> Iterator[RenderableType]:
    rows = [(m.at, m.source.value, m.what, m.detail) for m in report.moments]
    yield table(", ".join(report.jobs) or "no job", ("when", "source", "what", "detail"), rows)
