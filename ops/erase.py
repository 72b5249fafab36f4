"""`pferdewert erase`: forget one session, with a receipt."""

import socket
from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.text import Text

from ledger.erasure import Erasure, Holdings, Run
from ledger.handwork import Effect, Handwork, NotByHand
from ledger.names import JOBS
from ledger.tombstone import erased
from ops.printing import AsJson, help_end, moment, show, table
from ops.reports.erasure import ErasureReport, going, remains_of, report_of, warnings_of
from ops.running import Desk, Refused, run, who

EPILOG: Final = help_end(
    "pferdewert erase cs_live_a1B2c3 --dry-run",
    "pferdewert erase cs_live_a1B2c3 --with-order --json --force",
    codes="0 nothing of ours is left, 1 refused or declined",
)


def erase(
    session: Annotated[str, typer.Argument(help="Stripe session; a job or order id works too.")],
    *,
    with_order: Annotated[
        bool,
        typer.Option("--with-order", help="Also empty the site's order: horse, texts, result."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would go and what would stay.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Do not ask; also when the order is still owed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase everything about one customer's session, and print and store a receipt.

    What stays of the job names nobody and keeps a resent webhook from starting it again; no mail
    goes out any more. A worker that has the job finds out at its next write. The site's order is
    left alone without --with-order. Safe to repeat.
    """

    async def act(desk: Desk) -> ErasureReport:
        held = await _held(desk, session)
        if dry_run:
            return _planned(held, with_order=with_order)
        _refuse(held, with_order=with_order, force=force)
        if not force:
            _ask(held, with_order=with_order)
        return await carry_out(desk, held, with_order=with_order, force=force)

    show(run(act), render, as_json=as_json)


async def carry_out(
    desk: Desk, held: Holdings, *, with_order: bool, force: bool = False
) -> ErasureReport:
    """Erase, and keep the receipt of whatever went. Raises Refused."""
    erasure = Erasure(desk.connection, desk.clock)
    counts = {JOBS: await _bury(desk, held, force=force)}
    counts |= await erasure.forget(held.session_id)
    for order in held.orders if with_order else ():
        emptied = await erasure.empty(order) if order.fields else 0
        counts[order.collection] = counts.get(order.collection, 0) + emptied
    done = Run(
        at=desk.clock.now(),
        by=who(),
        host=socket.gethostname(),
        with_order=with_order,
        erased=counts,
        remains=remains_of(held, with_order=with_order),
    )
    if held.erased_at is None or any(counts.values()):
        await erasure.keep_receipt(held.session_id, done)
    return report_of(
        held, erased=counts, with_order=with_order, by=done.by, host=done.host, at=done.at
    )


async def _bury(desk: Desk, held: Holdings, *, force: bool) -> int:
    """Leave tombstones in the place of jobs; return of how many. Raises Refused."""
    handwork, now = Handwork(desk.connection, desk.clock), desk.clock.now()
    buried = 0
    for job in held.jobs:
        try:
            handled = await handwork.handle(
                job.id, lambda seen: erased(seen, now, although_owed=force)
            )
        except NotByHand as error:
            raise Refused(str(error)) from None
        buried += handled.effect is Effect.ERASED
    return buried


async def _held(desk: Desk, reference: str) -> Holdings:
    """Raises Refused when nothing is known, or several sessions are meant."""
    jobs = await Handwork(desk.connection, desk.clock).find(reference)
    sessions = list(dict.fromkeys(job.session_id for job in jobs)) or [reference]
    if len(sessions) > 1:
        raise Refused(f"{reference} leads to several sessions; name one: {', '.join(sessions)}.")
    held = await Erasure(desk.connection, desk.clock).look(sessions[0])
    known = held.jobs or held.attempts or held.errors or held.events or held.orders
    if not known and held.erased_at is None:
        raise Refused(f"Nothing is known about {reference}. Check the id.")
    return held


def _refuse(held: Holdings, *, with_order: bool, force: bool) -> None:
    """Refuse before anything is asked; the ledger looks again at each job."""
    if with_order and held.sharing:
        raise Refused(
            f"The order also belongs to {', '.join(held.sharing)}: erase that session first, then "
            "this one again with --with-order."
        )
    for job in [] if force else held.jobs:
        try:
            erased(job.model_dump(by_alias=True), job.updated_at, although_owed=False)
        except NotByHand as error:
            raise Refused(str(error)) from None


def _ask(held: Holdings, *, with_order: bool) -> None:
    plan = ", ".join(f"{n} {name}" for name, n in going(held, with_order=with_order).items() if n)
    for warning in warnings_of(held):
        typer.echo(f"Note: {warning}.", err=True)
    question = f"Erase {held.session_id} for ever ({plan or 'nothing is left'})?"
    typer.confirm(question, abort=True, err=True)


def _planned(held: Holdings, *, with_order: bool) -> ErasureReport:
    counts = going(held, with_order=with_order)
    host = socket.gethostname()
    return report_of(held, erased=counts, with_order=with_order, by=who(), host=host, at=None)


def render(report: ErasureReport) -> Iterator[RenderableType]:
    yield Text(_headline(report), style="bold")
    for warning in report.warnings:
        yield Text(f"Note: {warning}")
    word = "would go" if report.dry_run else "erased"
    yield table("Ours", ("collection", word), report.erased.items())
    yield table("Stays", ("where", "what and why"), report.remains.items())
    yield table("Outside this command", ("where", "what"), report.outside.items())


def _headline(report: ErasureReport) -> str:
    if report.dry_run:
        return f"Nothing was changed. Erasing {report.session_id} would do this:"
    again = (
        f"already erased at {moment(report.already_erased_at)}; "
        if report.already_erased_at
        else ""
    )
    return (
        f"{report.session_id}: {again}receipt {report.receipt_id}, by {report.by} at {report.host}"
    )
