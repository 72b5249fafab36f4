"""`pferdewert reconcile`: compare with Stripe now, by hand."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer
from pydantic import BaseModel
from rich.console import RenderableType

from domain.reconciliation import SPANS, Reach, Source, Tally
from ops.printing import AsJson, help_end, moment, show, table
from ops.running import Desk, Exit, Refused, run
from payments.reading import CursorLost, KeyRefused, StripeAway
from schedules.reconciliation import Reconciliation
from schedules.reconciliation_wiring import build_reconciliation

HOURS: Final = round(SPANS[Reach.FULL].total_seconds() / 3600)
MOST_HOURS: Final = 24 * 365

EPILOG: Final = help_end(
    "pferdewert reconcile --dry-run",
    "pferdewert reconcile --hours 24",
    codes="0 every paid session has its job, 1 one has none, or something could not be read",
)


class SourceReport(BaseModel):
    """What one source told. With a `fault` it was not read to its end."""

    source: Source
    tally: Tally
    fault: str | None = None


class Reconciled(BaseModel):
    """In a dry run `opened` and `settled` say what would be done, by each source for itself."""

    dry_run: bool
    window_from: datetime
    sources: list[SourceReport]

    @property
    def is_clean(self) -> bool:
        return not any(
            report.fault or report.tally.failed or report.tally.unknown_paid
            for report in self.sources
        )


def reconcile(
    *,
    hours: Annotated[
        float,
        typer.Option(min=0.1, max=MOST_HOURS, help="How far back sessions and events were made."),
    ] = HOURS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Open a job for whatever is paid at Stripe and has none; follow up refunds and disputes.

    The clock does the same every RECONCILE_EVERY_MINUTES. Stripe keeps events for 30 days, sessions
    longer. Safe to repeat, also while the clock does it.
    """

    async def act(desk: Desk) -> Reconciled:
        since = desk.clock.now() - timedelta(hours=hours)
        async with AsyncExitStack() as stack:
            reconciliation = _build(desk, stack, dry_run=dry_run)
            reports = [
                await _look(reconciliation, source, since, dry_run=dry_run) for source in Source
            ]
        return Reconciled(dry_run=dry_run, window_from=since, sources=reports)

    report = run(act)
    show(report, render, as_json=as_json)
    raise typer.Exit(Exit.OK if report.is_clean else Exit.FAILED)


def _build(desk: Desk, stack: AsyncExitStack, *, dry_run: bool) -> Reconciliation:
    settings = desk.settings
    if settings.stripe_api_key is None:
        raise Refused(
            "STRIPE_API_KEY is not set: make a restricted key that reads Checkout Sessions and "
            "Events, and set it."
        )
    if not settings.can_read_stripe:
        raise Refused(
            "STRIPE_API_KEY is of the other mode than STRIPE_LIVEMODE: its payments are not ours."
        )
    return build_reconciliation(settings, desk.connection, desk.clock, stack, rehearse=dry_run)


async def _look(
    reconciliation: Reconciliation, source: Source, since: datetime, *, dry_run: bool
) -> SourceReport:
    """Look through one source; what keeps it from being read must not stop the others."""
    try:
        walk = await reconciliation.look_back(source, since)
    except (StripeAway, KeyRefused, CursorLost) as error:
        return SourceReport(source=source, tally=Tally(), fault=str(error))
    if source is Source.SESSIONS and not dry_run:
        await reconciliation.keep_facts(walk)
    return SourceReport(source=source, tally=walk.tally)


def render(report: Reconciled) -> Iterator[RenderableType]:
    title = f"Stripe since {moment(report.window_from)}"
    columns = ("source", *Tally().counts(), "not read")
    rows = [(r.source.value, *r.tally.counts().values(), r.fault) for r in report.sources]
    yield table(f"{title}, nothing changed" if report.dry_run else title, columns, rows)
    missing = dict.fromkeys(name for r in report.sources for name in r.tally.unknown_paid)
    if missing:
        yield table("Paid without a job", ("session",), [(name,) for name in missing])
    broken = dict.fromkeys(name for r in report.sources for name in r.tally.failing)
    if broken:
        yield table("Could not be taken", ("id",), [(name,) for name in broken])
