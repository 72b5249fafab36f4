"""`pferdewert orders`: look at jobs, start them again, stop them."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
from rich.console import RenderableType
from rich.text import Text

from config.settings import MailProvider, Settings
from domain.job import UNDELIVERED, Job, Kind, MailTo, State
from doorbell.app import make_celery
from doorbell.ringer import CeleryRinger
from ledger.handwork import Effect, Handwork, NotByHand
from ledger.mail_again import MailAgain
from ledger.orders import MongoOrders
from ledger.overview import Overview
from ops.printing import AsJson, help_end, show, span, table
from ops.reports.orders import (
    Handling,
    JobDetails,
    JobFacts,
    JobList,
    facts_of,
    handling_of,
    listed,
)
from ops.running import Desk, Refused, run

MOST: Final = 1000
LONGEST_REASON: Final = 200

app = typer.Typer(no_args_is_help=True, help="Look at jobs, start them again, stop them.")

Reference = Annotated[
    str, typer.Argument(help="Stripe session, job id (kind:session) or order id.")
]


@app.command(
    "list",
    epilog=help_end(
        "pferdewert orders list", "pferdewert orders list --state parked --limit 50 --json"
    ),
)
def list_(
    *,
    state: Annotated[
        State | None, typer.Option(help="Only this state; without it all undelivered jobs.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    states = UNDELIVERED if state is None else (state,)

    async def gather(desk: Desk) -> JobList:
        jobs = await Overview(desk.connection).newest(states, limit)
        return listed(jobs, desk.clock.now())

    show(run(gather), render_list, as_json=as_json)


@app.command("show", epilog=help_end("pferdewert orders show cs_live_a1B2c3"))
def show_(reference: Reference, *, as_json: AsJson = False) -> None:
    """Show everything about a job except the customer's words and the answer's text."""

    async def gather(desk: Desk) -> JobDetails:
        jobs = await found(desk, reference)
        return JobDetails(jobs=[facts_of(job) for job in jobs])

    show(run(gather), render_details, as_json=as_json)


@app.command(
    epilog=help_end(
        "pferdewert orders retry valuation:cs_live_a1B2c3",
        "pferdewert orders retry cs_live_a1B2c3 --order-id 68a0c0ffee0123456789abcd",
    )
)
def retry(
    reference: Reference,
    *,
    order_id: Annotated[
        str | None,
        typer.Option(help="The order of a session that did not lead to one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a parked or waiting job due now, with a fresh give-up clock, and ring for it.

    Refuses delivered and cancelled jobs. Safe to repeat: a job that is due or being worked on
    stays as it is.
    """

    async def act(desk: Desk) -> Handling:
        job = await the_one(desk, reference)
        if order_id is not None:
            await _check_order(desk, job.kind, order_id)
        try:
            handled = await Handwork(desk.connection, desk.clock).retry(job.id, order_id=order_id)
        except NotByHand as error:
            raise Refused(str(error)) from None
        rings = handled.effect in {Effect.REOPENED, Effect.ALREADY_DUE}
        rung = rings and await ring(desk, job.id)
        return handling_of(handled.job, handled.effect, rung=rung)

    show(run(act), render_handling, as_json=as_json)


@app.command(
    epilog=help_end('pferdewert orders park valuation:cs_live_a1B2c3 --why "customer will call"')
)
def park(
    reference: Reference,
    *,
    why: Annotated[str, typer.Option(help="The reason, for whoever looks next; no customer data.")],
    as_json: AsJson = False,
) -> None:
    """Take an undelivered job out of work until it is retried. Safe to repeat.

    A worker that has it finds out at its next write; what it wins after that is dropped.
    """
    if not 0 < len(why.strip()) <= LONGEST_REASON:
        raise typer.BadParameter(f"say why, in at most {LONGEST_REASON} characters")

    async def act(desk: Desk) -> Handling:
        job = await the_one(desk, reference)
        try:
            handled = await Handwork(desk.connection, desk.clock).park(job.id, why.strip())
        except NotByHand as error:
            raise Refused(str(error)) from None
        return handling_of(handled.job, handled.effect, rung=False)

    show(run(act), render_handling, as_json=as_json)


@app.command(
    epilog=help_end(
        "pferdewert orders mail cs_live_a1B2c3",
        "pferdewert orders mail cs_live_a1B2c3 --to admin --again --force",
    )
)
def mail(
    reference: Reference,
    *,
    to: Annotated[MailTo, typer.Option(help="Which of the two mails.")] = MailTo.CUSTOMER,
    again: Annotated[
        bool, typer.Option("--again", help="Also when it was sent: one more mail goes out.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a mail of a delivered order again: one that failed, or with --again one that was sent.

    Workers try for 24 hours, as after the delivery; a mail that waits is hurried. The address is
    read anew from the Stripe session, where a mistyped one cannot be changed any more: write to
    that customer by hand.
    """

    async def act(desk: Desk) -> Handling:
        job = await the_one(desk, reference)
        _check_mailing(desk.settings, to)
        duty = job.mails.get(to)
        standing = f"{duty.state}, {duty.tries} tries" if duty else "never owed"
        if not force:
            typer.confirm(f"Mail to {to} of {job.id} ({standing}): send?", abort=True, err=True)
        try:
            handled = await MailAgain(desk.connection, desk.clock).send(job.id, to, again=again)
        except NotByHand as error:
            raise Refused(str(error)) from None
        rung = handled.effect is Effect.MAIL_DUE and await ring(desk, job.id)
        return handling_of(handled.job, handled.effect, rung=rung)

    show(run(act), render_handling, as_json=as_json)


async def found(desk: Desk, reference: str) -> list[Job]:
    """Return the jobs that a reference leads to, at least one. Raises Refused."""
    jobs = await Handwork(desk.connection, desk.clock).find(reference)
    if not jobs:
        raise Refused(
            f"No job belongs to {reference}. Did Stripe's webhook arrive? `pferdewert trace` "
            "shows the events of a session; Stripe's dashboard can send them again."
        )
    return jobs


async def the_one(desk: Desk, reference: str) -> Job:
    """Return the only job of a reference. Raises Refused when there are more."""
    jobs = await found(desk, reference)
    if len(jobs) > 1:
        names = ", ".join(f"{job.id} ({job.state.value})" for job in jobs)
        raise Refused(f"{reference} leads to several jobs; name one of them: {names}.")
    return jobs[0]


def _check_mailing(settings: Settings, to: MailTo) -> None:
    if settings.mail_provider is MailProvider.OFF:
        raise Refused("MAIL_PROVIDER is off: nothing would send this mail.")
    if to is MailTo.ADMIN and not settings.admin_emails:
        raise Refused("ADMIN_EMAILS is empty: nobody would get this mail.")


async def _check_order(desk: Desk, kind: Kind, order_id: str) -> None:
    order = await MongoOrders(desk.connection).find(kind, order_id=order_id, session_id="")
    if order is None:
        raise Refused(f"There is no {kind.value} order {order_id}; look for it in the site's data.")


async def ring(desk: Desk, job_id: str) -> bool:
    """Ring once; False when Redis does not take it, and the rescue loop will do."""
    url = desk.settings.redis_url.get_secret_value()
    ringer = CeleryRinger(make_celery(url, name="ops-bell"))
    ringer.ring(job_id)
    await asyncio.to_thread(ringer.close)
    return ringer.published > 0


def render_list(report: JobList) -> Iterator[RenderableType]:
    rows = [
        (
            line.job_id,
            line.state.value,
            line.reason.code.value if line.reason else None,
            line.reason.field if line.reason else None,
            line.order_id,
            line.attempts,
            span(timedelta(seconds=line.age_s)),
            "proposed" if line.refund_proposed else None,
        )
        for line in report.jobs
    ]
    columns = ("job", "state", "reason", "field", "order", "attempts", "age", "refund")
    yield table("Jobs, newest first", columns, rows) if rows else "No such jobs."


def render_details(report: JobDetails) -> Iterator[RenderableType]:
    for job in report.jobs:
        yield table(job.job_id, ("", ""), _rows_of(job))


def _rows_of(job: JobFacts) -> Iterator[tuple[str, object]]:
    return _flat(job.model_dump(mode="json", exclude={"job_id"}))


def _flat(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Give every field that says something a row of its own, whatever its depth."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif value not in (None, ""):
            yield f"{prefix}{name}", value


def render_handling(report: Handling) -> Iterator[RenderableType]:
    yield Text(f"{report.message}.")
