"""An erasure as a report: what went, what stays and why. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from domain.job import MailState
from ledger.erasure import Holdings, fingerprint
from ledger.names import AI_REQUESTS, ERASURES, ERROR_LOGS, JOBS, STRIPE_EVENTS
from ledger.tombstone import is_owed

OUTSIDE: Final = {
    "log files": "not reached: session and job ids, never customer text; delete by age there",
    "redis": "a ring under way holds the job's id until a worker takes it, some seconds",
    "stripe": "name, mail address and payment: Stripe's own data erasure",
    "mail provider": "mails sent, with their addresses, and the shop's own mailbox",
    "model providers": "what they keep of requests by their own terms; no name or address was sent",
    "backups": "copies of MongoDB until they expire",
}
"""Where else something may be, which no command of ours reaches."""


class ErasureReport(BaseModel):
    """The receipt, or with `dry_run` what it would say. `erased` counts documents by collection.

    `already_erased_at` is set when an earlier run did it; `erased` then counts what it found
    beyond that. `warnings` are what a human should know before.
    """

    session_id: str
    receipt_id: str
    dry_run: bool
    already_erased_at: datetime | None
    erased_at: datetime | None
    by: str
    host: str
    with_order: bool
    erased: dict[str, int]
    remains: dict[str, str]
    outside: dict[str, str]
    warnings: list[str]


def report_of(
    held: Holdings,
    *,
    erased: dict[str, int],
    with_order: bool,
    by: str,
    host: str,
    at: datetime | None,
) -> ErasureReport:
    """Build the report on what was held before; without `at` nothing has happened."""
    return ErasureReport(
        session_id=held.session_id,
        receipt_id=fingerprint(held.session_id),
        dry_run=at is None,
        already_erased_at=held.erased_at,
        erased_at=at,
        by=by,
        host=host,
        with_order=with_order,
        erased=erased,
        remains=remains_of(held, with_order=with_order),
        outside=OUTSIDE,
        warnings=list(warnings_of(held)),
    )


def going(held: Holdings, *, with_order: bool) -> dict[str, int]:
    """Return how many documents of each collection would be erased or emptied."""
    counts = {
        JOBS: sum(job.erased_at is None for job in held.jobs),
        AI_REQUESTS: held.attempts_with_words,
        ERROR_LOGS: held.errors,
    }
    for order in held.orders if with_order else ():
        counts[order.collection] = counts.get(order.collection, 0) + bool(order.fields)
    return counts


def remains_of(held: Holdings, *, with_order: bool) -> dict[str, str]:
    """Return by collection what stays and why."""
    found: dict[str, str] = {}
    if held.jobs:
        found[JOBS] = (
            "ids, state, dates, payment and the model's figures: a resent webhook or a second "
            "payment must not start anew, refunds are matched, accounts need the amounts"
        )
    if held.attempts:
        found[AI_REQUESTS] = f"{held.attempts} calls: model, tokens, cost, times, for the figures"
    if held.events:
        found[STRIPE_EVENTS] = (
            f"{held.events} events: ids, types, amounts, for refunds; gone by themselves after "
            "RETENTION_EVENTS_DAYS"
        )
    found[ERASURES] = "this receipt under the session's SHA-256, as proof, for four years"
    return found | _of_orders(held, with_order=with_order)


def _of_orders(held: Holdings, *, with_order: bool) -> dict[str, str]:
    found = {}
    for order in held.orders:
        if with_order or not order.fields:
            text = "ids, status, dates, model and certificate number"
        else:
            text = f"THE SITE STILL HOLDS: {', '.join(order.fields)}; --with-order removes them"
        found[f"{order.collection} {order.order_id}"] = text
    return found


def warnings_of(held: Holdings) -> Iterator[str]:
    for job in held.jobs:
        if job.erased_at is not None:
            continue
        if is_owed(job.model_dump()):
            yield (
                f"{job.id} is {job.state}: the customer paid and gets nothing. Refund the payment "
                "in Stripe's dashboard first."
            )
        for to, duty in job.mails.items():
            if duty.state is MailState.PENDING:
                yield f"the mail to the {to} of {job.id} has not gone out and never will"
    if held.sharing:
        yield f"another session belongs to the same order: {', '.join(held.sharing)}"
