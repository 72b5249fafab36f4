"""`pferdewert orders check` and `repair`: what the proof found, and mending one order of it."""

import getpass
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import typer
from pydantic import BaseModel, ValidationError
from rich.console import RenderableType
from rich.text import Text

from domain.acceptance import judge
from domain.checkout import CheckoutSession
from domain.errors import Unavailable
from domain.examination import Examined, examine, is_as_delivered, objections, version_of
from domain.job import Job, Kind, PaymentFacts, RawOrder, State
from domain.proof import Fault, Finding
from ledger.handwork import Handwork, NotByHand
from ledger.orders import MongoOrders
from ledger.proof import ProofBook
from ledger.repair import Repairs
from ops.orders import Reference, ring
from ops.printing import AsJson, help_end, moment, show, table
from ops.running import Desk, Refused, run
from payments.desk import StripeDesk, StripeRefused

REPAIRABLE: Final = frozenset(
    {Fault.UNACCEPTABLE_RESULT, Fault.RESULT_GONE, Fault.DONE_WITHOUT_RESULT}
)
CHECK_EPILOG: Final = help_end(
    "pferdewert orders check",
    "pferdewert orders check --json | jq '.findings[] | select(.fault == \"unacceptable_result\")'",
    codes="0 told, whatever it is",
)
REPAIR_EPILOG: Final = help_end(
    "pferdewert orders repair cs_live_a1B2c3", "pferdewert orders repair cs_live_a1B2c3 --force"
)
_PAID: Final = frozenset({"paid", "no_payment_required"})
_ADVICE: Final = {
    Fault.PAID_WITHOUT_JOB: "send the event again from Stripe's dashboard",
    Fault.DONE_WITHOUT_RESULT: "pferdewert orders repair {}",
    Fault.RESULT_GONE: "pferdewert orders repair {}",
    Fault.UNACCEPTABLE_RESULT: "pferdewert orders repair {}",
    Fault.RESULT_CHANGED: "acceptable; ask who changed it",
    Fault.DONE_WITHOUT_JOB: "acceptable; another system answered it",
    Fault.MAIL_FAILED: "write to the customer by hand",
    Fault.MAIL_OVERDUE: "pferdewert trace {}",
}


class Checked(BaseModel):
    """The findings of the clock's newest proof; `checked_at` is None before the first one."""

    checked_at: datetime | None
    findings: list[Finding]
    counts: dict[Fault, int]


class Repaired(BaseModel):
    """What was done. `reasons`: what acceptance says against the result that was moved aside."""

    job_id: str
    order_id: str
    fault: Fault
    reasons: list[str]
    set_aside: bool
    state: State
    rung: bool
    message: str


@dataclass(frozen=True, slots=True)
class Case:
    """One order with its jobs, as a human decides about it."""

    kind: Kind
    raw: RawOrder
    session_id: str
    job: Job | None
    found: Examined

    @property
    def order_id(self) -> str:
        return str(self.raw["_id"])


def check(*, as_json: AsJson = False) -> None:
    """List where paid events, jobs, orders and mails disagree, as the clock found it last.

    Orders that hold an apology or another unacceptable text are among them; `orders repair`
    mends one.
    """

    async def gather(desk: Desk) -> Checked:
        proof = await ProofBook(desk.connection).last()
        if proof is None:
            return Checked(checked_at=None, findings=[], counts={})
        return Checked(
            checked_at=proof.checked_at, findings=list(proof.findings), counts=proof.counts
        )

    show(run(gather), render_check, as_json=as_json)


def repair(
    reference: Reference,
    *,
    force: Annotated[bool, typer.Option("--force", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have an order that lost its result, or was sold an unacceptable one, delivered anew.

    The result it holds is moved aside first (collection results_set_aside), never deleted. An
    answer of our own is delivered again at no cost, otherwise a model is asked: PAID. A result
    that passes acceptance is never touched.
    """

    async def act(desk: Desk) -> Repaired:
        case = await case_of(desk, reference)
        payment = await _payment_of(desk, case)
        if not force:
            typer.confirm(_question(case, payment), abort=True, err=True)
        return await carry_out(desk, case, payment or PaymentFacts())

    show(run(act), render_repair, as_json=as_json)


async def case_of(desk: Desk, reference: str) -> Case:
    """Look at the order now, not as the last proof saw it. Raises Refused."""
    kind, raw, jobs = await _find(desk, reference)
    reasons: tuple[str, ...] = ()
    if version_of(kind, raw) and not is_as_delivered(kind, raw, jobs):
        reasons = objections(kind, raw, judge)
    found = examine(kind, raw, jobs, reasons=reasons, ours=True)
    if found.fault not in REPAIRABLE:
        raise Refused(_nothing_to_repair(found, jobs))
    job = next((j for j in jobs if j.state is State.DELIVERED), jobs[0] if jobs else None)
    session_id = job.session_id if job else raw.get("stripeSessionId")
    if not isinstance(session_id, str) or not session_id:
        raise Refused(f"The order {raw['_id']} names no Stripe session: nobody can say who paid.")
    return Case(kind, raw, session_id, job, found)


async def carry_out(desk: Desk, case: Case, payment: PaymentFacts) -> Repaired:
    """Raises Refused."""
    fault = case.found.fault
    if fault is None:
        raise Refused("Nothing is wrong with this order.")
    try:
        job = await Repairs(desk.connection, desk.clock).reopen(
            case.kind,
            case.order_id,
            session_id=case.session_id,
            version=case.found.version,
            payment=payment,
            reasons=case.found.reasons,
            by=_who(),
        )
    except NotByHand as error:
        raise Refused(str(error)) from None
    return Repaired(
        job_id=job.id,
        order_id=case.order_id,
        fault=fault,
        reasons=list(case.found.reasons),
        set_aside=bool(case.found.version),
        state=job.state,
        rung=await ring(desk, job.id),
        message=f"{job.id} is due; workers take it within seconds",
    )


async def _find(desk: Desk, reference: str) -> tuple[Kind, RawOrder, list[Job]]:
    jobs = await Handwork(desk.connection, desk.clock).find(reference)
    orders = MongoOrders(desk.connection)
    for kind in [jobs[0].kind] if jobs else list(Kind):
        order_id = next((job.order_id for job in jobs if job.order_id), reference)
        session_id = jobs[0].session_id if jobs else reference
        raw = await orders.find(kind, order_id=order_id, session_id=session_id)
        if raw is not None:
            known = await ProofBook(desk.connection).jobs_of([raw])
            return kind, raw, [job for job in known if job.kind is kind]
    raise Refused(f"No order belongs to {reference}. `pferdewert orders check` names sessions.")


def _nothing_to_repair(found: Examined, jobs: list[Job]) -> str:
    states = ", ".join(f"{job.id} is {job.state.value}" for job in jobs) or "it has no job"
    if found.version:
        return f"The order holds a result that passes acceptance; {states}. Nothing was changed."
    return (
        f"The order holds no result and nobody claims that it was paid or done; {states}. "
        "`pferdewert orders retry` starts an undelivered job again."
    )


async def _payment_of(desk: Desk, case: Case) -> PaymentFacts | None:
    """Ask Stripe about a session without a job; None when it cannot be asked.

    Raises Refused when it says that nothing was paid.
    """
    if case.job is not None:
        return case.job.payment
    key = desk.settings.stripe_api_key
    if key is None:
        return None
    stripe = StripeDesk(desk.http, base_url=desk.settings.stripe_api_base, api_key=key)
    try:
        session = CheckoutSession.model_validate(await stripe.session(case.session_id))
    except (Unavailable, StripeRefused, ValidationError):
        return None
    if session.payment_status not in _PAID:
        raise Refused(f"{case.session_id} is {session.payment_status} at Stripe: nothing is owed.")
    return session.facts()


def _question(case: Case, payment: PaymentFacts | None) -> str:
    why = f" ({', '.join(case.found.reasons)})" if case.found.reasons else ""
    doubt = "" if payment else " Stripe could NOT confirm that it was paid."
    fault = case.found.fault.value if case.found.fault else ""
    aside = " Its present result is moved aside." if case.found.version else ""
    return f"{case.kind.value} order {case.order_id}: {fault}{why}.{doubt}{aside} Deliver it anew?"


def _who() -> str:
    """Return the login of whoever runs this, for the record beside the old result."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def render_check(report: Checked) -> Iterator[RenderableType]:
    if report.checked_at is None:
        yield "There is no proof yet: does the clock (python -m schedules) run?"
        return
    if not report.findings:
        yield f"Proof of {moment(report.checked_at)}: events, jobs, orders and mails agree."
        return
    rows = [
        (
            finding.fault.value,
            finding.reference,
            finding.order_id,
            finding.since,
            finding.detail or None,
            _ADVICE[finding.fault].format(finding.reference),
        )
        for finding in report.findings
    ]
    columns = ("fault", "session", "order", "since", "detail", "what to do")
    yield table(f"Proof of {moment(report.checked_at)}", columns, rows)
    if (more := sum(report.counts.values()) - len(report.findings)) > 0:
        yield f"And {more} more."


def render_repair(report: Repaired) -> Iterator[RenderableType]:
    if report.set_aside:
        yield Text(f"The old result of {report.order_id} is in results_set_aside.")
    yield Text(f"{report.message}.")
