"""Sending a mail again by hand."""

from datetime import datetime

from domain.duties import owed_in
from domain.job import MailDuty, MailState, MailTo, State
from domain.ports import Clock
from ledger.connection import Connection, Document
from ledger.documents import plain
from ledger.handwork import Changes, Effect, Handled, Handwork, NotByHand, moved


class MailAgain:
    """Raises Unavailable."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._handwork = Handwork(connection, clock)
        self._clock = clock

    async def send(self, job_id: str, to: MailTo, *, again: bool) -> Handled:
        """Make a mail of a delivered job due now; with `again` also one that was sent.

        Raises NotByHand.
        """
        return await self._handwork.handle(
            job_id, lambda job: mailed(job, to, again=again, now=self._clock.now())
        )


def mailed(job: Document, to: MailTo, *, again: bool, now: datetime) -> tuple[Effect, Changes]:
    """Decide about sending a mail again. Raises NotByHand.

    A mail that failed keeps its key: it may have gone out although we did not hear so, and the
    provider then knows. One that was sent needs a new key, or the provider would keep it back.
    """
    _check(job, to)
    duty = MailDuty.model_validate(job["mails"].get(to) or {"state": MailState.FAILED})
    if job.get("owner") is not None:
        return Effect.IN_WORK, {}
    if not duty.state.is_known:
        raise NotByHand(
            f"The mail to the {to} of {job['_id']} is {duty.state.value!r}, which only a newer "
            "build understands: use its command line."
        )
    if duty.state is MailState.SENT and not again:
        sent_at = duty.sent_at.isoformat(timespec="seconds") if duty.sent_at else "some time ago"
        raise NotByHand(
            f"The mail to the {to} of {job['_id']} was sent at {sent_at}; --again sends another."
        )
    edition = duty.edition + (duty.state is MailState.SENT)
    fresh = MailDuty(edition=edition, asked_at=now)
    due = {"not_before": now, f"mails.{to}": plain(fresh)}
    return Effect.MAIL_DUE, moved(job, now) | due


def _check(job: Document, to: MailTo) -> None:
    if job.get("erased_at"):
        raise NotByHand(f"{job['_id']} is erased: no mail goes out for it any more.")
    if to not in owed_in(State.DELIVERED):
        raise NotByHand(f"A {to} mail belongs to a parked order; it is not sent by hand.")
    if State(job["state"]) is not State.DELIVERED:
        raise NotByHand(
            f"{job['_id']} is {job['state']}: its mails go out by themselves when it is delivered."
        )
